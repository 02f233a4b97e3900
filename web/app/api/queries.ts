// Every read of the server, by key. Pages ask for these; what changes something is in mutations.ts.

import { infiniteQueryOptions, MutationCache, QueryCache, QueryClient, queryOptions } from '@tanstack/react-query'
import { viewOf } from '@/chat/reducer'
import type { RunView } from '@/chat/view'
import { signedOut, tenantOf } from './auth'
import { ApiError, call, callText, isStatus, path, query } from './client'
import type {
  ApiToken,
  AuditPage,
  Cluster,
  Conversation,
  ConversationWithRuns,
  Items,
  JoinToken,
  Member,
  MemberGroup,
  ModelSettings,
  RunWithEvents,
  Session,
  SlackCode,
  SlackLink,
  SlackWorkspace,
  Tenant,
  Tunnels,
  UsageLine,
} from './types'

/** Worth another try by itself: nothing that the answer says will stay so. */
const passing = (error: unknown): boolean => error instanceof ApiError && (error.status === 0 || error.status === 502 || error.status === 503)

const noticeSignOut = (error: unknown): void => {
  if (isStatus(error, 401)) signedOut.set(tenantOf(location.pathname))
}

export const queryClient = new QueryClient({
  queryCache: new QueryCache({ onError: noticeSignOut }),
  mutationCache: new MutationCache({ onError: noticeSignOut }),
  defaultOptions: {
    queries: { staleTime: 10_000, gcTime: 10 * 60_000, retry: (n, error) => n < 2 && passing(error), retryDelay: (n) => 600 * 2 ** n },
    mutations: { retry: false },
  },
})

export const sessionQuery = queryOptions({
  queryKey: ['session'],
  queryFn: ({ signal }) => call<Session>('/session', { signal }),
})

export const tenantQuery = (t: string) =>
  queryOptions({
    queryKey: ['t', t],
    queryFn: ({ signal }) => call<Tenant>(path`/t/${t}`, { signal }),
    staleTime: 60_000,
  })

export const clustersQuery = (t: string) =>
  queryOptions({
    queryKey: ['t', t, 'clusters'],
    queryFn: async ({ signal }) => (await call<Items<Cluster>>(path`/t/${t}/clusters`, { signal })).items,
  })

export const clusterQuery = (t: string, id: string) =>
  queryOptions({
    queryKey: ['t', t, 'clusters', id],
    queryFn: ({ signal }) => call<Cluster>(path`/t/${t}/clusters/${id}`, { signal }),
  })

export const tunnelsQuery = (t: string, id: string) =>
  queryOptions({
    queryKey: ['t', t, 'clusters', id, 'sessions'],
    queryFn: ({ signal }) => call<Tunnels>(path`/t/${t}/clusters/${id}/sessions`, { signal }),
    staleTime: 2000,
    refetchInterval: 10_000, // a round trip is measured every minute; sessions come and go at any time
  })

export const joinTokensQuery = (t: string, id: string) =>
  queryOptions({
    queryKey: ['t', t, 'clusters', id, 'join-tokens'],
    queryFn: async ({ signal }) => (await call<Items<JoinToken>>(path`/t/${t}/clusters/${id}/join-tokens`, { signal })).items,
  })

export const groupsQuery = (t: string, id: string) =>
  queryOptions({
    queryKey: ['t', t, 'clusters', id, 'groups'],
    queryFn: async ({ signal }) => (await call<Items<MemberGroup>>(path`/t/${t}/clusters/${id}/groups`, { signal })).items,
  })

export const kubeconfigPath = (t: string, id: string): string => path`/t/${t}/clusters/${id}/kubeconfig`

export const kubeconfigQuery = (t: string, id: string) =>
  queryOptions({
    queryKey: ['t', t, 'clusters', id, 'kubeconfig'],
    queryFn: ({ signal }) => callText(kubeconfigPath(t, id), { signal }),
  })

