import { describe, expect, it } from 'vitest'
import type { Cluster } from '@/api/types'
import { countStates, filterFleet, statesOf, valuesOf } from './filter'

const cluster = (name: string, more: Partial<Cluster> = {}): Cluster => ({
  id: `id-${name}`,
  name,
  region: 'eu',
  state: 'connected',
  since: '2026-11-24T10:00:00Z',
  sessions: 2,
  createdAt: '2026-11-01T10:00:00Z',
  ...more,
})

const all = [
  cluster('b10', { roundTripMs: 12, agentVersion: '0.10.0', transports: ['quic', 'tls'] }),
  cluster('b9', { state: 'offline', sessions: 0, region: 'us', agentVersion: '0.9.0' }),
  cluster('a', { state: 'degraded', roundTripMs: 3, agentVersion: '0.9.0', transports: ['tls'] }),
]
const names = (f: Parameters<typeof filterFleet>[1]) => filterFleet(all, f).map((c) => c.name).join(' ')

describe('the fleet’s table', () => {
  it('puts what needs a person most first', () => expect(names({})).toBe('b9 a b10'))
  it('orders numbers in names and versions as numbers', () => {
    expect(names({ sort: 'name' })).toBe('a b9 b10')
    expect(names({ sort: 'agent', desc: true })).toBe('b10 a b9')
  })
  it('leaves what has no value at the end, in both directions', () => {
    expect(names({ sort: 'roundTrip' })).toBe('a b10 b9')
    expect(names({ sort: 'roundTrip', desc: true })).toBe('b10 a b9')
  })
  it('filters by several states, region, version, transport and words at once', () => {
    expect(names({ state: 'offline,degraded' })).toBe('b9 a')
    expect(names({ region: 'us' })).toBe('b9')
    expect(names({ version: '0.9.0', q: 'B' })).toBe('b9')
    expect(names({ transport: 'quic' })).toBe('b10')
    expect(names({ q: 'id-a' })).toBe('a')
  })
  it('knows only the states there are', () => expect(statesOf('offline,purple')).toEqual(['offline']))
  it('counts every state, also those nothing is in', () => {
    const counts = countStates(all)
    expect([counts.get('connected'), counts.get('offline'), counts.get('revoked')]).toEqual([1, 1, 0])
  })
  it('offers each value once', () => expect(valuesOf(all, (c) => c.agentVersion)).toEqual(['0.9.0', '0.10.0']))
})
