// What the events of a run carry, by their type: as the API's document says, and narrower where it leaves a word open.
// Lists may be absent where they are empty.

import type { components } from './schema'

type S = components['schemas']

export type RunState = S['Run']['state']
export type Outcome = NonNullable<S['AuditRecord']['outcome']>

export type Plan = S['PlanView']
export type Approval = S['ApprovalData']
export type DiffStep = S['Diff']

export type ColumnKind = 'text' | 'age' | 'number' | 'status'
export type Column = Omit<S['Column'], 'kind'> & { kind: ColumnKind }
export type Cell = string | number | boolean | null
export type TableData = Omit<S['Table'], 'columns' | 'rows'> & { columns: Column[]; rows: Cell[][] }

export type Missing = S['Missing']
export type CountData = S['Count']
export type Evidence = S['Evidence']
export type Finding = Lax<S['Finding'], 'evidence'>
export type ScopeChoice = S['ScopeChoice']
export type ScopeData = S['ScopeData']
export type ExplainData = Lax<S['ExplainData'], 'words' | 'requests' | 'rights' | 'flags'>
export type AccessCheck = S['Check'] & { rule?: string }
export type AccessData = Omit<S['AccessData'], 'steps'> & { steps: AccessCheck[]; snippet?: string }
export type UndoData = S['UndoData']
export type SettledData = S['SettledData']
export type AnswerSentence = S['AnswerSentence']
/** id is what sentences of the answer cite the result by. */
export type ToolData = S['ToolData'] & { id?: string }
export type UsageData = S['UsageData']
export type BannerData = S['BannerData']
export type StepResult = Omit<S['ResultData'], 'outcome'> & { outcome: Outcome }

type Lax<T, K extends keyof T> = Omit<T, K> & Partial<Pick<T, K>>
type Wire = S['RunWithEvents']['events'][number]
type FromWire = { [E in Wire as E['type']]: E['data'] }

interface Narrowed {
  access: AccessData
  table: TableData
  finding: Finding
  explain: ExplainData
  result: StepResult
  tool: ToolData
  end: { state: RunState; message?: string }
  'plan.end': { state: RunState; message?: string }
  /** Stands where output was, a day later. */
  pruned: { was: string }
}

/** Every event of a run, by its type. */
export type EventData = Omit<FromWire, keyof Narrowed> & Narrowed
export type EventType = keyof EventData

/** cluster is set in a run that changes several clusters, on what belongs to the plan of one of them. */
export type RunEvent = { [T in EventType]: { seq: number; at: string; type: T; cluster?: string; data: EventData[T] } }[EventType]