export const membersQuery = (t: string) =>
  queryOptions({
    queryKey: ['t', t, 'members'],
    queryFn: async ({ signal }) => (await call<Items<Member>>(path`/t/${t}/members`, { signal })).items,
  })

export const tokensQuery = (t: string) =>
  queryOptions({
    queryKey: ['t', t, 'tokens'],
    queryFn: async ({ signal }) => (await call<Items<ApiToken>>(path`/t/${t}/tokens`, { signal })).items,
  })

export const modelSettingsQuery = (t: string) =>
  queryOptions({
    queryKey: ['t', t, 'settings', 'model'],
    queryFn: ({ signal }) => call<ModelSettings>(path`/t/${t}/settings/model`, { signal }),
  })

export const slackQuery = (t: string) =>
  queryOptions({ queryKey: ['t', t, 'slack'], queryFn: ({ signal }) => call<SlackWorkspace>(path`/t/${t}/slack`, { signal }) })

export const slackLinksQuery = (t: string) =>
  queryOptions({
    queryKey: ['t', t, 'slack', 'links'],
    queryFn: async ({ signal }) => (await call<Items<SlackLink>>(path`/t/${t}/slack/links`, { signal })).items,
  })

/** Which Slack user a code would link. Asked anew each time: a code that was used is good no more. */
export const slackCodeQuery = (t: string, code: string) =>
  queryOptions({
    queryKey: ['t', t, 'slack', 'code', code],
    queryFn: ({ signal }) => call<SlackCode>(path`/t/${t}/slack/links/preview`, { method: 'POST', body: { code }, signal }),
    staleTime: 0,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  })

export const usageQuery = (t: string, month: string) =>
  queryOptions({
    queryKey: ['t', t, 'usage', month],
    queryFn: async ({ signal }) => (await call<Items<UsageLine>>(query(path`/t/${t}/usage`, { month }), { signal })).items,
  })

/** The member's conversations; with words, those whose title or questions have all of them. */
export const conversationsQuery = (t: string, words?: string) =>
  queryOptions({
    queryKey: words ? (['t', t, 'conversations', { words }] as const) : (['t', t, 'conversations'] as const),
    queryFn: async ({ signal }) => (await call<Items<Conversation>>(query(path`/t/${t}/conversations`, { q: words }), { signal })).items,
  })

export const conversationQuery = (t: string, id: string) =>
  queryOptions({
    queryKey: ['t', t, 'conversations', id],
    queryFn: ({ signal }) => call<ConversationWithRuns>(path`/t/${t}/conversations/${id}`, { signal }),
  })

export const runPath = (t: string, id: string): string => path`/t/${t}/runs/${id}`

/** A run as the page shows it. The stream of its events (chat/useRun.ts) goes on from where this ends. */
export const runQuery = (t: string, id: string) =>
  queryOptions({
    queryKey: ['t', t, 'runs', id],
    queryFn: async ({ signal, queryKey }): Promise<RunView> => {
      const read = viewOf(await call<RunWithEvents>(runPath(t, id), { signal }))
      const known = queryClient.getQueryData<RunView>(queryKey)
      return known && !known.gap && known.lastSeq > read.lastSeq ? known : read // the stream can be ahead of this reading
    },
    staleTime: Number.POSITIVE_INFINITY,
    structuralSharing: false, // a view is built by the reducer, which shares what did not change
  })

export interface AuditFilter {
  cluster?: string | undefined
  member?: string | undefined
  kind?: string | undefined
}

export const auditQuery = (t: string, filter: AuditFilter) =>
  infiniteQueryOptions({
    queryKey: ['t', t, 'audit', filter],
    queryFn: ({ signal, pageParam }) =>
      call<AuditPage>(query(path`/t/${t}/audit`, { ...filter, limit: 60, after: pageParam }), { signal }),
    initialPageParam: '',
    getNextPageParam: (last) => last.next || undefined,
  })
