import { ArrowDown, ArrowUp, ChevronsUpDown, CircleAlert, CircleCheck, CircleDot, Clock3 } from 'lucide-react'
import { useMemo, useState } from 'react'
import type { Cell, Column, TableData } from '@/api/types'
import { Button } from '@/ui/Button'
import { Copy } from '@/ui/Copy'
import { Clock } from '@/ui/Time'
import { cx } from '@/util/cx'
import { age, count, fullTime, plainText, plural } from '@/util/format'
import { secondsOf, sortRows } from '@/util/sort'
import { toneOf } from '@/util/status'
import { parseRef } from './followups'
import { MissingNote } from './Missing'
import { RefMenu } from './RefMenu'
import { roveFocus, roveKeys, roving } from '@/util/rove'

const pageOfRows = 100
const moreRows = 400

/** Rows that a cluster answered with, as of the moment it answered. home is the conversation's own cluster. */
export function TableBlock({ table, at, home }: { table: TableData; at: string; home?: string }) {
  const came = useMemo(() => orderOf(table), [table])
  const [sort, setSort] = useState<{ column: number; down: boolean }>()
  const [shown, setShown] = useState(pageOfRows)
  const when = Date.parse(at)
  const order = useMemo(() => {
    const rows = table.rows.map((row, i) => ({ row, object: table.objects?.[i] ?? '' }))
    if (!sort) return rows
    return sortRows(rows, (r) => r.row, sort.column, table.columns[sort.column]?.kind ?? 'text', sort.down, when)
  }, [table, sort, when])
  const title = table.title || 'Answer'
  const where = table.namespace && !title.includes(table.namespace) ? ` in ${table.namespace}` : '' // the title says it often
  if (table.rows.length === 0) {
    return (
      <div className="overflow-hidden rounded-md border border-line bg-surface">
        <p className="px-4 py-3 text-ink-2">
          <span className="font-medium text-ink untrusted">{title}</span>: nothing found{where}, as of <Clock at={at} seconds />.
        </p>
        <MissingNote missing={table.missing ?? []} />
      </div>
    )
  }
  const active = sort ?? came
  const press = (column: number) => setSort((s) => (s?.column !== column ? { column, down: false } : s.down ? undefined : { column, down: true }))
  const left = order.length - shown
  return (
    <div className="overflow-hidden rounded-md border border-line bg-surface">
      <div className="flex items-center gap-3 border-b border-line py-1 pr-1 pl-3.5 text-sm">
        <p className="min-w-0 flex-1 truncate">
          <span className="font-semibold untrusted">{title}</span>
          <span className="text-ink-2 untrusted">{where}</span>
          <span className="text-ink-3">
            {' '}
            · {plural(table.rows.length, 'row')}
            {table.clusters && table.clusters.length > 0 && ` of ${plural(table.clusters.length, 'cluster')}`}
            {table.truncated && ', more exist'}
          </span>
        </p>
        {!sort && came && (
          <span className="hidden shrink-0 text-ink-3 sm:inline">
            by {table.columns[came.column]?.name.toLowerCase()}, {orderWord(table.columns[came.column]?.kind, came.down)}
          </span>
        )}
        <span className="hidden shrink-0 text-ink-3 sm:inline">
          as of <Clock at={at} seconds />
        </span>
        <Copy
          text={toTsv(
            table.columns,
            order.map((r) => r.row),
          )}
          label="Copy the rows, for a spreadsheet"
        />
      </div>
      {/* oxlint-disable-next-line no-noninteractive-tabindex -- what scrolls must be reachable by keyboard */}
      <div tabIndex={0} role="group" aria-label={title} className="scroll-thin max-h-[min(30rem,65vh)] overflow-auto focus-visible:-outline-offset-2">
        <table className="w-full border-separate border-spacing-0 text-left">
          <thead>
            <tr>
              {table.columns.map((c, i) => (
                <Head key={i} column={c} first={i === 0} sorted={active?.column === i ? (active.down ? 'descending' : 'ascending') : 'none'} onPress={() => press(i)} />
              ))}
            </tr>
          </thead>
          {/* oxlint-disable-next-line no-noninteractive-element-interactions -- moves the focus among the names within */}
          <tbody onKeyDownCapture={roveKeys} onFocus={roveFocus}>
            {order.slice(0, shown).map(({ row, object }, r) => (
              <Row key={r} index={r} row={row} object={object} table={table} at={when} home={home} />
            ))}
          </tbody>
        </table>
      </div>
      {left > 0 && (
        <div className="border-t border-line p-2 text-center">
          <Button size="sm" look="ghost" onClick={() => setShown(shown + moreRows)}>
            Show {count(Math.min(left, moreRows))} more of {count(order.length)}
          </Button>
        </div>
      )}
      <MissingNote missing={table.missing ?? []} />
      {table.truncated && <p className="border-t border-line px-3.5 py-2 text-sm text-ink-2">The answer was cut here. Ask for a namespace or a label to see the rest.</p>}
    </div>
  )
}

/** The order that the rows came in, where somebody asked for one. */
function orderOf(table: TableData): { column: number; down: boolean } | undefined {
  const by = table.sort?.column.toLowerCase()
  const column = by === undefined ? -1 : table.columns.findIndex((c) => c.name.toLowerCase() === by)
  return column < 0 ? undefined : { column, down: table.sort?.desc === true }
}

