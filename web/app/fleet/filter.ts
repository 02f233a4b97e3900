// Which clusters the fleet's table shows, and in which order. Pure: ten thousand go through it on every keystroke.

import type { Cluster, ClusterState } from '@/api/types'
import { states } from '@/util/cluster'

export const fleetSorts = ['state', 'name', 'region', 'sessions', 'roundTrip', 'agent', 'kubernetes', 'certificate', 'lastSeen'] as const
export type FleetSort = (typeof fleetSorts)[number]

export interface FleetFilter {
  q?: string
  state?: string
  region?: string
  version?: string
  transport?: 'tls' | 'websocket' | 'quic'
  sort?: FleetSort
  desc?: boolean
}

/** The states of a filter: known ones, separated by commas. */
export const statesOf = (text: string | undefined): ClusterState[] => {
  const named = new Set((text ?? '').split(','))
  return states.filter((s) => named.has(s))
}

/**
 * A text by which names and versions sort as people read them: 9 before 10, whatever the case. Comparing such texts is
 * many times faster than a collator, and each is made once.
 */
export function natural(text: string): string {
  let key = made.get(text)
  if (key === undefined) {
    if (made.size > 50_000) made.clear()
    key = text.toLowerCase().replaceAll(/\d+/g, (digits) => digits.padStart(12, '0'))
    made.set(text, key)
  }
  return key
}
const made = new Map<string, string>()
const by = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const rank = new Map(states.map((s, i) => [s, i]))
const time = (t: string | undefined): number | undefined => (t ? Date.parse(t) : undefined)

/** What a cluster is ordered by; undefined comes last in both directions. */
const keys: Record<FleetSort, (c: Cluster) => number | string | undefined> = {
  state: (c) => rank.get(c.state),
  name: (c) => natural(c.name),
  region: (c) => c.region ? natural(c.region) : undefined,
  sessions: (c) => (c.state === 'revoked' ? undefined : c.sessions),
  roundTrip: (c) => c.roundTripMs,
  agent: (c) => c.agentVersion ? natural(c.agentVersion) : undefined,
  kubernetes: (c) => c.kubernetesVersion ? natural(c.kubernetesVersion) : undefined,
  certificate: (c) => time(c.certificateUntil),
  lastSeen: (c) => time(c.lastSeen),
}

export function filterFleet(all: readonly Cluster[], f: FleetFilter): Cluster[] {
  const only = new Set(statesOf(f.state))
  const words = (f.q ?? '').trim().toLowerCase()
  const found = all.filter(
    (c) =>
      (only.size === 0 || only.has(c.state)) &&
      (!f.region || c.region === f.region) &&
      (!f.version || c.agentVersion === f.version) &&
      (!f.transport || c.transports?.includes(f.transport)) &&
      (words === '' ||
        c.name.toLowerCase().includes(words) ||
        c.region.toLowerCase().includes(words) ||
        c.id.startsWith(words) ||
        c.agentVersion?.toLowerCase().includes(words) ||
        c.kubernetesVersion?.toLowerCase().includes(words)),
  )
  const sort = f.sort ?? 'state'
  const sign = f.desc ? -1 : 1
  return found
    .map((c) => ({ c, key: keys[sort](c), name: natural(c.name) }))
    .toSorted((a, b) => compare(a.key, b.key, sign) || by(a.name, b.name))
    .map(({ c }) => c)
}

function compare(a: number | string | undefined, b: number | string | undefined, sign: number): number {
  if (a === b) return 0
  if (a === undefined || b === undefined) return a === undefined ? 1 : -1
  if (typeof a === 'number' && typeof b === 'number') return sign * (a - b)
  return sign * by(String(a), String(b))
}

/** How many clusters there are in each state. */
export function countStates(all: readonly Cluster[]): Map<ClusterState, number> {
  const out = new Map<ClusterState, number>(states.map((s) => [s, 0]))
  for (const c of all) out.set(c.state, (out.get(c.state) ?? 0) + 1)
  return out
}

/** The different values of a field, for a filter's choices. */
export function valuesOf(all: readonly Cluster[], of: (c: Cluster) => string | undefined): string[] {
  const seen = new Set<string>()
  for (const c of all) {
    const v = of(c)
    if (v) seen.add(v)
  }
  return [...seen].toSorted((a, b) => by(natural(a), natural(b)))
}
