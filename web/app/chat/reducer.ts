// A run as the page shows it, made from the run's events and nothing else: the same events give the same view, in
// whatever pieces they arrive, twice or after a reload.

import type {
  Actor,
  Approval,
  DiffStep,
  EventData,
  Finding,
  Plan,
  Problem,
  Run,
  RunEvent,
  RunState,
  RunWithEvents,
  StepResult,
  TableData,
} from '@/api/types'

export interface StepView {
  step: number
  kubectl: string
  startedAt: string
  result?: StepResult & { at: string }
}

export interface Decision {
  kind: 'approved' | 'declined' | 'expired'
  by: string
  at: string
}

export interface PlanBlock {
  kind: 'plan'
  seq: number
  plan: Plan
  access?: EventData['access']
  diff?: DiffStep[]
  approval?: Approval
  decision?: Decision
  steps: StepView[]
}

export interface LogBlock {
  kind: 'log'
  seq: number
  lines: string[]
  dropped: number
  container: string
  pod: string
}

export type Block =
  | PlanBlock
  | LogBlock
  | { kind: 'table'; seq: number; at: string; table: TableData }
  | { kind: 'text'; seq: number; text: string }
  | { kind: 'yaml'; seq: number; text: string }
  | { kind: 'findings'; seq: number; findings: Finding[] }
  | { kind: 'clarify'; seq: number; message: string; choices: { label: string; text: string }[] }
  | { kind: 'refused'; seq: number; message: string }
  | { kind: 'error'; seq: number; problem: Problem }

export interface RunView {
  id: string
  conversationId: string
  text: string
  state: RunState
  createdAt: string
  endedAt?: string
  message?: string
  lastSeq: number
  /** An event is missing: what is shown is incomplete until the run is read again. */
  gap: boolean
  blocks: Block[]
}

/** Most log lines kept of one block; the oldest go first, and the page says how many went. */
export const logLimit = 4000

const final: ReadonlySet<RunState> = new Set(['done', 'failed', 'interrupted'])
export const isFinal = (state: RunState): boolean => final.has(state)

export const emptyView = (run: Run): RunView => ({
  id: run.id,
  conversationId: run.conversationId,
  text: run.text,
  state: run.state,
  createdAt: run.createdAt,
  ...(run.endedAt ? { endedAt: run.endedAt } : {}),
  lastSeq: 0,
  gap: false,
  blocks: [],
})

/** The view of a run that was read with its events. What the run says of its state wins over an event that is missing. */
export function viewOf(run: RunWithEvents): RunView {
  const view = reduceAll(emptyView(run), run.events)
  return isFinal(run.state) && !isFinal(view.state) ? { ...view, state: run.state } : view
}

export const reduceAll = (view: RunView, events: readonly RunEvent[]): RunView => events.reduce(reduce, view)

