import { ArrowDown, ArrowUp } from 'lucide-react'
import { memo, useId, useLayoutEffect, useRef, useState, type KeyboardEvent } from 'react'
import { flushSync } from 'react-dom'
import type { Cluster } from '@/api/types'
import { ClusterState } from '@/components/ClusterState'
import { useNow } from '@/ui/Time'
import { isUp } from '@/util/cluster'
import { cx } from '@/util/cx'
import { age, count, fullTime, milliseconds, secondsBetween, until, version } from '@/util/format'
import { useMedia } from '@/util/media'
import type { FleetSort } from './filter'

export const sortWord: Record<FleetSort, string> = {
  state: 'State',
  name: 'Cluster',
  region: 'Region',
  sessions: 'Tunnels',
  roundTrip: 'Round trip',
  agent: 'Agent',
  kubernetes: 'Kubernetes',
  certificate: 'Certificate',
  lastSeen: 'Last seen',
}

const columns: FleetSort[] = ['name', 'state', 'region', 'sessions', 'roundTrip', 'agent', 'kubernetes', 'certificate', 'lastSeen']
const right = new Set<FleetSort>(['roundTrip'])
const grid = 'grid grid-cols-[minmax(0,1.05fr)_minmax(0,1.35fr)_minmax(0,1fr)_6.25rem_6.75rem_4.5rem_6.5rem_6.5rem_5.5rem] items-center'
const beyond = 6 // rows kept ready above and below what is seen
const heights = { wide: 44, narrow: 62 }

interface Props {
  items: Cluster[]
  stale: boolean
  sort: FleetSort
  desc: boolean
  onSort: (by: FleetSort, desc: boolean) => void
  onOpen: (c: Cluster) => void
}

/**
 * A table of any number of rows, of which only those in sight exist. All rows are of one height, so that where a row is
 * follows from its number. The grid keeps the focus and names its current row: a row that scrolls out of sight takes no
 * focus with it.
 */
export function FleetTable({ items, stale, sort, desc, onSort, onOpen }: Props) {
  const wide = useMedia('(min-width: 64rem)')
  const height = wide ? heights.wide : heights.narrow
  const box = useRef<HTMLDivElement>(null)
  const id = useId()
  const [at, setAt] = useState<string>() // the current row, by its cluster: rows move
  const [seen, setSeen] = useState({ first: 0, rows: 30 })
  const current = items.findIndex((c) => c.id === at)

  useLayoutEffect(() => {
    const b = box.current
    if (!b) return
    const look = () => {
      const first = Math.floor(b.scrollTop / height)
      const rows = Math.ceil(b.clientHeight / height)
      setSeen((old) => (old.first === first && old.rows === rows ? old : { first, rows }))
    }
    look()
    const size = new ResizeObserver(look)
    size.observe(b)
    const scrolled = () => flushSync(look) // in the frame that scrolls: a later one would show nothing where rows belong
    b.addEventListener('scroll', scrolled, { passive: true })
    return () => {
      size.disconnect()
      b.removeEventListener('scroll', scrolled)
    }
  }, [height])
  const order = (by: FleetSort, down: boolean) => {
    box.current?.scrollTo({ top: 0 }) // another order is another list
    onSort(by, down)
  }

  const go = (row: number) => {
    const b = box.current
    const c = items[Math.max(0, Math.min(items.length - 1, row))]
    if (!b || !c) return
    setAt(c.id)
    const top = items.indexOf(c) * height
    const head = wide ? 36 : 0
    if (top < b.scrollTop) b.scrollTop = top
    else if (top + height + head > b.scrollTop + b.clientHeight) b.scrollTop = top + height + head - b.clientHeight
  }
  const key = (e: KeyboardEvent) => {
    if (e.target !== e.currentTarget || e.metaKey || e.ctrlKey || e.altKey) return
    const page = Math.max(1, seen.rows - 2)
    const to = { ArrowDown: current + 1, ArrowUp: Math.max(0, current - 1), PageDown: Math.max(0, current) + page, PageUp: current - page, Home: 0, End: items.length - 1 }[e.key]
    if (to !== undefined) go(to)
    else if ((e.key === 'Enter' || e.key === ' ') && items[current]) onOpen(items[current])
    else return
    e.preventDefault()
  }

  const from = Math.max(0, Math.min(seen.first - beyond, items.length - seen.rows - 2 * beyond))
  const to = Math.min(items.length, seen.first + seen.rows + beyond)
  const shown = items.slice(from, to)
  const slots = seen.rows + 2 * beyond + 1 // a row that leaves gives its place in the page to one that comes
  const inSight = current >= from && current < to
  return (
    <div
      ref={box}
      role="grid"
      tabIndex={0}
      aria-label="Fleet"
      aria-rowcount={items.length + 1}
      aria-colcount={wide ? columns.length : 1}
      aria-activedescendant={inSight ? `${id}-${current}` : undefined}
      onKeyDown={key}
      onFocus={(e) => e.target === e.currentTarget && current < 0 && setAt(items[seen.first]?.id)}
      className="min-h-72 flex-1 overflow-y-auto overscroll-contain [overflow-anchor:none] rounded-lg border border-line bg-surface [contain:strict] focus-visible:outline-offset-2 group/fleet"
    >
      <div role="rowgroup" className={wide ? 'sticky top-0 z-10 bg-surface' : 'sr-only'}>
        <div role="row" aria-rowindex={1} className={cx(grid, 'h-9 border-b border-line')}>
          {(wide ? columns : (['name'] as FleetSort[])).map((c) => (
            <Head key={c} by={c} sort={sort} desc={desc} onSort={order} />
          ))}
        </div>
      </div>
      <div role="rowgroup" className="relative" style={{ height: items.length * height }}>
        {shown.map((c, i) => (
          <Row
            key={(from + i) % slots}
            id={`${id}-${from + i}`}
            cluster={c}
            index={from + i}
            top={(from + i) * height}
            height={height}
            wide={wide}
            stale={stale}
            current={from + i === current}
            last={from + i === items.length - 1}
            onOpen={(x) => {
              setAt(x.id)
              onOpen(x)
            }}
          />
        ))}
      </div>
      <span className="sr-only">{count(items.length)} clusters. Arrow keys move, Enter opens.</span>
    </div>
  )
}

