// What the server says: the types of its OpenAPI document (schema.d.ts, made by tools/gen), under the names used here, and
// narrower where the document leaves a word open. Text from a cluster is data: it is only ever rendered as text.

import type { RunEvent } from './events'
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
type MayBeAbsent = 'updatedAt' | 'inputPrice' | 'outputPrice'

/** The organisation's model. Its key is written and never read. What may be left out when it is changed is always answered. */
export type ModelSettings = Required<Omit<S['ModelPage'], MayBeAbsent | 'provider'>> & Pick<S['ModelPage'], MayBeAbsent> & { provider: string }

/** key: absent keeps the stored one, "" removes it. */
export type ModelSettingsChange = Omit<ModelSettings, 'hasKey' | 'externalId' | 'used' | 'updatedAt'> & { key?: string }

export type SlackCode = S['SlackCode']
export type SlackLink = S['SlackLink']
export type SlackWorkspace = S['SlackWorkspace']

export type UsageLine = S['MeterUsage']

export type Conversation = S['Conversation']
export type Run = S['Run']
export type ConversationWithRuns = S['ConversationWithRuns']
export type RunWithEvents = Run & { events: RunEvent[] }

export type AuditRecord = S['AuditRecord']
export type AuditKind = AuditRecord['kind']
export type Actor = S['Actor']
export interface AuditPage {
  items: AuditRecord[]
  next?: string
}

export * from './events'
