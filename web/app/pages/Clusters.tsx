import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { ChevronRight, MessageSquareText, Plus, Search, Ship } from 'lucide-react'
import { useMay, useTenant } from '@/api/context'
import { live } from '@/api/live'
import { clustersQuery } from '@/api/queries'
import type { Cluster, ClusterState as StateName } from '@/api/types'
import { ClusterState, stateWord } from '@/components/ClusterState'
import { Loaded } from '@/components/Loaded'
import { Page, Panel, tableClass, tdClass, thClass } from '@/components/Page'
import { Empty, Tag } from '@/ui/bits'
import { Button, buttonClass } from '@/ui/Button'
import { Input, Select } from '@/ui/Field'
import { Ago } from '@/ui/Time'
import { isUp, states } from '@/util/cluster'
import { cx } from '@/util/cx'
import { plural, version } from '@/util/format'
import { useWide } from '@/util/media'
import { useStore } from '@/util/store'


export function Clusters() {
  const tenant = useTenant()
  const q = useQuery(clustersQuery(tenant.slug))
  const manage = useMay('clusters.manage')
  return (
    <Page
      title="Clusters"
      lead="Each one is reached through the tunnel its agent keeps open; none of them opens a port."
      actions={
        manage.may ? (
          <Link to="/t/$tenant/clusters/new" params={{ tenant: tenant.slug }} className={buttonClass('primary')}>
            <Plus aria-hidden className="size-4" />
            Add a cluster
          </Link>
        ) : (
          <Button disabledReason={manage.reason} icon={<Plus aria-hidden className="size-4" />}>
            Add a cluster
          </Button>
        )
      }
    >
      <Loaded query={q} label="Loading clusters" rows={6}>
        {(items) => (items.length === 0 ? <None /> : <List items={items} readAt={q.dataUpdatedAt} />)}
      </Loaded>
    </Page>
  )
}

function None() {
  const tenant = useTenant()
  const manage = useMay('clusters.manage')
  return (
    <Panel>
      <Empty
        icon={<Ship aria-hidden className="size-5" />}
        title="No clusters yet"
        action={
          manage.may && (
            <Link to="/t/$tenant/clusters/new" params={{ tenant: tenant.slug }} className={buttonClass('primary')}>
              Add your first cluster
            </Link>
          )
        }
      >
        Connecting one takes a Helm install and about a minute. {!manage.may && manage.reason}
      </Empty>
    </Panel>
  )
}

