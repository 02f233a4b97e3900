// Every address of the application, the data it starts to fetch, and the page it shows. Pages come in their own chunks.

import { createRootRoute, createRoute, lazyRouteComponent, notFound, redirect } from '@tanstack/react-router'
import { isStatus } from '@/api/client'
import {
  clusterQuery,
  clustersQuery,
  conversationQuery,
  conversationsQuery,
  groupsQuery,
  joinTokensQuery,
  membersQuery,
  queryClient,
  sessionQuery,
  tenantQuery,
  tokensQuery,
} from '@/api/queries'
import { lastTenant } from '@/util/last'
import { auditSearch, chatSearch, clusterSearch, clustersSearch, findSearch, fleetSearch, signInSearch, slackLinkSearch, threadSearch } from './search'

const warm = (q: { queryKey: readonly unknown[] }) => void queryClient.prefetchQuery(q as Parameters<typeof queryClient.prefetchQuery>[0])

const root = createRootRoute()

const front = createRoute({
  getParentRoute: () => root,
  path: '/',
  loader: async () => {
    const { logins } = await queryClient.fetchQuery({ ...sessionQuery, staleTime: 0 }).catch((error: unknown) => {
      if (isStatus(error, 401)) return { logins: [] }
      throw error
    })
    const last = lastTenant()
    const slug = logins.find((l) => l.tenant.slug === last)?.tenant.slug ?? logins[0]?.tenant.slug
    if (!slug) throw redirect({ to: '/sign-in', replace: true })
    throw redirect({ to: '/t/$tenant', params: { tenant: slug }, replace: true })
  },
})

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: signInSearch,
  component: lazyRouteComponent(() => import('@/pages/SignIn'), 'SignIn'),
})

const tenant = createRoute({
  getParentRoute: () => root,
  path: '/t/$tenant',
  loader: async ({ params, location }) => {
    try {
      await queryClient.ensureQueryData(tenantQuery(params.tenant))
    } catch (error) {
      if (isStatus(error, 401)) throw redirect({ to: '/sign-in', search: { next: location.href }, replace: true })
      if (isStatus(error, 404)) throw notFound()
      throw error
    }
  },
  component: lazyRouteComponent(() => import('@/components/Shell'), 'Shell'),
})

const home = createRoute({
  getParentRoute: () => tenant,
  path: '/',
  beforeLoad: ({ params }) => {
    throw redirect({ to: '/t/$tenant/chat', params, replace: true })
  },
})

const chat = createRoute({
  getParentRoute: () => tenant,
  path: '/chat',
  validateSearch: findSearch,
  loader: ({ params }) => {
    warm(conversationsQuery(params.tenant))
    warm(clustersQuery(params.tenant))
  },
  component: lazyRouteComponent(() => import('@/pages/Chat'), 'Chat'),
})

const newThread = createRoute({
  getParentRoute: () => chat,
  path: '/',
  validateSearch: chatSearch,
  component: lazyRouteComponent(() => import('@/pages/NewThread'), 'NewThread'),
})

const thread = createRoute({
  getParentRoute: () => chat,
  path: '/$conversation',
  validateSearch: threadSearch,
  loader: ({ params }) => warm(conversationQuery(params.tenant, params.conversation)),
  component: lazyRouteComponent(() => import('@/pages/Thread'), 'Thread'),
})

const clusters = createRoute({
  getParentRoute: () => tenant,
  path: '/clusters',
  validateSearch: clustersSearch,
  loader: ({ params }) => warm(clustersQuery(params.tenant)),
  component: lazyRouteComponent(() => import('@/pages/Clusters'), 'Clusters'),
})

const clusterNew = createRoute({
  getParentRoute: () => tenant,
  path: '/clusters/new',
  component: lazyRouteComponent(() => import('@/pages/ClusterNew'), 'ClusterNew'),
})

const cluster = createRoute({
  getParentRoute: () => tenant,
  path: '/clusters/$cluster',
  validateSearch: clusterSearch,
  loaderDeps: ({ search }) => ({ tab: search.tab }),
  loader: ({ params: { tenant: t, cluster: c }, deps }) => {
    warm(clusterQuery(t, c))
    if (deps.tab === 'access') warm(groupsQuery(t, c))
    if (deps.tab === 'tokens') warm(joinTokensQuery(t, c))
  },
  component: lazyRouteComponent(() => import('@/pages/Cluster'), 'ClusterPage'),
})

const fleet = createRoute({
  getParentRoute: () => tenant,
  path: '/fleet',
  validateSearch: fleetSearch,
  loader: ({ params }) => warm(clustersQuery(params.tenant)),
  component: lazyRouteComponent(() => import('@/fleet/Fleet'), 'Fleet'),
})

const audit = createRoute({
  getParentRoute: () => tenant,
  path: '/audit',
  validateSearch: auditSearch,
  component: lazyRouteComponent(() => import('@/pages/Audit'), 'Audit'),
})

const members = createRoute({
  getParentRoute: () => tenant,
  path: '/members',
  loader: ({ params }) => warm(membersQuery(params.tenant)),
  component: lazyRouteComponent(() => import('@/pages/Members'), 'Members'),
})

const tokens = createRoute({
  getParentRoute: () => tenant,
  path: '/tokens',
  loader: ({ params }) => warm(tokensQuery(params.tenant)),
  component: lazyRouteComponent(() => import('@/pages/Tokens'), 'Tokens'),
})

const modelSettings = createRoute({
  getParentRoute: () => tenant,
  path: '/settings/model',
  component: lazyRouteComponent(() => import('@/pages/ModelSettings'), 'ModelSettingsPage'),
})

const slackSettings = createRoute({
  getParentRoute: () => tenant,
  path: '/settings/slack',
  component: lazyRouteComponent(() => import('@/pages/SlackSettings'), 'SlackSettings'),
})

const slackLink = createRoute({
  getParentRoute: () => tenant,
  path: '/slack/link',
  validateSearch: slackLinkSearch,
  component: lazyRouteComponent(() => import('@/pages/SlackLink'), 'SlackLink'),
})

export const routeTree = root.addChildren([
  front,
  signIn,
  tenant.addChildren([home, chat.addChildren([newThread, thread]), clusters, clusterNew, cluster, fleet, audit, members, tokens, modelSettings, slackSettings, slackLink]),
])
