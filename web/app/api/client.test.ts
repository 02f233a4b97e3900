import { beforeEach, expect, it, vi } from 'vitest'
import { ApiError, call, query, toProblem } from './client'

const answer = (body: string, status = 200, headers: Record<string, string> = {}) => vi.spyOn(globalThis, 'fetch').mockResolvedValue(new Response(body, { status, headers }))

const failure = async (): Promise<ApiError> => {
  try {
    await call('/x')
  } catch (e) {
    if (e instanceof ApiError) return e
  }
  throw new Error('it did not fail')
}

beforeEach(() => vi.restoreAllMocks())

it('gives the problem that the server wrote', async () => {
  answer(JSON.stringify({ type: 't', title: 'Conflict', status: 409, detail: 'Name taken.', fix: 'Choose another.', requestId: 'r1' }), 409)
  expect((await failure()).problem).toMatchObject({ status: 409, detail: 'Name taken.', fix: 'Choose another.', requestId: 'r1' })
})

it('makes a problem of an answer that is not ours, with the request id of its header', async () => {
  answer('<html>Bad gateway</html>', 502, { 'X-Request-Id': 'r2' })
  expect((await failure()).problem).toMatchObject({ status: 502, requestId: 'r2' })
})

it('does not take a page of someone else for data', async () => {
  answer('<html>Welcome to the guest network</html>')
  expect((await failure()).problem.title).toContain('not KubeChat')
})

it('tells that the network is away', async () => {
  vi.spyOn(globalThis, 'fetch').mockRejectedValue(new TypeError('Failed to fetch'))
  expect((await failure()).status).toBe(0)
})

it('takes an empty answer as nothing', async () => {
  answer('')
  expect(await call('/x')).toBeUndefined()
})

it('says nothing of the inside when the page itself fails', () => {
  expect(toProblem(new Error('secret stack')).detail).not.toContain('secret')
})

it('leaves unset parameters out of an address', () => {
  expect(query('/a', { b: undefined, c: '', d: 0, e: 'x y' })).toBe('/a?d=0&e=x+y')
})
