// Every change of the server, as a plain function; pages wrap them in useMutation.

import { announceSignOut, signedOut } from './auth'
import { call, path } from './client'
import { clustersQuery, clusterQuery, conversationQuery, conversationsQuery, modelSettingsQuery, queryClient, sessionQuery, slackLinksQuery, slackQuery } from './queries'
import type { Cluster, Conversation, Group, Join, Member, ModelSettings, ModelSettingsChange, NewApiToken, NewCluster, Role, Run, Session } from './types'

const stale = (queryKey: readonly unknown[]) => queryClient.invalidateQueries({ queryKey })

export async function signIn(token: string): Promise<Session> {
  await call<unknown>('/session', { method: 'POST', body: { token } })
  const session = await queryClient.fetchQuery({ ...sessionQuery, staleTime: 0 })
  if (session.logins.some((l) => l.tenant.slug === signedOut.get())) signedOut.set(undefined)
  return session
}

/** The caller leaves the tenant's pages, and then forgets what they had read. */
export async function signOut(t: string): Promise<Session> {
  await call<void>(path`/t/${t}/session`, { method: 'DELETE' })
  announceSignOut(t)
  return queryClient.fetchQuery({ ...sessionQuery, staleTime: 0 })
}

export async function createCluster(t: string, name: string, key: string): Promise<NewCluster> {
  const made = await call<NewCluster>(path`/t/${t}/clusters`, { method: 'POST', body: { name }, idempotencyKey: key })
  putCluster(t, made.cluster)
  return made
}

export async function revokeCluster(t: string, id: string): Promise<void> {
  await call<void>(path`/t/${t}/clusters/${id}`, { method: 'DELETE' })
  await stale(clustersQuery(t).queryKey)
}

/** Lets a locked cluster connect again; with forgetKeys its own signing keys are learned anew. */
export async function unlockCluster(t: string, id: string, forgetKeys: boolean): Promise<void> {
  putCluster(t, await call<Cluster>(path`/t/${t}/clusters/${id}/unlock`, { method: 'POST', body: { forgetKeys } }))
}

export const createJoinToken = async (t: string, id: string, key: string): Promise<Join> => {
  const made = await call<Join>(path`/t/${t}/clusters/${id}/join-tokens`, { method: 'POST', body: {}, idempotencyKey: key })
  void stale(clusterQuery(t, id).queryKey)
  return made
}

export async function revokeJoinToken(t: string, cluster: string, id: string): Promise<void> {
  await call<void>(path`/t/${t}/clusters/${cluster}/join-tokens/${id}`, { method: 'DELETE' })
  await stale(clusterQuery(t, cluster).queryKey)
}

export async function setGroup(t: string, cluster: string, member: string, group: Group): Promise<void> {
  await call<void>(path`/t/${t}/clusters/${cluster}/groups/${member}`, { method: 'PUT', body: { group } })
  await Promise.all([stale(clusterQuery(t, cluster).queryKey), stale(clustersQuery(t).queryKey)])
}

export async function addMember(t: string, m: { email: string; name: string; role: Role }, key: string): Promise<Member> {
  const made = await call<Member>(path`/t/${t}/members`, { method: 'POST', body: m, idempotencyKey: key })
  await stale(['t', t, 'members'])
  return made
}

export async function setRole(t: string, id: string, role: Role): Promise<void> {
  await call<unknown>(path`/t/${t}/members/${id}`, { method: 'PATCH', body: { role } })
  await stale(['t', t, 'members'])
}

/** The member's logins and tokens end; the records stay. */
export async function removeMember(t: string, id: string): Promise<void> {
  await call<void>(path`/t/${t}/members/${id}`, { method: 'DELETE' })
  await stale(['t', t, 'members'])
}

export async function createApiToken(t: string, body: { name: string; expiresAt: string }, key: string): Promise<NewApiToken> {
  const made = await call<NewApiToken>(path`/t/${t}/tokens`, { method: 'POST', body, idempotencyKey: key })
  await stale(['t', t, 'tokens'])
  return made
}

