import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { Radar, Search, X } from 'lucide-react'
import { useMemo } from 'react'
import { useMay, useSlug } from '@/api/context'
import { live } from '@/api/live'
import { clustersQuery } from '@/api/queries'
import type { Cluster, ClusterState } from '@/api/types'
import { StateIcon, stateWord } from '@/components/ClusterState'
import { Loaded } from '@/components/Loaded'
import { PageTitle } from '@/components/Page'
import { Empty } from '@/ui/bits'
import { Button, buttonClass } from '@/ui/Button'
import { Input, Select } from '@/ui/Field'
import { Ago } from '@/ui/Time'
import { states } from '@/util/cluster'
import { cx } from '@/util/cx'
import { count, plural } from '@/util/format'
import { useMedia } from '@/util/media'
import { useStore } from '@/util/store'
import { countStates, filterFleet, statesOf, valuesOf } from './filter'
import { FleetTable, sortWord } from './FleetTable'
import { TunnelDrawer } from './TunnelDrawer'

/** Every cluster of the organisation at a glance, for those who keep them running. */
export function Fleet() {
  const slug = useSlug()
  const may = useMay('fleet.read')
  const q = useQuery(clustersQuery(slug))
  return (
    <div className="mx-auto flex h-full min-h-136 w-full max-w-400 flex-col px-4 pt-6 pb-4 sm:px-8">
      <PageTitle title="Fleet" />
      {may.may ? (
        <Loaded query={q} label="Loading the fleet" rows={10}>
          {(items) => (items.length === 0 ? <None /> : <Full items={items} readAt={q.dataUpdatedAt} />)}
        </Loaded>
      ) : (
        <Empty icon={<Radar aria-hidden className="size-5" />} title="The fleet is for admins">
          {may.reason}
        </Empty>
      )}
    </div>
  )
}

function None() {
  const slug = useSlug()
  return (
    <Empty
      icon={<Radar aria-hidden className="size-5" />}
      title="No clusters yet"
      action={
        <Link to="/t/$tenant/clusters/new" params={{ tenant: slug }} className={buttonClass('primary')}>
          Add your first cluster
        </Link>
      }
    >
      Once clusters are connected, this is where you see how each one is.
    </Empty>
  )
}

function Full({ items, readAt }: { items: Cluster[]; readAt: number }) {
  const search = useSearch({ from: '/t/$tenant/fleet' })
  const navigate = useNavigate({ from: '/t/$tenant/fleet' })
  const connection = useStore(live)
  const stale = connection.state === 'waiting'
  const found = useMemo(() => filterFleet(items, search), [items, search])
  const set = (next: Partial<typeof search>) =>
    void navigate({ search: (old) => Object.fromEntries(Object.entries({ ...old, ...next }).filter(([, v]) => v !== undefined && v !== '' && v !== false)), replace: true })
  const filtered = Boolean(search.q ?? search.state ?? search.region ?? search.version ?? search.transport)
  const clear = () => set({ q: undefined, state: undefined, region: undefined, version: undefined, transport: undefined })
  const asOf = Math.max(readAt, connection.state === 'open' ? connection.asOf : 0)
  const opened = search.open ? items.find((c) => c.id === search.open) : undefined
  return (
    <>
      <Counts items={items} chosen={statesOf(search.state)} onChoose={(s) => set({ state: s.join(',') || undefined })} />
      <Filters items={items} search={search} set={set} />
      <p className="mb-1.5 flex flex-wrap items-center gap-x-2 text-sm text-ink-3" aria-live="polite">
        <span>
          {filtered ? `${count(found.length)} of ${plural(items.length, 'cluster')}` : plural(items.length, 'cluster')}
          {!stale && connection.state === 'open' ? ', live' : <>, as of <Ago at={new Date(asOf).toISOString()} /></>}
        </span>
        {filtered && found.length > 0 && (
          <button type="button" onClick={clear} className="inline-flex min-h-6 items-center gap-1 font-medium text-sea hover:underline">
            <X aria-hidden className="size-3.5" />
            Clear the filters
          </button>
        )}
      </p>
      {found.length === 0 ? (
        <div className="rounded-lg border border-line bg-surface">
          <Empty title="No cluster matches" action={<Button onClick={clear}>Clear the filters</Button>}>
            All {count(items.length)} are hidden by what you look for.
          </Empty>
        </div>
      ) : (
        <FleetTable
          items={found}
          stale={stale}
          sort={search.sort ?? 'state'}
          desc={search.desc ?? false}
          onSort={(sort, desc) => set({ sort: sort === 'state' ? undefined : sort, desc })}
          onOpen={(c) => set({ open: c.id })}
        />
      )}
      <TunnelDrawer cluster={opened} stale={stale} onClose={() => set({ open: undefined })} />
    </>
  )
}