function Head({ by, sort, desc, onSort }: { by: FleetSort; sort: FleetSort; desc: boolean; onSort: Props['onSort'] }) {
  const on = by === sort
  const Arrow = desc ? ArrowDown : ArrowUp
  return (
    <div role="columnheader" aria-sort={on ? (desc ? 'descending' : 'ascending') : 'none'} className={cx('min-w-0 px-3 first:pl-4 last:pr-4', right.has(by) && 'text-right')}>
      <button
        type="button"
        onClick={() => onSort(by, on ? !desc : false)}
        className={cx('label-caps inline-flex min-h-6 items-center gap-1 font-semibold whitespace-nowrap hover:text-ink', on ? 'text-ink' : 'text-ink-3', right.has(by) && 'flex-row-reverse')}
      >
        {sortWord[by]}
        {on && <Arrow aria-hidden className="size-3.5" />}
      </button>
    </div>
  )
}

interface RowProps {
  id: string
  cluster: Cluster
  index: number
  top: number
  height: number
  wide: boolean
  stale: boolean
  current: boolean
  last: boolean
  onOpen: (c: Cluster) => void
}

const Row = memo(
  function Row({ id, cluster: c, index, top, height, wide, stale, current, last, onOpen }: RowProps) {
    return (
      <div
        id={id}
        role="row"
        aria-rowindex={index + 2}
        aria-selected={current}
        style={{ top, height }}
        className={cx(
          'absolute inset-x-0 hover:bg-paper [contain:strict]',
          !last && 'border-b border-line',
          current && 'bg-sea-soft! group-focus-visible/fleet:outline-2 group-focus-visible/fleet:-outline-offset-2 group-focus-visible/fleet:outline-sea',
          c.state === 'revoked' && 'text-ink-3',
          wide && grid,
        )}
      >
        {wide ? <Cells cluster={c} stale={stale} onOpen={onOpen} /> : <Narrow cluster={c} stale={stale} onOpen={onOpen} />}
      </div>
    )
  },
  (a, b) =>
    a.cluster === b.cluster && a.top === b.top && a.height === b.height && a.wide === b.wide && a.stale === b.stale && a.current === b.current && a.last === b.last && a.id === b.id,
)

