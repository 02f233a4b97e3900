// A run as the page shows it, made from the run's events and nothing else: the same events give the same view, in
// whatever pieces they arrive, twice or after a reload.

import type { Actor, EventData, RunEvent, RunState, RunWithEvents } from '@/api/types'
import { emptyView, isChange, isFinal, waits, type Block, type Decision, type PlanBlock, type RunView, type StepView } from './view'

/** Most log lines kept of one block; the oldest go first, and the page says how many went. */
export const logLimit = 4000

/** The view of a run that was read with its events. What the run says of its state wins over an event that is missing. */
export function viewOf(run: RunWithEvents): RunView {
  const view = reduceAll(emptyView(run), run.events)
  return isFinal(run.state) && !isFinal(view.state) ? { ...view, state: run.state } : view
}

export const reduceAll = (view: RunView, events: readonly RunEvent[]): RunView => events.reduce(reduce, view)

export function reduce(view: RunView, e: RunEvent): RunView {
  if (e.seq <= view.lastSeq) return view // seen already: a stream that resumed sends its overlap
  const next: RunView = { ...view, lastSeq: e.seq, gap: view.gap || e.seq > view.lastSeq + 1 }
  const of = e.cluster ? { cluster: e.cluster } : {}
  const add = (block: Block): RunView => ({ ...next, blocks: [...next.blocks, { ...block, ...of }] })
  const state = (s: RunState, blocks = next.blocks): RunView => ({ ...next, state: isFinal(next.state) ? next.state : s, blocks })
  const plan = (change: (b: PlanBlock) => PlanBlock): Block[] => onPlan(next.blocks, e.cluster, change)
  const step = (n: number, change: (s: StepView) => StepView): RunView => ({ ...next, blocks: plan((b) => ({ ...b, steps: onStep(b.steps, n, e.at, change) })) })
  switch (e.type) {
    case 'accepted':
      return { ...state('running'), text: e.data.text || next.text }
    case 'scope':
      return { ...next, scope: e.data }
    case 'plan':
      return add({ kind: 'plan', seq: e.seq, plan: e.data, steps: [] })
    case 'explain':
      return { ...next, blocks: plan((b) => ({ ...b, explain: e.data })) }
    case 'access':
      return { ...next, blocks: plan((b) => ({ ...b, access: e.data })) }
    case 'diff':
      return { ...next, blocks: plan((b) => ({ ...b, diff: [...(b.diff ?? []), ...e.data.steps] })) }
    case 'approval':
      return state('awaiting_approval', plan((b) => ({ ...b, approval: e.data })))
    case 'approved':
    case 'declined':
    case 'expired': {
      const by = 'by' in e.data ? personName(e.data.by) : ''
      const standing = 'standing' in e.data && e.data.standing === true
      const decision: Decision = { kind: e.type, by, at: e.at, ...(standing ? { standing } : {}) }
      return decided(next, plan((b) => ({ ...b, decision })), e.type === 'approved' ? 'executing' : 'running')
    }
    case 'started':
      return { ...step(e.data.step, () => ({ step: e.data.step, kubectl: e.data.kubectl, startedAt: e.at, progress: [] })), state: isFinal(next.state) ? next.state : 'executing' }
    case 'result':
      return step(e.data.step, (s) => ({ ...s, result: { ...e.data, at: e.at } }))
    case 'progress':
      return step(e.data.step, (s) => ({ ...s, progress: [...s.progress, { message: e.data.message, at: e.at }] }))
    case 'settled':
      return step(e.data.step, (s) => ({ ...s, settled: { ...e.data, at: e.at } }))
    case 'undo':
      return { ...next, blocks: plan((b) => ({ ...b, undo: e.data })) }
    case 'plan.end':
      return decided(next, plan((b) => ({ ...b, end: e.data })), next.state)
    case 'table':
      return add({ kind: 'table', seq: e.seq, at: e.at, table: e.data })
    case 'count':
      return add({ kind: 'count', seq: e.seq, at: e.at, count: e.data })
    case 'text':
      return add({ kind: 'text', seq: e.seq, text: e.data.text })
    case 'yaml':
      return add({ kind: 'yaml', seq: e.seq, text: e.data.text })
    case 'log':
      return { ...next, blocks: withLog(next.blocks, e.seq, e.data, of) }
    case 'finding':
      return joined(next, e.seq, 'findings', (b) => ({ ...b, findings: [...b.findings, e.data] }), { kind: 'findings', seq: e.seq, findings: [], ...of })
    case 'tool':
      return joined(next, e.seq, 'tools', (b) => ({ ...b, tools: [...b.tools, e.data] }), { kind: 'tools', seq: e.seq, tools: [] })
    case 'answer.delta':
      return joined(next, e.seq, 'answer', (b) => (b.done ? undefined : { ...b, sentences: [{ text: (b.sentences[0]?.text ?? '') + e.data.text, verified: true }] }), { kind: 'answer', seq: e.seq, sentences: [], model: '', done: false })
    case 'answer': // the whole takes the place of what was shown while it was written
      return { ...next, blocks: [...next.blocks.filter((b) => b.kind !== 'answer' || b.done), { kind: 'answer', seq: e.seq, sentences: e.data.sentences ?? [], model: e.data.model, done: true }] }
    case 'usage':
      return { ...next, usage: e.data } // of the turn so far
    case 'banner':
      return add({ kind: 'banner', seq: e.seq, banner: e.data })
    case 'pruned':
      return next.blocks.some((b) => b.kind === 'pruned') ? next : add({ kind: 'pruned', seq: e.seq })
    case 'clarify':
      return add({ kind: 'clarify', seq: e.seq, message: e.data.message, choices: e.data.choices ?? [] })
    case 'refused':
      return add({ kind: 'refused', seq: e.seq, message: e.data.message })
    case 'error':
      if (e.cluster && next.blocks.some((b) => b.kind === 'plan' && b.plan.cluster.id === e.cluster)) return { ...next, blocks: plan((b) => ({ ...b, problem: e.data.problem })) }
      return add({ kind: 'error', seq: e.seq, problem: e.data.problem })
    case 'end':
      return { ...next, state: e.data.state, endedAt: e.at, ...(e.data.message ? { message: e.data.message } : {}) }
    default:
      return next // an event of a newer server: nothing to show, and no reason to fail
  }
}

