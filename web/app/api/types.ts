// What the server says: the types of its OpenAPI document (schema.d.ts, made by tools/gen), under the names used here, and
// narrower where the document leaves a word open. Text from a cluster is data: it is only ever rendered as text.

import type { components } from './schema'

type S = components['schemas']

export type Problem = Omit<S['Problem'], 'detail' | 'requestId'> & { detail?: string; requestId?: string } // not every answer is ours

export type Session = S['Session']
export type Tenant = Omit<S['TenantPage'], 'me'> & { me: Omit<S['Me'], 'actions'> & { actions: Action[] } }
export type Role = S['Me']['role']

/** What a role may do; the server decides again on every call. */
export type Action =
  | 'tenant.read'
  | 'clusters.read'
  | 'clusters.manage'
  | 'fleet.read'
  | 'groups.manage'
  | 'members.read'
  | 'members.manage'
  | 'chat.ask'
  | 'commands.run'
  | 'audit.read_own'
  | 'audit.read'
  | 'usage.read'
  | 'tokens.manage'

export interface Items<T> {
  items: T[]
}

export type Cluster = S['Cluster']
export type ClusterState = Cluster['state']
export type Tunnels = S['SessionsAnswer']
export type TunnelSession = S['TunnelSession']
export type Disconnect = S['Disconnect']
export type Group = NonNullable<Cluster['group']>
export type Join = S['Join']
export type NewCluster = S['NewCluster']
export type JoinToken = S['JoinToken']

export type Member = S['Member']
export type MemberGroup = S['MemberGroup']
export type ApiToken = S['Token']
export type NewApiToken = S['NewToken']
export type UsageLine = S['MeterUsage']

export type Conversation = S['Conversation']
export type Run = S['Run']
export type RunState = Run['state']
export type ConversationWithRuns = S['ConversationWithRuns']
export type RunWithEvents = Run & { events: RunEvent[] }

export type Plan = S['PlanView']
export type Approval = S['ApprovalData']
export type DiffStep = S['Diff']
export type Finding = S['Finding']

export type ColumnKind = 'text' | 'age' | 'number' | 'status'
export type Column = Omit<S['Column'], 'kind'> & { kind: ColumnKind }
export type Cell = string | number | boolean | null
export type TableData = Omit<S['Table'], 'columns' | 'rows'> & { columns: Column[]; rows: Cell[][] }

export type StepResult = Omit<S['ResultData'], 'outcome'> & { outcome: Outcome }

type Wire = S['RunWithEvents']['events'][number]
export type EventType = Wire['type']

interface Narrowed {
  table: TableData
  result: StepResult
  end: { state: RunState; message?: string }
}

/** Every event of a run, by its type. */
export type EventData = { [E in Wire as E['type']]: E['type'] extends keyof Narrowed ? Narrowed[E['type']] : E['data'] }
export type RunEvent = { [T in EventType]: { seq: number; at: string; type: T; data: EventData[T] } }[EventType]

export type AuditRecord = S['AuditRecord']
export type AuditKind = AuditRecord['kind']
export type Outcome = NonNullable<AuditRecord['outcome']>
export type Actor = S['Actor']
export interface AuditPage {
  items: AuditRecord[]
  next?: string
}
