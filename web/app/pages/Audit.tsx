import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { RefreshCw, ScrollText } from 'lucide-react'
import { useMemo } from 'react'
import { useMay, useTenant } from '@/api/context'
import { auditQuery, clustersQuery, membersQuery } from '@/api/queries'
import { AuditDrawer } from '@/components/audit/AuditDrawer'
import { kindWord, OutcomeView, sayRecord, tagOf } from '@/components/audit/words'
import { Loaded } from '@/components/Loaded'
import { Page, Panel, thClass } from '@/components/Page'
import { ProblemNote } from '@/components/Problem'
import { personName } from '@/chat/reducer'
import { auditKinds, type auditSearch } from '@/routes/search'
import { Empty, Tag } from '@/ui/bits'
import { Button, IconButton } from '@/ui/Button'
import { Select } from '@/ui/Field'
import { Clock, useNow } from '@/ui/Time'
import { groupAudit, type AuditEntry } from '@/util/audit'
import { cx } from '@/util/cx'
import { dateName } from '@/util/format'
import { useWide } from '@/util/media'

type Search = ReturnType<typeof auditSearch>

/** What was done by whom. Records are only ever added. */
export function Audit() {
  const tenant = useTenant()
  const search = useSearch({ from: '/t/$tenant/audit' })
  const navigate = useNavigate({ from: '/t/$tenant/audit' })
  const all = useMay('audit.read').may
  const q = useInfiniteQuery(auditQuery(tenant.slug, { cluster: search.cluster, member: search.member, kind: search.kind }))
  const entries = useMemo(() => groupAudit(q.data?.pages.flatMap((p) => p.items) ?? []), [q.data])
  const filtered = Boolean(search.cluster || search.member || search.kind)
  const set = (change: Partial<Search>, replace = true) => {
    const next = Object.fromEntries(Object.entries({ ...search, ...change }).filter(([, v]) => v)) as Search
    void navigate({ search: next, replace })
  }
  const open = entries.find((e) => e.id === search.open)
  return (
    <Page
      title="Audit"
      lead={
        all
          ? 'Every read and every change, in chat and by kubectl. A change is on record before it is sent, and nobody can edit a record.'
          : 'Your own reads and changes, in chat and by kubectl. Admins see everyone’s.'
      }
    >
      <Filters search={search} set={set} all={all} filtered={filtered} onRefresh={() => void q.refetch()} refreshing={q.isFetching && !q.isFetchingNextPage && !q.isPending} />
      <Panel flush>
        <Loaded query={q} label="Loading records" rows={8}>
          {() =>
            entries.length === 0 ? (
              filtered ? (
                <Empty title="No record matches" action={<Button onClick={() => set({ cluster: undefined, member: undefined, kind: undefined })}>Clear the filters</Button>}>
                  There are others that these filters hide.
                </Empty>
              ) : (
                <Empty icon={<ScrollText aria-hidden className="size-5" />} title="Nothing on record yet">
                  The first question or kubectl command makes the first record.
                </Empty>
              )
            ) : (
              <>
                <List entries={entries} openId={search.open} onOpen={(id) => set({ open: id }, false)} />
                {q.isFetchNextPageError && (
                  <div className="border-t border-line p-4">
                    <ProblemNote error={q.error} />
                  </div>
                )}
                <div className="border-t border-line px-4 py-2.5 text-center text-sm text-ink-3">
                  {q.hasNextPage ? (
                    <Button size="sm" onClick={() => void q.fetchNextPage()} busy={q.isFetchingNextPage}>
                      Show older records
                    </Button>
                  ) : (
                    'This is the oldest record.'
                  )}
                </div>
              </>
            )
          }
        </Loaded>
      </Panel>
      <AuditDrawer entry={open} onClose={() => set({ open: undefined })} />
    </Page>
  )
}

interface FilterProps {
  search: Search
  set: (c: Partial<Search>) => void
  all: boolean
  filtered: boolean
  onRefresh: () => void
  refreshing: boolean
}

