import type { Problem } from './types'

/** An answer that is a problem. A network failure is a problem too, with status 0. */
export class ApiError extends Error {
  readonly problem: Problem
  constructor(problem: Problem) {
    super(problem.detail || problem.title)
    this.name = 'ApiError'
    this.problem = problem
  }
  get status(): number {
    return this.problem.status
  }
}

export const isStatus = (error: unknown, status: number): boolean => error instanceof ApiError && error.status === status

/** Turns anything thrown into a problem a person can read. */
export function toProblem(error: unknown): Problem {
  if (error instanceof ApiError) return error.problem
  return {
    type: 'about:blank',
    title: 'The page failed',
    status: -1,
    detail: 'This page hit an error of its own. Reload it; if it comes back, tell us what you did.',
  }
}

const prefix = '/api/v1'
const timeout = 30_000

/** A path below the API's prefix, each part escaped. */
export function path(strings: TemplateStringsArray, ...parts: string[]): string {
  return strings.reduce((out, s, i) => out + s + (i < parts.length ? encodeURIComponent(parts[i] ?? '') : ''), '')
}

/** Appends the set parameters as a query string. */
export function query(base: string, params: Record<string, string | number | undefined>): string {
  const q = new URLSearchParams()
  for (const [k, v] of Object.entries(params)) if (v !== undefined && v !== '') q.set(k, String(v))
  const s = q.toString()
  return s ? `${base}?${s}` : base
}

interface Options {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  body?: unknown
  signal?: AbortSignal | undefined
  /** Sending the same key again returns what the first call made. */
  idempotencyKey?: string
}

async function send(url: string, { method = 'GET', body, signal, idempotencyKey }: Options, accept: string): Promise<Response> {
  const headers: Record<string, string> = { Accept: accept }
  if (body !== undefined) headers['Content-Type'] = 'application/json'
  if (idempotencyKey) headers['Idempotency-Key'] = idempotencyKey
  const limit = AbortSignal.timeout(timeout)
  let res: Response
  try {
    res = await fetch(prefix + url, {
      method,
      headers,
      credentials: 'same-origin',
      body: body === undefined ? null : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    })
  } catch (error) {
    if (signal?.aborted) throw error
    throw new ApiError({
      type: 'about:blank',
      title: limit.aborted ? 'No answer' : 'KubeChat cannot be reached',
      status: 0,
      detail: limit.aborted
        ? 'KubeChat did not answer within 30 seconds.'
        : 'Your browser could not reach KubeChat. Check the network, then try again.',
    })
  }
  if (!res.ok) throw await problemOf(res)
  return res
}

/** The problem an unsuccessful answer carries, or one made from its status. */
export async function problemOf(res: Response): Promise<ApiError> {
  const requestId = res.headers.get('X-Request-Id') ?? undefined
  try {
    const p = (await res.json()) as Partial<Problem>
    if (typeof p.title === 'string' || typeof p.detail === 'string') {
      const id = p.requestId ?? requestId
      return new ApiError({
        ...p,
        type: p.type ?? 'about:blank',
        title: p.title ?? res.statusText,
        status: res.status,
        ...(id ? { requestId: id } : {}),
      })
    }
  } catch {
    // Not JSON: something between here and KubeChat answered.
  }
  return new ApiError({
    type: 'about:blank',
    title: res.status >= 500 ? 'KubeChat has a problem' : `Answer ${res.status}`,
    status: res.status,
    detail: res.status >= 500 ? 'The server failed to answer. Nothing on this page was changed.' : 'The request was not accepted.',
    ...(requestId ? { requestId } : {}),
  })
}

/** Calls the API and returns its JSON; an empty answer is undefined. */
export async function call<T>(url: string, options: Options = {}): Promise<T> {
  const res = await send(url, options, 'application/json, application/problem+json')
  if (res.status === 204) return undefined as T
  const text = await res.text()
  if (!text) return undefined as T
  try {
    return JSON.parse(text) as T
  } catch {
    throw new ApiError({
      type: 'about:blank',
      title: 'An answer that is not KubeChat’s',
      status: res.status,
      detail: 'Something between this browser and KubeChat changed the answer. A proxy or a sign-in page of your network is likely.',
    })
  }
}

/** Calls the API for text, such as a kubeconfig. */
export async function callText(url: string, options: Options = {}): Promise<string> {
  return (await send(url, options, '*/*')).text()
}

/** The address of an API path, for links that download. */
export const href = (url: string): string => prefix + url
