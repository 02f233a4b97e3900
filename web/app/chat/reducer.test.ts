import { describe, expect, it } from 'vitest'
import type { EventData, EventType, Plan, Run, RunEvent } from '@/api/types'
import { logLimit, reduceAll, viewOf } from './reducer'
import { emptyView, isFinal, phase, sentChange, type PlanBlock } from './view'

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
function ev<T extends EventType>(seq: number, type: T, data: EventData[T], cluster?: string): RunEvent {
  at += 1
  return { seq, at: new Date(Date.UTC(2026, 10, 23, 10, 0, at % 60)).toISOString(), type, data, ...(cluster ? { cluster } : {}) } as RunEvent
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

  it('appends to the log that is followed, whatever came between', () => {
    const line = (seq: number, pod: string, text: string) => ev(seq, 'log', { lines: [text], pod, container: 'api', follow: true })
    const view = reduceAll(emptyView(run), [line(1, 'a', '1'), line(2, 'b', '2'), line(3, 'a', '3'), ev(4, 'text', { text: 'x' }), line(5, 'b', '4')])
    expect(view.blocks.flatMap((b) => (b.kind === 'log' ? [b.lines] : []))).toEqual([['1', '3'], ['2', '4']])
  })

  it('begins a new log where the one before was not followed', () => {
    const log = (seq: number) => ev(seq, 'log', { lines: ['x'], pod: 'a', container: 'api' })
    expect(reduceAll(emptyView(run), [log(1), ev(2, 'text', { text: 'y' }), log(3)]).blocks.map((b) => b.kind)).toEqual(['log', 'text', 'log'])
  })

  it('keeps each cluster’s plan, decision and verdict apart', () => {
    const other: Plan = { ...plan, hash: 'h2', cluster: { id: 'k2', name: 'prod' } }
    const events = [
      ev(1, 'plan', plan, 'k1'),
      ev(2, 'plan', other, 'k2'),
      ev(3, 'approval', { expiresAt: '', planHash: 'h1' }, 'k1'),
      ev(4, 'approval', { expiresAt: '', planHash: 'h2' }, 'k2'),
      ev(5, 'approved', { by: 'Ada' }, 'k1'),
      ev(6, 'started', { step: 0, kubectl: '' }, 'k1'),
      ev(7, 'result', { step: 0, outcome: 'succeeded', message: '' }, 'k1'),
      ev(8, 'plan.end', { state: 'done' }, 'k1'),
      ev(9, 'declined', { by: 'Ada' }, 'k2'),
      ev(10, 'plan.end', { state: 'done' }, 'k2'),
    ]
    const states = events.map((_, i) => reduceAll(emptyView(run), events.slice(0, i + 1)).state)
    expect(states.slice(2)).toEqual(['awaiting_approval', 'awaiting_approval', 'awaiting_approval', 'executing', 'executing', 'awaiting_approval', 'running', 'running'])
    const [a, b] = reduceAll(emptyView(run), events).blocks
    expect(a).toMatchObject({ decision: { kind: 'approved' }, steps: [{ result: { outcome: 'succeeded' } }], end: { state: 'done' } })
    expect(b).toMatchObject({ decision: { kind: 'declined' }, steps: [] })
  })

  it('follows a change to its verdict', () => {
    const view = reduceAll(emptyView(run), [
      ...change.slice(0, 8),
      ev(9, 'progress', { step: 0, message: '1 of 3 ready' }),
      ev(10, 'progress', { step: 0, message: '2 of 3 ready' }),
      ev(11, 'settled', { step: 0, state: 'stalled', message: 'no node has room' }),
      ev(12, 'undo', { available: true, sentence: 'Back to 2.', text: 'undo that' }),
    ])
    const card = planOf(view.blocks)
    expect(card?.steps[0]).toMatchObject({ progress: [{ message: '1 of 3 ready' }, { message: '2 of 3 ready' }], settled: { state: 'stalled' } })
    expect(card?.undo?.available).toBe(true)
  })

  it('gathers what explains a plan, what a question is about, and the model’s looks and cost', () => {
    const tool = { name: 'list', args: 'pods', summary: '3 pods' }
    const usage = { model: 'm', inputTokens: 10, outputTokens: 1, costMicros: 5, budget: { used: 11, limit: 100 } }
    const view = reduceAll(emptyView(run), [
      ev(1, 'scope', { clusters: [{ id: 'k1', name: 'staging' }], namespace: 'shop' }),
      ev(2, 'plan', plan),
      ev(3, 'explain', { source: 'builtin', words: [{ words: 'scale', as: 'op scale' }] }),
      ev(4, 'tool', tool),
      ev(5, 'tool', tool),
      ev(6, 'usage', usage),
      ev(7, 'usage', { ...usage, inputTokens: 20, budget: { used: 22, limit: 100 } }),
    ])
    expect(view.scope?.namespace).toBe('shop')
    expect(planOf(view.blocks)?.explain?.words).toHaveLength(1)
    expect(view.blocks.flatMap((b) => (b.kind === 'tools' ? [b.tools.length] : []))).toEqual([2])
    expect(view.usage).toMatchObject({ inputTokens: 20, outputTokens: 1, budget: { used: 22 } })
  })

  it('shows an answer as it is written, and then the whole in its place', () => {
    const parts = [ev(1, 'answer.delta', { text: 'It ' }), ev(2, 'answer.delta', { text: 'fails.' }), ev(3, 'tool', { name: 'logs', args: '', summary: '' })]
    const whole = ev(4, 'answer', { sentences: [{ text: 'It fails.', evidence: ['F1'], verified: true }], model: 'm' })
    expect(reduceAll(emptyView(run), parts).blocks[0]).toMatchObject({ kind: 'answer', done: false, sentences: [{ text: 'It fails.' }] })
    const view = reduceAll(emptyView(run), [...parts, whole])
    expect(view.blocks.map((b) => b.kind)).toEqual(['tools', 'answer'])
    expect(view.blocks[1]).toMatchObject({ done: true, model: 'm' })
  })

  it('groups findings that follow each other', () => {
    const finding = { object: 'pod/a', reason: 'CrashLoopBackOff', severity: 'error', text: 't', evidence: [], next: '' }
    const view = reduceAll(emptyView(run), [ev(1, 'finding', finding), ev(2, 'finding', finding), ev(3, 'text', { text: 'x' }), ev(4, 'finding', finding)])
    expect(view.blocks.map((b) => b.kind)).toEqual(['findings', 'text', 'findings'])
  })

  it('keeps what several clusters answered apart', () => {
    const finding = { object: 'pod/a', reason: 'CrashLoopBackOff', severity: 'error', text: 't', evidence: [], next: '' }
    const log = { lines: ['x'], pod: 'a', container: 'api' }
    const view = reduceAll(emptyView(run), [ev(1, 'finding', finding, 'k1'), ev(2, 'finding', finding, 'k2'), ev(3, 'log', log, 'k1'), ev(4, 'log', log, 'k2')])
    expect(view.blocks.map((b) => [b.kind, b.cluster])).toEqual([['findings', 'k1'], ['findings', 'k2'], ['log', 'k1'], ['log', 'k2']])
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
