// What the server says, as its API contract (prefix /api/v1) writes it. Text that comes from a cluster is data: it is
// only ever rendered as text.

export type Role = 'tenant_admin' | 'tenant_user' | 'tenant_viewer'
export type Group = 'viewer' | 'operator' | 'admin'
export type ClusterState = 'pending' | 'connected' | 'offline' | 'revoked'

/** What a role may do; the server decides again on every call. */
export type Action =
  | 'tenant.read'
  | 'clusters.read'
  | 'clusters.manage'
  | 'groups.manage'
  | 'members.read'
  | 'members.manage'
  | 'chat.ask'
  | 'commands.run'
  | 'audit.read_own'
  | 'audit.read'
  | 'usage.read'
  | 'tokens.manage'

/** RFC 9457, with what to do about it and the id support asks for. */
export interface Problem {
  type: string
  title: string
  status: number
  code?: string
  detail?: string
  fix?: string
  requestId?: string
}

export interface Login {
  tenant: { id: string; slug: string; name: string }
  member: { id: string; name: string; email: string }
  role: Role
}

export interface Session {
  logins: Login[]
}

export interface Tenant {
  id: string
  slug: string
  name: string
  demo: boolean
  me: { id: string; name: string; email: string; role: Role; actions: Action[] }
}

export interface Items<T> {
  items: T[]
}

export interface Cluster {
  id: string
  name: string
  region: string
  state: ClusterState
  since: string
  reason?: string
  lastSeen?: string
  agentVersion?: string
  kubernetesVersion?: string
  sessions: number
  createdAt: string
  group?: Group
}

export interface Join {
  id: string
  token: string
  expiresAt: string
  helm: string
  demo?: string
}

export interface NewCluster {
  cluster: Cluster
  join: Join
}

export interface JoinToken {
  id: string
  createdAt: string
  expiresAt: string
  usedAt?: string
  revokedAt?: string
}

export interface Member {
  id: string
  name: string
  email: string
  role: Role
  createdAt?: string
  active?: boolean
}

export interface MemberGroup {
  member: Member
  group: Group
}

export interface ApiToken {
  id: string
  name: string
  createdAt: string
  expiresAt: string
  lastUsedAt?: string
  revokedAt?: string
}

export interface NewApiToken {
  id: string
  token: string
}

export interface Conversation {
  id: string
  title: string
  cluster: { id: string; name: string }
  namespace?: string
  createdAt: string
  updatedAt: string
}

export interface ConversationWithRuns extends Conversation {
  runs: Run[]
}

export type RunState = 'queued' | 'running' | 'awaiting_approval' | 'executing' | 'done' | 'failed' | 'interrupted'

export interface Approval {
  expiresAt: string
  planHash: string
}

export interface Run {
  id: string
  conversationId: string
  text: string
  state: RunState
  createdAt: string
  endedAt?: string
  plan?: Plan
  approval?: Approval
  lastSeq: number
}

export interface RunWithEvents extends Run {
  events: RunEvent[]
}

export type PlanClass = 'read' | 'mutate' | 'destructive'

/** A step as the planner writes it; the page shows only what it needs to name the target. */
export interface PlanStep {
  op: string
  resource: { group: string; version: string; resource: string; kind: string; namespaced: boolean }
  namespace?: string
  allNamespaces?: boolean
  names?: string[]
  labelSelector?: string
  class?: PlanClass
}

export interface Plan {
  hash: string
  class: PlanClass
  sentence: string
  kubectl: string
  cluster: { id: string; name: string }
  namespace?: string
  steps: PlanStep[]
  protected: boolean
  typedName?: string
}

export interface AccessStep {
  verb: string
  resource: string
  namespace?: string
  name?: string
  allowed: boolean
  reason?: string
}

export interface DiffStep {
  title: string
  before?: string
  after?: string
  unified: string
  warnings?: string[]
}

export type ColumnKind = 'text' | 'age' | 'number' | 'status'
export type Cell = string | number | boolean | null

export interface Column {
  name: string
  kind: ColumnKind
}

export interface TableData {
  title?: string
  columns: Column[]
  rows: Cell[][]
  truncated?: boolean
  namespace?: string
}

export type Severity = 'info' | 'warning' | 'error' | 'critical' | (string & {})

export interface Finding {
  object: string
  reason: string
  severity: Severity
  text: string
  evidence?: string[]
  next?: string
}

export type Outcome = 'succeeded' | 'failed' | 'denied' | 'unknown'

export interface StepResult {
  step: number
  outcome: Outcome
  message?: string
  intentId?: string
}

/** Every event of a run, by its type. */
export interface EventData {
  accepted: { text: string }
  clarify: { message: string; choices: { label: string; text: string }[] }
  refused: { message: string }
  plan: Plan
  access: { allowed: boolean; steps: AccessStep[]; group?: string }
  diff: { steps: DiffStep[] }
  approval: Approval
  approved: { by?: Actor | string }
  declined: { by?: Actor | string }
  expired: Record<string, never>
  started: { step: number; kubectl: string }
  table: TableData
  text: { text: string }
  log: { lines: string[]; container?: string; pod?: string }
  yaml: { text: string }
  finding: Finding
  result: StepResult
  error: { problem: Problem }
  end: { state: RunState; message?: string }
}

export type EventType = keyof EventData
export type RunEvent = { [T in EventType]: { seq: number; at: string; type: T; data: EventData[T] } }[EventType]

export interface Actor {
  id?: string
  name?: string
  email?: string
  type?: string
}

export type AuditKind = 'intent' | 'result' | 'read' | 'admin'

export interface AuditRecord {
  id: string
  at: string
  kind: AuditKind
  intentId?: string
  actor: Actor
  cluster?: { id: string; name: string }
  verb?: string
  resource?: string
  namespace?: string
  name?: string
  command?: string
  outcome?: Outcome
  httpStatus?: number
  detail?: string
  durationMs?: number
  requestId?: string
  runId?: string
  approvedBy?: Actor | string
  group?: string
}

export interface AuditPage {
  items: AuditRecord[]
  next?: string
}

export interface UsageLine {
  meter: string
  quantity: number
}