function Filters({ search, set, all, filtered, onRefresh, refreshing }: FilterProps) {
  const tenant = useTenant()
  const clusters = useQuery(clustersQuery(tenant.slug)).data ?? []
  const members = useQuery({ ...membersQuery(tenant.slug), enabled: all }).data ?? []
  return (
    <div className="mb-3 flex flex-wrap items-center gap-2">
      <Select aria-label="Kind" value={search.kind ?? ''} onChange={(e) => set({ kind: auditKinds.find((k) => k === e.target.value) })}>
        <option value="">All kinds</option>
        {auditKinds.filter((k) => k !== 'result' || search.kind === 'result').map((k) => (
          <option key={k} value={k}>
            {kindWord[k]}
          </option>
        ))}
      </Select>
      <Select aria-label="Cluster" value={search.cluster ?? ''} onChange={(e) => set({ cluster: e.target.value || undefined })} className="max-w-48">
        <option value="">All clusters</option>
        {clusters.map((c) => (
          <option key={c.id} value={c.id}>
            {c.name}
          </option>
        ))}
      </Select>
      {all && (
        <Select aria-label="Member" value={search.member ?? ''} onChange={(e) => set({ member: e.target.value || undefined })} className="max-w-52">
          <option value="">All members</option>
          {members.map((m) => (
            <option key={m.id} value={m.id}>
              {m.name || m.email}
            </option>
          ))}
        </Select>
      )}
      {filtered && (
        <Button size="sm" look="ghost" onClick={() => set({ cluster: undefined, member: undefined, kind: undefined })}>
          Clear
        </Button>
      )}
      <IconButton label="Refresh" look="plain" onClick={onRefresh} busy={refreshing} className="ml-auto">
        <RefreshCw aria-hidden className="size-4" />
      </IconButton>
    </div>
  )
}

function List({ entries, openId, onOpen }: { entries: AuditEntry[]; openId: string | undefined; onOpen: (id: string) => void }) {
  const now = new Date(Math.floor(useNow() / 60_000) * 60_000)
  const wide = useWide()
  const days = entries.map((e) => dateName(e.record.at, now))
  return (
    <div className="overflow-x-auto">
      <table className="w-full text-left">
        <thead>
          <tr>
            <th scope="col" className={thClass}>
              Time
            </th>
            <th scope="col" className={cx(thClass, 'hidden md:table-cell')}>
              Who
            </th>
            <th scope="col" className={thClass}>
              What
            </th>
            {wide && (
              <>
                <th scope="col" className={thClass}>
                  Cluster
                </th>
                <th scope="col" className={thClass}>
                  Outcome
                </th>
              </>
            )}
          </tr>
        </thead>
        <tbody>
          {entries.map((e, i) => (
            <Rows key={e.id} entry={e} day={days[i] === days[i - 1] ? undefined : days[i]} open={e.id === openId} onOpen={onOpen} />
          ))}
        </tbody>
      </table>
    </div>
  )
}

const cell = 'border-t border-line px-3 py-2 align-top sm:px-4'

function Rows({ entry, day, open, onOpen }: { entry: AuditEntry; day: string | undefined; open: boolean; onOpen: (id: string) => void }) {
  const { record: r } = entry
  const tag = tagOf(r)
  const wide = useWide()
  return (
    <>
      {day && (
        <tr>
          <th scope="colgroup" colSpan={wide ? 5 : 3} className="label-caps border-t border-line bg-sunken px-4 py-1 text-left font-semibold text-ink-2">
            {day}
          </th>
        </tr>
      )}
      <tr className={cx('relative hover:bg-paper', open && 'bg-sea-soft')}>
        <td className={cx(cell, 'w-px whitespace-nowrap text-ink-2')}>
          <Clock at={r.at} seconds />
        </td>
        <td className={cx(cell, 'hidden max-w-44 truncate text-ink-2 md:table-cell')}>{personName(r.actor) || '–'}</td>
        <td className={cx(cell, 'min-w-0')}>
          <button type="button" onClick={() => onOpen(entry.id)} className="text-left after:absolute after:inset-0 focus-visible:outline-none focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-sea">
            {tag && (
              <Tag tone={tag === 'change' ? 'sea' : 'plain'} className="mr-2 align-[1px]">
                {tag}
              </Tag>
            )}
            <span className={cx('whitespace-pre-line untrusted', r.kind === 'admin' ? '' : 'font-mono text-sm', tag === 'change' ? 'font-medium' : 'text-ink-2')}>{sayRecord(r)}</span>
          </button>
          <span className="mt-0.5 flex flex-wrap items-center gap-x-3 text-sm text-ink-3 md:hidden">
            <span>{personName(r.actor)}</span>
            {!wide && r.cluster && <span className="untrusted">{r.cluster.name}</span>}
            {!wide && r.kind !== 'admin' && <OutcomeView entry={entry} />}
          </span>
        </td>
        {wide && (
          <>
            <td className={cx(cell, 'whitespace-nowrap text-ink-2 untrusted')}>{r.cluster?.name ?? '–'}</td>
            <td className={cx(cell, 'w-px whitespace-nowrap')}>
              <OutcomeView entry={entry} />
            </td>
          </>
        )}
      </tr>
    </>
  )
}