export async function revokeApiToken(t: string, id: string): Promise<void> {
  await call<void>(path`/t/${t}/tokens/${id}`, { method: 'DELETE' })
  await stale(['t', t, 'tokens'])
}

/** Replaces the organisation's model settings; the stored key stays unless another one is given. */
export async function saveModelSettings(t: string, body: ModelSettingsChange): Promise<ModelSettings> {
  const saved = await call<ModelSettings>(path`/t/${t}/settings/model`, { method: 'PUT', body })
  queryClient.setQueryData(modelSettingsQuery(t).queryKey, saved)
  return saved
}

/** Connects a Slack workspace; a stored secret stays unless another one is given. */
export async function saveSlack(t: string, body: { teamId: string; name: string; signingSecret?: string }): Promise<void> {
  await call<unknown>(path`/t/${t}/slack`, { method: 'PUT', body })
  await stale(slackQuery(t).queryKey)
}

export async function disconnectSlack(t: string): Promise<void> {
  await call<void>(path`/t/${t}/slack`, { method: 'DELETE' })
  await stale(slackQuery(t).queryKey)
}

export async function endSlackLink(t: string, id: string): Promise<void> {
  await call<void>(path`/t/${t}/slack/links/${id}`, { method: 'DELETE' })
  await stale(slackLinksQuery(t).queryKey)
}

/** Lets the code's Slack user act as the member; the code is used up. */
export const confirmSlackLink = (t: string, code: string): Promise<unknown> => call<unknown>(path`/t/${t}/slack/links`, { method: 'POST', body: { code } })

export async function startConversation(t: string, clusterId: string, key: string): Promise<Conversation> {
  const made = await call<Conversation>(path`/t/${t}/conversations`, { method: 'POST', body: { clusterId }, idempotencyKey: key })
  void stale(conversationsQuery(t).queryKey)
  return made
}

export async function deleteConversation(t: string, id: string): Promise<void> {
  await call<void>(path`/t/${t}/conversations/${id}`, { method: 'DELETE' })
  await stale(conversationsQuery(t).queryKey)
}

export async function renameConversation(t: string, id: string, title: string): Promise<void> {
  await call<unknown>(path`/t/${t}/conversations/${id}`, { method: 'PATCH', body: { title } })
  await Promise.all([stale(conversationsQuery(t).queryKey), stale(conversationQuery(t, id).queryKey)])
}

/** Sending the same key twice starts one run. */
export const startRun = (t: string, conversation: string, text: string, key: string): Promise<Run> =>
  call<Run>(path`/t/${t}/conversations/${conversation}/runs`, { method: 'POST', body: { text, key } })

export const stopRun = (t: string, id: string): Promise<void> => call<void>(path`/t/${t}/runs/${id}`, { method: 'DELETE' })

export const decide = (
  t: string,
  run: string,
  body: { planHash: string; decision: 'approve' | 'decline'; typedName?: string; remember?: boolean },
): Promise<Run> => call<Run>(path`/t/${t}/runs/${run}/approval`, { method: 'POST', body })

/** Takes back what was approved beforehand in this login. */
export const askAgain = (t: string): Promise<void> => call<void>(path`/t/${t}/standing-approvals`, { method: 'DELETE' })

/** Puts a cluster, as the server just said it, wherever the page shows it. */
export function putCluster(t: string, c: Cluster): void {
  const merge = (old: Cluster | undefined): Cluster => ({ ...(old?.group && { group: old.group }), ...c }) // what it no longer says no longer holds
  queryClient.setQueryData(clusterQuery(t, c.id).queryKey, merge)
  queryClient.setQueryData(clustersQuery(t).queryKey, (old) => {
    if (!old) return old
    return old.some((o) => o.id === c.id) ? old.map((o) => (o.id === c.id ? merge(o) : o)) : [...old, c]
  })
}