interface CellProps {
  cluster: Cluster
  stale: boolean
  onOpen: (c: Cluster) => void
}

const cell = 'min-w-0 px-3 truncate first:pl-4 last:pr-4'
const none = <span className="text-ink-3">–</span>

/** The name is what a pointer and a screen reader press; it reaches over the whole row. */
const Name = ({ cluster: c, onOpen }: CellProps) => (
  <button type="button" tabIndex={-1} onClick={() => onOpen(c)} className="max-w-full truncate text-left font-semibold untrusted after:absolute after:inset-0">
    {c.name}
  </button>
)

function Cells({ cluster: c, stale, onOpen }: CellProps) {
  return (
    <>
      <div role="gridcell" className={cell}>
        <Name cluster={c} stale={stale} onOpen={onOpen} />
      </div>
      <div role="gridcell" className={cx(cell, 'flex items-center gap-2')} title={c.reason}>
        <ClusterState cluster={c} stale={stale} />
        <Since at={c.since} className="text-sm text-ink-3" />
      </div>
      <div role="gridcell" className={cx(cell, 'untrusted whitespace-nowrap')}>
        {c.region || none}
      </div>
      <div role="gridcell" className={cell}>
        <Tunnels cluster={c} />
      </div>
      <div role="gridcell" className={cx(cell, 'text-right tabular-nums')}>
        {c.roundTripMs ? roundTrip(c.roundTripMs) : none}
      </div>
      <div role="gridcell" className={cx(cell, 'untrusted whitespace-nowrap')}>
        {version(c.agentVersion) || none}
      </div>
      <div role="gridcell" className={cx(cell, 'untrusted whitespace-nowrap')}>
        {version(c.kubernetesVersion) || none}
      </div>
      <div role="gridcell" className={cell}>
        <Certificate until={c.state === 'revoked' ? undefined : c.certificateUntil} />
      </div>
      <div role="gridcell" className={cx(cell, 'text-ink-2')}>
        {isUp(c.state) ? 'now' : <Since at={c.lastSeen} />}
      </div>
    </>
  )
}

const Narrow = ({ cluster: c, stale, onOpen }: CellProps) => (
  <div role="gridcell" className="flex h-full flex-col justify-center px-4">
    <span className="flex items-center justify-between gap-3">
      <Name cluster={c} stale={stale} onOpen={onOpen} />
      <ClusterState cluster={c} stale={stale} className="shrink-0" />
    </span>
    <span className="flex items-center justify-between gap-3 text-sm text-ink-3">
      <span className="truncate untrusted whitespace-nowrap">{[c.region, version(c.agentVersion)].filter(Boolean).join(' · ')}</span>
      <Since at={c.since} className="shrink-0" />
    </span>
  </div>
)

const short = { tls: 'TLS', websocket: 'WS', quic: 'QUIC' } as Record<string, string>

const Tunnels = ({ cluster: c }: { cluster: Cluster }) =>
  c.sessions === 0 ? (
    none
  ) : (
    <>
      <span className="tabular-nums">
        {c.sessions}
        {c.sessions < (c.sessionsWanted ?? 0) ? <span className="text-ink-3"> of {c.sessionsWanted}</span> : null}
      </span>{' '}
      <span className="text-sm text-ink-3">{(c.transports ?? []).map((t) => short[t] ?? t).join(' ')}</span>
    </>
  )

/** How long, as briefly as kubectl says it: 26m, 16d. */
function Since({ at, className }: { at: string | undefined; className?: string }) {
  const s = secondsBetween(at, useNow())
  if (!at || s === undefined) return <span className={className}>never</span>
  return (
    <time dateTime={at} title={fullTime(at)} className={cx('tabular-nums', className)}>
      {age(s)}
    </time>
  )
}

/** How long a certificate still holds. */
export function Certificate({ until: end }: { until: string | undefined }) {
  const now = useNow()
  const left = secondsBetween(end, now)
  if (!end || left === undefined) return none
  return (
    <time dateTime={end} title={fullTime(end)} className={cx('whitespace-nowrap', -left < 4 * 3600 && 'font-medium text-warn')}>
      {until(-left)}
    </time>
  )
}

/** A round trip, as exactly as anyone needs it. */
export const roundTrip = (ms: number): string => (ms < 10 ? `${ms.toFixed(1)} ms` : milliseconds(ms))
