import { describe, expect, it } from 'vitest'
import type { EventData, EventType, Plan, Run, RunEvent } from '@/api/types'
import { emptyView, isFinal, logLimit, phase, reduceAll, sentChange, viewOf, type PlanBlock } from './reducer'

const run: Run = { id: 'r1', conversationId: 'c1', text: 'scale checkout to 3', state: 'queued', createdAt: '2026-11-23T10:00:00Z', lastSeq: 0 }

const plan: Plan = {
  hash: 'h1',
  class: 'mutate',
  sentence: 'Scale deployment checkout to 3 replicas.',
  kubectl: 'kubectl scale deployment/checkout --replicas=3 -n shop',
  cluster: { id: 'k1', name: 'staging' },
  namespace: 'shop',
  steps: [],
  protected: false,
}

let at = 0
function ev<T extends EventType>(seq: number, type: T, data: EventData[T]): RunEvent {
  at += 1
  return { seq, at: new Date(Date.UTC(2026, 10, 23, 10, 0, at % 60)).toISOString(), type, data } as RunEvent
}

const change = [
  ev(1, 'accepted', { text: 'scale checkout to 3' }),
  ev(2, 'plan', plan),
  ev(3, 'access', { allowed: true, steps: [{ verb: 'patch', resource: 'deployments/scale', namespace: 'shop', name: 'checkout', allowed: true, reason: '' }], group: 'operator' }),
  ev(4, 'diff', { steps: [{ title: 'deployment/checkout', before: '', after: '', warnings: [], unified: '-  replicas: 2\n+  replicas: 3\n' }] }),
  ev(5, 'approval', { expiresAt: '2026-11-23T10:10:00Z', planHash: 'h1' }),
  ev(6, 'approved', { by: 'Ada' }),
  ev(7, 'started', { step: 0, kubectl: plan.kubectl }),
  ev(8, 'result', { step: 0, outcome: 'succeeded', message: 'deployment.apps/checkout scaled', intentId: 'i1' }),
  ev(9, 'end', { state: 'done' }),
]

const planOf = (blocks: ReturnType<typeof viewOf>['blocks']) => blocks.find((b): b is PlanBlock => b.kind === 'plan')

describe('reduce', () => {
  it('gathers a change into one card', () => {
    const view = reduceAll(emptyView(run), change)
    expect(view.state).toBe('done')
    expect(view.blocks).toHaveLength(1)
    const card = planOf(view.blocks)
    expect(card?.decision).toMatchObject({ kind: 'approved', by: 'Ada' })
    expect(card?.diff).toHaveLength(1)
    expect(card?.steps[0]?.result).toMatchObject({ outcome: 'succeeded', intentId: 'i1' })
    expect(view.gap).toBe(false)
  })

  it('gives the same view when the stream is cut anywhere and repeats its last events', () => {
    const whole = reduceAll(emptyView(run), change)
    for (let cut = 0; cut <= change.length; cut++) {
      const first = reduceAll(emptyView(run), change.slice(0, cut))
      expect(reduceAll(first, change.slice(Math.max(0, cut - 3)))).toEqual(whole)
    }
  })

  it('walks through the states', () => {
    const states = change.map((_, i) => reduceAll(emptyView(run), change.slice(0, i + 1)).state)
    expect(states).toEqual(['running', 'running', 'running', 'running', 'awaiting_approval', 'executing', 'executing', 'executing', 'done'])
  })

  it('notices a missing event', () => {
    expect(reduceAll(emptyView(run), [change[0], change[2]].filter((e) => e !== undefined)).gap).toBe(true)
  })

  it('ignores events of a newer server', () => {
    const strange = { seq: 2, at: '', type: 'hologram', data: {} } as unknown as RunEvent
    const view = reduceAll(emptyView(run), [change[0] as RunEvent, strange])
    expect(view.lastSeq).toBe(2)
    expect(view.blocks).toEqual([])
  })

  it('joins log lines of one container and keeps the newest', () => {
    const many = Array.from({ length: logLimit }, (_, i) => `line ${i}`)
    const view = reduceAll(emptyView(run), [
      ev(1, 'log', { lines: many, pod: 'api-0', container: 'api' }),
      ev(2, 'log', { lines: ['a', 'b'], pod: 'api-0', container: 'api' }),
      ev(3, 'log', { lines: ['c'], pod: 'api-1', container: 'api' }),
    ])
    expect(view.blocks).toHaveLength(2)
    const [first] = view.blocks
    if (first?.kind !== 'log') throw new Error('not a log')
    expect(first.lines).toHaveLength(logLimit)
    expect(first.lines.at(-1)).toBe('b')
    expect(first.dropped).toBe(2)
  })

  it('groups findings that follow each other', () => {
    const finding = { object: 'pod/a', reason: 'CrashLoopBackOff', severity: 'error', text: 't', evidence: [], next: '' }
    const view = reduceAll(emptyView(run), [ev(1, 'finding', finding), ev(2, 'finding', finding), ev(3, 'text', { text: 'x' }), ev(4, 'finding', finding)])
    expect(view.blocks.map((b) => b.kind)).toEqual(['findings', 'text', 'findings'])
  })

  it('keeps a result whose start was lost', () => {
    const view = reduceAll(emptyView(run), [ev(1, 'plan', plan), ev(2, 'result', { step: 0, outcome: 'unknown', message: '' })])
    expect(planOf(view.blocks)?.steps[0]?.result?.outcome).toBe('unknown')
    expect(sentChange(view)).toBe(true)
  })

  it('does not come back to life after its end', () => {
    const view = reduceAll(emptyView(run), [ev(1, 'end', { state: 'interrupted', message: 'replica lost' }), ev(2, 'started', { step: 0, kubectl: '' })])
    expect(view.state).toBe('interrupted')
    expect(view.message).toBe('replica lost')
  })

  it('does not change what it was given', () => {
    const before = reduceAll(emptyView(run), change.slice(0, 2))
    const copy = structuredClone(before)
    reduceAll(before, change.slice(2))
    expect(before).toEqual(copy)
  })
})

describe('viewOf', () => {
  it('believes the run when its end event is missing', () => {
    const view = viewOf({ ...run, state: 'interrupted', events: change.slice(0, 3) })
    expect(isFinal(view.state)).toBe(true)
    expect(view.state).toBe('interrupted')
  })
})

describe('phase', () => {
  it('says what is going on', () => {
    const phases = [0, 1, 2, 3, 4, 5, 6].map((n) => phase(reduceAll(emptyView(run), change.slice(0, n))))
    expect(phases).toEqual([
      'Waiting to start',
      'Working on it',
      'Asking the cluster whether you may',
      'Trying it without changing anything',
      'Preparing the approval',
      'Waiting for your decision',
      'Making the change',
    ])
  })
})