/** Changes the newest plan, or the newest one of a cluster; without one (an event lost), nothing. */
function onPlan(blocks: Block[], cluster: string | undefined, change: (b: PlanBlock) => PlanBlock): Block[] {
  const i = blocks.findLastIndex((b) => b.kind === 'plan' && (!cluster || b.plan.cluster.id === cluster))
  return blocks.map((b, n) => (n === i && b.kind === 'plan' ? change(b) : b))
}

/** A run goes on to wait while another of its plans waits for its own decision. */
function decided(view: RunView, blocks: Block[], then: RunState): RunView {
  if (isFinal(view.state)) return { ...view, blocks }
  const open = blocks.some((b) => isChange(b) && waits(b, view))
  return { ...view, blocks, state: open ? 'awaiting_approval' : then === 'awaiting_approval' ? 'running' : then }
}

function onStep(steps: StepView[], n: number, at: string, change: (s: StepView) => StepView): StepView[] {
  if (!steps.some((s) => s.step === n)) return [...steps, change({ step: n, kubectl: '', startedAt: at, progress: [] })] // its start was lost
  return steps.map((s) => (s.step === n ? change(s) : s))
}

type Kind<K extends Block['kind']> = Extract<Block, { kind: K }>

/** Adds to the last block if it is of this kind and cluster and takes more, else begins one. */
function joined<K extends 'findings' | 'tools' | 'answer'>(view: RunView, seq: number, kind: K, put: (b: Kind<K>) => Kind<K> | undefined, fresh: Kind<K>): RunView {
  const last = view.blocks.at(-1)
  const more = last?.kind === kind && last.cluster === (fresh as Block).cluster ? put(last as Kind<K>) : undefined
  if (more) return { ...view, blocks: [...view.blocks.slice(0, -1), more] }
  return { ...view, blocks: [...view.blocks, put({ ...fresh, seq }) ?? fresh] }
}

/** Lines go to the block of their container: the last one, or any that follows. */
function withLog(blocks: Block[], seq: number, data: EventData['log'], of: { cluster?: string }): Block[] {
  const pod = data.pod ?? ''
  const container = data.container ?? ''
  const lines = data.lines ?? []
  const follow = data.follow === true
  const i = blocks.findLastIndex((b, n) => b.kind === 'log' && b.cluster === of.cluster && b.pod === pod && b.container === container && (b.follow || n === blocks.length - 1))
  const at = blocks[i]
  if (at?.kind !== 'log') return [...blocks, { kind: 'log', seq, lines: lines.slice(-logLimit), dropped: Math.max(0, lines.length - logLimit), pod, container, follow, ...of }]
  const all = [...at.lines, ...lines]
  const over = Math.max(0, all.length - logLimit)
  const more = { ...at, lines: over ? all.slice(over) : all, dropped: at.dropped + over, follow: at.follow || follow }
  return blocks.map((b, n) => (n === i ? more : b))
}

/** A person as an event or a record names them: whole, or already a text. */
export function personName(p: Actor | string | undefined): string {
  if (typeof p === 'string') return p
  return p?.name || p?.email || ''
}