function List({ items, readAt }: { items: Cluster[]; readAt: number }) {
  const search = useSearch({ from: '/t/$tenant/clusters' })
  const navigate = useNavigate({ from: '/t/$tenant/clusters' })
  const connection = useStore(live)
  const stale = connection.state === 'waiting'
  const wide = useWide()
  const asOf = Math.max(readAt, connection.state === 'open' ? connection.asOf : 0)
  const words = (search.q ?? '').toLowerCase()
  const found = items
    .filter((c) => (!search.state || c.state === search.state) && `${c.name} ${c.region} ${c.kubernetesVersion ?? ''}`.toLowerCase().includes(words))
    .toSorted((a, b) => states.indexOf(a.state) - states.indexOf(b.state) || a.name.localeCompare(b.name))
  const set = (next: typeof search) => void navigate({ search: next, replace: true })
  const per = (s: StateName) => items.filter((c) => c.state === s).length
  return (
    <>
      <div className="mb-3 flex flex-wrap items-center gap-2">
        <span className="relative w-full sm:w-64">
          <Search aria-hidden className="pointer-events-none absolute top-1/2 left-2.5 size-4 -translate-y-1/2 text-ink-3" />
          <Input
            id="search"
            type="search"
            aria-label="Find clusters"
            placeholder="Name, region or version"
            value={search.q ?? ''}
            onChange={(e) => set({ ...(e.target.value ? { q: e.target.value } : {}), ...(search.state ? { state: search.state } : {}) })}
            className="pl-8!"
          />
        </span>
        <Select
          aria-label="State"
          value={search.state ?? ''}
          onChange={(e) => {
            const s = states.find((x) => x === e.target.value)
            set({ ...(search.q ? { q: search.q } : {}), ...(s ? { state: s } : {}) })
          }}
        >
          <option value="">Any state</option>
          {states.map((s) => (
            <option key={s} value={s}>
              {stateWord[s]} ({per(s)})
            </option>
          ))}
        </Select>
        <p className="ml-auto text-sm text-ink-3" aria-live="polite">
          {plural(found.length, 'cluster')}
          {!stale && connection.state === 'open' ? ', live' : <>, as of <Ago at={new Date(asOf).toISOString()} /></>}
        </p>
      </div>
      <Panel flush>
        {found.length === 0 ? (
          <Empty title="No cluster matches" action={<Button onClick={() => set({})}>Clear the filters</Button>}>
            {items.length === 1 ? 'The one you have is' : `All ${items.length} are`} hidden by what you look for.
          </Empty>
        ) : (
          <div className="overflow-x-auto">
            <table className={tableClass}>
              <thead>
                <tr>
                  <th scope="col" className={thClass}>
                    Cluster
                  </th>
                  {wide && (
                    <th scope="col" className={thClass}>
                      State
                    </th>
                  )}
                  <th scope="col" className={cx(thClass, 'hidden lg:table-cell')}>
                    Versions
                  </th>
                  <th scope="col" className={cx(thClass, 'hidden sm:table-cell')}>
                    Your group
                  </th>
                  <th scope="col" className={thClass}>
                    <span className="sr-only">Go</span>
                  </th>
                </tr>
              </thead>
              <tbody className="[&>tr:last-child>td]:border-b-0">
                {found.map((c) => (
                  <Row key={c.id} cluster={c} stale={stale} />
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Panel>
    </>
  )
}

const State = ({ cluster: c, stale }: { cluster: Cluster; stale: boolean }) => (
  <>
    <span className="flex flex-wrap items-center gap-x-2">
      <ClusterState cluster={c} stale={stale} />
      <span className="text-sm text-ink-3">
        since <Ago at={c.since} />
      </span>
    </span>
    {c.reason && <span className="block max-w-104 text-sm text-ink-2 text-pretty untrusted">{c.reason}</span>}
  </>
)

function Row({ cluster: c, stale }: { cluster: Cluster; stale: boolean }) {
  const { slug } = useTenant()
  const wide = useWide()
  return (
    <tr className={cx('group relative hover:bg-paper', c.state === 'revoked' && 'text-ink-3')}>
      <td className={tdClass}>
        <Link
          to="/t/$tenant/clusters/$cluster"
          params={{ tenant: slug, cluster: c.id }}
          className="font-semibold untrusted after:absolute after:inset-0 hover:underline focus-visible:outline-offset-4"
        >
          {c.name}
        </Link>
        <span className="block text-sm text-ink-3 untrusted">{c.region}</span>
        {!wide && <State cluster={c} stale={stale} />}
      </td>
      {wide && (
        <td className={tdClass}>
          <State cluster={c} stale={stale} />
        </td>
      )}
      <td className={cx(tdClass, 'hidden whitespace-nowrap lg:table-cell')}>
        {c.kubernetesVersion ? (
          <>
            Kubernetes {version(c.kubernetesVersion)}
            <span className="block text-sm text-ink-3">Agent {version(c.agentVersion)}</span>
          </>
        ) : (
          <span className="text-ink-3">–</span>
        )}
      </td>
      <td className={cx(tdClass, 'hidden sm:table-cell')}>{c.group && c.state !== 'revoked' ? <Tag>{c.group}</Tag> : <span className="text-ink-3">–</span>}</td>
      <td className={cx(tdClass, 'w-px')}>
        <span className="flex items-center justify-end gap-1">
        {isUp(c.state) && (
          <Link to="/t/$tenant/chat" params={{ tenant: slug }} search={{ cluster: c.id }} className={cx(buttonClass('ghost', 'sm'), 'relative z-10 hidden! sm:inline-flex!')}>
            <MessageSquareText aria-hidden className="size-4" />
            Ask<span className="sr-only"> {c.name}</span>
          </Link>
        )}
        <ChevronRight aria-hidden className="size-4 shrink-0 text-ink-3 group-hover:text-ink" />
        </span>
      </td>
    </tr>
  )
}
