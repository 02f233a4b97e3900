// The shape of a run as the page shows it: its blocks in the order they came.

import type {
  AccessData,
  AnswerSentence,
  Approval,
  BannerData,
  CountData,
  DiffStep,
  ExplainData,
  Finding,
  Plan,
  Problem,
  Run,
  RunState,
  RunWithEvents,
  ScopeData,
  SettledData,
  StepResult,
  TableData,
  ToolData,
  UndoData,
  UsageData,
} from '@/api/types'

/** One step of a change: sent, answered, watched, settled. */
export interface StepView {
  step: number
  kubectl: string
  startedAt: string
  result?: StepResult & { at: string }
  progress: { message: string; at: string }[]
  settled?: SettledData & { at: string }
}

export interface Decision {
  kind: 'approved' | 'declined' | 'expired'
  by: string
  at: string
  /** Nobody was asked: it had been approved beforehand, for the whole login. */
  standing?: boolean
}

export interface PlanBlock {
  kind: 'plan'
  seq: number
  plan: Plan
  explain?: ExplainData
  access?: AccessData
  diff?: DiffStep[]
  approval?: Approval
  decision?: Decision
  steps: StepView[]
  undo?: UndoData
  problem?: Problem
  /** How this cluster's part of a run over several ended. */
  end?: { state: RunState; message?: string }
}

export interface LogBlock {
  kind: 'log'
  seq: number
  lines: string[]
  dropped: number
  container: string
  pod: string
  follow: boolean
}

/** An answer of a model: first as it is being written, then as sentences with what each rests on. */
export interface AnswerBlock {
  kind: 'answer'
  seq: number
  sentences: AnswerSentence[]
  model: string
  done: boolean
}

/** cluster is set where a block is one cluster's in a run over several. */
export type Block = { cluster?: string } & (
  | PlanBlock
  | LogBlock
  | AnswerBlock
  | { kind: 'table'; seq: number; at: string; table: TableData }
  | { kind: 'count'; seq: number; at: string; count: CountData }
  | { kind: 'text'; seq: number; text: string }
  | { kind: 'yaml'; seq: number; text: string }
  | { kind: 'findings'; seq: number; findings: Finding[] }
  | { kind: 'tools'; seq: number; tools: ToolData[] }
  | { kind: 'banner'; seq: number; banner: BannerData }
  | { kind: 'pruned'; seq: number }
  | { kind: 'clarify'; seq: number; message: string; choices: { label: string; text: string }[] }
  | { kind: 'refused'; seq: number; message: string }
  | { kind: 'error'; seq: number; problem: Problem }
)

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
  scope?: ScopeData
  usage?: UsageData
  blocks: Block[]
}

const final: ReadonlySet<RunState> = new Set(['done', 'failed', 'interrupted'])
export const isFinal = (state: RunState): boolean => final.has(state)

export const emptyView = (run: Run | RunWithEvents): RunView => ({
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

export const isChange = (b: Block): b is Block & PlanBlock => b.kind === 'plan' && b.plan.class !== 'read'

/** Whether a person has to decide on this plan now. */
export const waits = (b: Block, view: RunView): boolean =>
  b.kind === 'plan' && b.approval !== undefined && !b.decision && !b.end && !isFinal(view.state)

/** Whether nothing more comes to a plan. */
export const isOver = (b: PlanBlock, view: RunView): boolean => isFinal(view.state) || b.end !== undefined

/** Whether something was sent to the cluster that may have changed it. */
export const sentChange = (view: RunView): boolean => view.blocks.some((b) => isChange(b) && b.steps.length > 0)

/** Whether a step may still be watched: it was made, and its verdict is not there. */
const watched = (b: PlanBlock): boolean => b.steps.some((s) => s.progress.length > 0 && !s.settled)

/** Where a run stands between question and answer, in words for the page and for screen readers. */
export function phase(view: RunView): string {
  if (view.state === 'queued') return 'Waiting to start'
  if (view.state === 'awaiting_approval') return 'Waiting for your decision'
  const plan = view.blocks.findLast((b) => b.kind === 'plan')
  const last = view.blocks.at(-1)
  if (last?.kind === 'log' && last.follow && !isFinal(view.state)) return 'Following the log'
  if (view.state === 'executing' && plan) {
    if (plan.plan.class === 'read') return 'Reading from the cluster'
    return watched(plan) ? 'Watching what comes of it' : 'Making the change'
  }
  if (view.state !== 'running' && view.state !== 'executing') return ''
  if (!plan) return last?.kind === 'answer' ? 'Writing the answer' : last?.kind === 'tools' ? 'Looking into it' : 'Working on it'
  if (plan.plan.class === 'read') return 'Reading from the cluster'
  if (plan.decision) return 'Finishing'
  if (!plan.access) return 'Asking the cluster whether you may'
  return plan.diff ? 'Preparing the approval' : 'Trying it without changing anything'
}