export function reduce(view: RunView, e: RunEvent): RunView {
  if (e.seq <= view.lastSeq) return view // seen already: a stream that resumed sends its overlap
  const next: RunView = { ...view, lastSeq: e.seq, gap: view.gap || e.seq > view.lastSeq + 1 }
  const add = (block: Block): RunView => ({ ...next, blocks: [...next.blocks, block] })
  const state = (s: RunState, blocks = next.blocks): RunView => ({ ...next, state: isFinal(next.state) ? next.state : s, blocks })
  switch (e.type) {
    case 'accepted':
      return { ...state('running'), text: e.data.text || next.text }
    case 'plan':
      return add({ kind: 'plan', seq: e.seq, plan: e.data, steps: [] })
    case 'access':
      return { ...next, blocks: onPlan(next.blocks, (b) => ({ ...b, access: e.data })) }
    case 'diff':
      return { ...next, blocks: onPlan(next.blocks, (b) => ({ ...b, diff: [...(b.diff ?? []), ...e.data.steps] })) }
    case 'approval':
      return state('awaiting_approval', onPlan(next.blocks, (b) => ({ ...b, approval: e.data })))
    case 'approved':
    case 'declined':
    case 'expired': {
      const by = 'by' in e.data ? personName(e.data.by) : ''
      const decision: Decision = { kind: e.type, by, at: e.at }
      return state(e.type === 'approved' ? 'executing' : 'running', onPlan(next.blocks, (b) => ({ ...b, decision })))
    }
    case 'started': {
      const step: StepView = { step: e.data.step, kubectl: e.data.kubectl, startedAt: e.at }
      return state('executing', onPlan(next.blocks, (b) => ({ ...b, steps: [...b.steps.filter((s) => s.step !== step.step), step] })))
    }
    case 'result':
      return { ...next, blocks: onPlan(next.blocks, (b) => ({ ...b, steps: withResult(b.steps, { ...e.data, at: e.at }) })) }
    case 'table':
      return add({ kind: 'table', seq: e.seq, at: e.at, table: e.data })
    case 'text':
      return add({ kind: 'text', seq: e.seq, text: e.data.text })
    case 'yaml':
      return add({ kind: 'yaml', seq: e.seq, text: e.data.text })
    case 'log':
      return { ...next, blocks: withLog(next.blocks, e.seq, e.data) }
    case 'finding': {
      const last = next.blocks.at(-1)
      if (last?.kind === 'findings') {
        return { ...next, blocks: [...next.blocks.slice(0, -1), { ...last, findings: [...last.findings, e.data] }] }
      }
      return add({ kind: 'findings', seq: e.seq, findings: [e.data] })
    }
    case 'clarify':
      return add({ kind: 'clarify', seq: e.seq, message: e.data.message, choices: e.data.choices ?? [] })
    case 'refused':
      return add({ kind: 'refused', seq: e.seq, message: e.data.message })
    case 'error':
      return add({ kind: 'error', seq: e.seq, problem: e.data.problem })
    case 'end':
      return { ...next, state: e.data.state, endedAt: e.at, ...(e.data.message ? { message: e.data.message } : {}) }
    default:
      return next // an event of a newer server: nothing to show, and no reason to fail
  }
}

/** Changes the newest plan; without one (an event lost), nothing. */
function onPlan(blocks: Block[], change: (b: PlanBlock) => PlanBlock): Block[] {
  const i = blocks.findLastIndex((b) => b.kind === 'plan')
  return blocks.map((b, n) => (n === i && b.kind === 'plan' ? change(b) : b))
}

function withResult(steps: StepView[], result: StepResult & { at: string }): StepView[] {
  if (!steps.some((s) => s.step === result.step)) {
    return [...steps, { step: result.step, kubectl: '', startedAt: result.at, result }]
  }
  return steps.map((s) => (s.step === result.step ? { ...s, result } : s))
}

function withLog(blocks: Block[], seq: number, data: EventData['log']): Block[] {
  const pod = data.pod ?? ''
  const container = data.container ?? ''
  const last = blocks.at(-1)
  if (last?.kind === 'log' && last.pod === pod && last.container === container) {
    const lines = [...last.lines, ...data.lines]
    const over = Math.max(0, lines.length - logLimit)
    return [...blocks.slice(0, -1), { ...last, lines: over ? lines.slice(over) : lines, dropped: last.dropped + over }]
  }
  return [...blocks, { kind: 'log', seq, lines: data.lines.slice(-logLimit), dropped: Math.max(0, data.lines.length - logLimit), pod, container }]
}

/** A person as an event or a record names them: whole, or already a text. */
export function personName(p: Actor | string | undefined): string {
  if (typeof p === 'string') return p
  return p?.name || p?.email || ''
}

/** Where a run stands between question and answer, in words for the page and for screen readers. */
export function phase(view: RunView): string {
  if (view.state === 'queued') return 'Waiting to start'
  if (view.state === 'awaiting_approval') return 'Waiting for your decision'
  const plan = view.blocks.findLast((b) => b.kind === 'plan')
  if (view.state === 'executing') return plan?.plan.class === 'read' ? 'Reading from the cluster' : 'Making the change'
  if (view.state !== 'running') return ''
  if (!plan) return 'Working on it'
  if (plan.plan.class === 'read') return 'Reading from the cluster'
  if (plan.decision) return 'Finishing'
  if (!plan.access) return 'Asking the cluster whether you may'
  return plan.diff ? 'Preparing the approval' : 'Trying it without changing anything'
}

/** Whether something was sent to the cluster that may have changed it. */
export const sentChange = (view: RunView): boolean =>
  view.blocks.some((b) => b.kind === 'plan' && b.plan.class !== 'read' && b.steps.length > 0)
