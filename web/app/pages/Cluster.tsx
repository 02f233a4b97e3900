import { useQuery } from '@tanstack/react-query'
import { Link, useParams, useSearch } from '@tanstack/react-router'
import { ChevronLeft, MessageSquareText } from 'lucide-react'
import { useMay } from '@/api/context'
import { clusterQuery } from '@/api/queries'
import type { Cluster } from '@/api/types'
import { Access } from '@/components/cluster/Access'
import { JoinTokens } from '@/components/cluster/JoinTokens'
import { Kubeconfig } from '@/components/cluster/Kubeconfig'
import { Overview } from '@/components/cluster/Overview'
import { ClusterState } from '@/components/ClusterState'
import { Loaded } from '@/components/Loaded'
import { PageTitle } from '@/components/Page'
import { buttonClass } from '@/ui/Button'
import { Ago } from '@/ui/Time'
import type { ClusterTab } from '@/routes/search'

export function ClusterPage() {
  const { tenant, cluster } = useParams({ from: '/t/$tenant/clusters/$cluster' })
  const q = useQuery(clusterQuery(tenant, cluster))
  return (
    <div className="mx-auto w-full max-w-6xl px-4 pt-5 pb-16 sm:px-8">
      <Link to="/t/$tenant/clusters" params={{ tenant }} className="mb-2 inline-flex items-center gap-1 rounded-sm text-sm text-sea hover:underline">
        <ChevronLeft aria-hidden className="size-4" />
        All clusters
      </Link>
      {!q.data && <PageTitle title="Cluster" className="sr-only" />}
      <Loaded query={q} label="Loading the cluster" rows={6}>
        {(c) => <Detail cluster={c} />}
      </Loaded>
    </div>
  )
}

function Detail({ cluster: c }: { cluster: Cluster }) {
  const { tenant } = useParams({ from: '/t/$tenant/clusters/$cluster' })
  const { tab = 'overview' } = useSearch({ from: '/t/$tenant/clusters/$cluster' })
  const groups = useMay('groups.manage').may
  const manage = useMay('clusters.manage').may
  const tabs: { id: ClusterTab; word: string; show: boolean }[] = [
    { id: 'overview', word: 'Overview', show: true },
    { id: 'connect', word: 'kubectl', show: c.state !== 'revoked' },
    { id: 'access', word: 'Access', show: groups },
    { id: 'tokens', word: 'Join tokens', show: manage && c.state !== 'revoked' },
  ]
  const shown = tabs.filter((t) => t.show)
  const current = shown.some((t) => t.id === tab) ? tab : 'overview'
  return (
    <>
      <header className="flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
        <div className="min-w-0">
          <PageTitle title={c.name} className="text-xl font-semibold untrusted" />
          <p className="mt-0.5 flex flex-wrap items-center gap-x-2 text-ink-2">
            <ClusterState cluster={c} />
            <span>
              since <Ago at={c.since} />
            </span>
          </p>
        </div>
        {c.state !== 'revoked' && (
          <Link to="/t/$tenant/chat" params={{ tenant }} search={{ cluster: c.id }} className={buttonClass(c.lockedAt ? 'plain' : 'primary')}>
            <MessageSquareText aria-hidden className="size-4" />
            Ask this cluster
          </Link>
        )}
      </header>
      <nav aria-label="Parts of this cluster" className="mt-4 mb-5 flex gap-5 overflow-x-auto border-b border-line">
        {shown.map((t) => (
          <Link
            key={t.id}
            to="/t/$tenant/clusters/$cluster"
            params={{ tenant, cluster: c.id }}
            search={t.id === 'overview' ? {} : { tab: t.id }}
            activeOptions={{ exact: true, includeSearch: true }}
            className="-mb-px shrink-0 border-b-2 border-transparent py-2 whitespace-nowrap text-ink-2 hover:text-ink focus-visible:-outline-offset-2 aria-[current=page]:border-sea aria-[current=page]:font-semibold aria-[current=page]:text-ink"
          >
            {t.word}
          </Link>
        ))}
      </nav>
      {current === 'overview' && <Overview cluster={c} />}
      {current === 'connect' && <Kubeconfig cluster={c} />}
      {current === 'access' && <Access cluster={c} />}
      {current === 'tokens' && <JoinTokens cluster={c} />}
    </>
  )
}