const orderWord = (kind: string | undefined, down: boolean): string =>
  kind === 'age' ? (down ? 'oldest first' : 'newest first') : kind === 'number' ? (down ? 'highest first' : 'lowest first') : down ? 'Z to A' : 'A to Z'

function Head({ column: c, first, sorted, onPress }: { column: Column; first: boolean; sorted: 'ascending' | 'descending' | 'none'; onPress: () => void }) {
  const name = plainText(c.name)
  return (
    <th
      scope="col"
      aria-sort={sorted}
      className={cx('sticky top-0 z-10 border-b border-line bg-sunken p-0 whitespace-nowrap', first && 'left-0 z-20 max-sm:static [&>button]:pl-3.5', c.kind === 'number' && 'text-right')}
    >
      <button
        type="button"
        onClick={onPress}
        className={cx('group label-caps untrusted-cell inline-flex h-8 w-full items-center px-2.5 hover:text-ink focus-visible:-outline-offset-2', sorted === 'none' ? 'text-ink-2' : 'text-sea-ink', c.kind === 'number' && 'flex-row-reverse')}
      >
        {name}
        <span aria-hidden className="relative w-0">
          <SortIcon active={sorted !== 'none'} down={sorted === 'descending'} left={c.kind === 'number'} />
        </span>
      </button>
    </th>
  )
}

function Row({ index, row, object, table, at, home }: { index: number; row: Cell[]; object: string; table: TableData; at: number; home: string | undefined }) {
  const many = (table.clusters?.length ?? 0) > 0
  const named = many ? 1 : 0 // the cell that names the object
  const cluster = many && typeof row[0] === 'string' && row[0] !== home ? row[0] : undefined
  const ref = object ? parseRef(object) : undefined
  return (
    <tr className="group">
      {table.columns.map((c, i) => {
        const cell = <CellView cell={row[i] ?? null} column={c} at={at} over={isOver(row, table.columns)} />
        return (
          <td
            key={i}
            className={cx(
              'h-8 border-line bg-surface px-2.5 py-1 first:pl-3.5 align-middle group-not-first:border-t group-hover:bg-paper',
              i === named ? 'font-medium' : 'text-ink-2',
              c.kind === 'number' && 'text-right',
              c.kind === 'text' && (i > 0 || String(row[i]).length > 60) ? '' : 'whitespace-nowrap',
            )}
          >
            {i === named && ref ? (
              <RefMenu of={ref} cluster={cluster} {...roving(index === 0)} className="w-full font-medium focus-visible:outline-offset-0">
                {cell}
              </RefMenu>
            ) : (
              cell
            )}
          </td>
        )
      })}
    </tr>
  )
}

const SortIcon = ({ active, down, left }: { active: boolean; down: boolean; left: boolean }) => {
  const Icon = active ? (down ? ArrowDown : ArrowUp) : ChevronsUpDown
  return (
    <Icon
      className={cx('absolute top-1/2 size-3.5 -translate-y-1/2', left ? 'right-0.5' : 'left-0.5', active ? 'text-sea' : 'opacity-0 group-hover:opacity-60 group-focus-visible:opacity-60')}
    />
  )
}

/** A pod that did its work and ended is not “0 of 1 ready” in any way that matters. */
const isOver = (row: Cell[], columns: Column[]): boolean => columns.some((c, i) => c.kind === 'status' && toneOf(String(row[i] ?? '')) === 'done')

const toneIcon = { ok: CircleCheck, busy: Clock3, bad: CircleAlert, done: CircleDot }
const toneColour = { ok: 'text-ok', busy: 'text-warn', bad: 'text-bad', done: 'text-ink-2' }

function CellView({ cell, column, at, over }: { cell: Cell; column: Column; at: number; over: boolean }) {
  if (cell === null || cell === '') return <span className="text-ink-3">–</span>
  if (column.kind === 'age') {
    const s = secondsOf(cell, at)
    if (typeof cell === 'string' && s !== undefined && /T/.test(cell)) return <span title={fullTime(cell)}>{age(s)}</span>
    return <span>{typeof cell === 'number' ? age(cell) : plainText(String(cell))}</span>
  }
  const text = plainText(String(cell))
  if (column.kind === 'status') {
    const tone = toneOf(text)
    if (tone === 'none' || (over && /^\d+\/\d+$/.test(text))) return <span className="text-ink-2 untrusted-cell">{text}</span>
    const Icon = toneIcon[tone]
    return (
      <span className={cx('flex items-center gap-1.5 font-medium', toneColour[tone])}>
        <Icon aria-hidden className="size-4 shrink-0" />
        <span className="untrusted-cell">{text}</span>
      </span>
    )
  }
  return <span className={cx('untrusted-cell', column.kind === 'text' && 'block max-w-96 w-max')}>{text}</span>
}

/** Tab-separated, with what a spreadsheet would run as a formula made plain. */
function toTsv(columns: Column[], rows: Cell[][]): string {
  const safe = (c: Cell) => {
    const t = plainText(String(c ?? '')).replace(/[\t\r\n]+/g, ' ')
    return /^[=+@-]/.test(t) && Number.isNaN(Number(t)) ? `'${t}` : t
  }
  return [columns.map((c) => safe(c.name)), ...rows.map((r) => r.map(safe))].map((r) => r.join('\t')).join('\n')
}
