// What a page keeps in its address, read with care: anyone can type there.

import { fleetSorts } from '@/fleet/filter'
import { states } from '@/util/cluster'

type Raw = Record<string, unknown>

const text = (v: unknown, max = 200): string | undefined => {
  const s = typeof v === 'number' ? String(v) : v
  return typeof s === 'string' && s !== '' && s.length <= max ? s : undefined
}

const oneOf = <T extends string>(v: unknown, all: readonly T[]): T | undefined => all.find((a) => a === v)

/** Leaves the unset ones out, so that addresses stay short. */
function set<T extends Raw>(o: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(o).filter(([, v]) => v !== undefined)) as { [K in keyof T]?: Exclude<T[K], undefined> }
}

export const signInSearch = (s: Raw) => {
  const next = text(s['next'], 2000)
  return set({ next: next && /^\/t\/[^/\\]/.test(next) ? next : undefined }) // never to another site
}

export const slackLinkSearch = (s: Raw) => set({ code: text(s['code']) })

export const clusterTabs = ['overview', 'connect', 'access', 'tokens'] as const
export type ClusterTab = (typeof clusterTabs)[number]
export const clusterSearch = (s: Raw) => set({ tab: oneOf(s['tab'], clusterTabs) })

export const clustersSearch = (s: Raw) => set({ q: text(s['q']), state: oneOf(s['state'], states) })

export const auditKinds = ['intent', 'result', 'read', 'admin'] as const
export const auditSearch = (s: Raw) =>
  set({ cluster: text(s['cluster']), member: text(s['member']), kind: oneOf(s['kind'], auditKinds), open: text(s['open']) })

export const chatSearch = (s: Raw) => set({ cluster: text(s['cluster']) })

/** What the list of conversations beside the page is narrowed to. */
export const findSearch = (s: Raw) => set({ find: text(s['find']) })

export const threadSearch = (s: Raw) => set({ run: text(s['run']) })

export const fleetSearch = (s: Raw) =>
  set({
    q: text(s['q']),
    state: text(s['state']), // states, separated by commas
    region: text(s['region']),
    version: text(s['version']),
    transport: oneOf(s['transport'], ['tls', 'websocket', 'quic'] as const),
    sort: oneOf(s['sort'], fleetSorts),
    desc: s['desc'] === true || s['desc'] === 'true' ? true : undefined,
    open: text(s['open']),
  })