/** How many are in each state; each is a filter. */
function Counts({ items, chosen, onChoose }: { items: Cluster[]; chosen: ClusterState[]; onChoose: (s: ClusterState[]) => void }) {
  const counts = useMemo(() => countStates(items), [items])
  return (
    <ul aria-label="Clusters by state" className="mt-4 mb-3 flex gap-2 overflow-x-auto pb-1 scroll-thin">
      {states.map((s) => {
        const n = counts.get(s) ?? 0
        const on = chosen.includes(s)
        return (
          <li key={s} className="shrink-0 sm:flex-1">
            <button
              type="button"
              aria-pressed={on}
              onClick={() => onChoose(on ? chosen.filter((x) => x !== s) : [...chosen, s])}
              className={cx(
                'flex w-full min-w-27 flex-col items-start rounded-lg border px-3 py-2 text-left transition-colors',
                on ? 'border-sea bg-sea-soft' : 'border-line bg-surface hover:border-edge',
              )}
            >
              <span className={cx('text-xl leading-7 font-semibold tabular-nums', n === 0 && 'text-ink-3')}>{count(n)}</span>
              <span className={cx('flex items-center gap-1.5 text-sm whitespace-nowrap', n === 0 ? 'text-ink-3' : 'text-ink-2')}>
                <StateIcon cluster={{ state: s }} />
                {stateWord[s]}
              </span>
            </button>
          </li>
        )
      })}
    </ul>
  )
}

type Found = ReturnType<typeof useSearch<import('@tanstack/react-router').RegisteredRouter, '/t/$tenant/fleet'>>

const transportWord = { tls: 'TLS', websocket: 'WebSocket', quic: 'QUIC' } as const

function Filters({ items, search, set }: { items: Cluster[]; search: Found; set: (next: Partial<Found>) => void }) {
  const regions = useMemo(() => valuesOf(items, (c) => c.region), [items])
  const versions = useMemo(() => valuesOf(items, (c) => c.agentVersion), [items])
  const wide = useMedia('(min-width: 64rem)')
  return (
    <div className="mb-2.5 grid grid-cols-2 gap-2 sm:flex sm:flex-wrap sm:items-center">
      <span className="relative col-span-2 sm:w-64">
        <Search aria-hidden className="pointer-events-none absolute top-1/2 left-2.5 size-4 -translate-y-1/2 text-ink-3" />
        <Input
          id="search"
          type="search"
          aria-label="Find clusters"
          placeholder="Name, id, region or version"
          value={search.q ?? ''}
          onChange={(e) => set({ q: e.target.value })}
          className="pl-8!"
        />
      </span>
      <Choice label="Region" any="Any region" value={search.region} values={regions} onChoose={(region) => set({ region })} />
      <Choice label="Agent version" any="Any agent" value={search.version} values={versions} onChoose={(version) => set({ version })} />
      <Select aria-label="Transport" value={search.transport ?? ''} onChange={(e) => set({ transport: (['tls', 'websocket', 'quic'] as const).find((t) => t === e.target.value) })}>
        <option value="">Any transport</option>
        {(['tls', 'websocket', 'quic'] as const).map((t) => (
          <option key={t} value={t}>
            {transportWord[t]}
          </option>
        ))}
      </Select>
      {!wide && (
        <Select aria-label="Order" value={search.sort ?? 'state'} onChange={(e) => set({ sort: (Object.keys(sortWord) as (keyof typeof sortWord)[]).find((s) => s === e.target.value) })}>
          {Object.entries(sortWord).map(([s, word]) => (
            <option key={s} value={s}>
              By {word.toLowerCase()}
            </option>
          ))}
        </Select>
      )}
    </div>
  )
}

/** One value of several. One that is in the address and nowhere else is offered all the same: it is what is looked for. */
function Choice({ label, any, value, values, onChoose }: { label: string; any: string; value: string | undefined; values: string[]; onChoose: (v: string | undefined) => void }) {
  const all = value && !values.includes(value) ? [...values, value] : values
  return (
    <Select aria-label={label} value={value ?? ''} onChange={(e) => onChoose(e.target.value || undefined)}>
      <option value="">{any}</option>
      {all.map((v) => (
        <option key={v} value={v}>
          {v}
        </option>
      ))}
    </Select>
  )
}
