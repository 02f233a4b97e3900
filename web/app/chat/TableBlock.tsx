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

const pageOfRows = 100

/** Rows that a cluster answered with, as of the moment it answered. */
export function TableBlock({ table, at }: { table: TableData; at: string }) {
  const [sort, setSort] = useState<{ column: number; down: boolean }>()
  const [shown, setShown] = useState(pageOfRows)
  const when = Date.parse(at)
  const rows = useMemo(() => {
    if (!sort) return table.rows
    return sortRows(table.rows, sort.column, table.columns[sort.column]?.kind ?? 'text', sort.down, when)
  }, [table, sort, when])
  const title = table.title || 'Answer'
  const left = rows.length - shown
  const where = table.namespace && !title.includes(table.namespace) ? ` in ${table.namespace}` : '' // the title says it often
  if (table.rows.length === 0) {
    return (
      <p className="rounded-md border border-line bg-surface px-4 py-3 text-ink-2">
        <span className="font-medium text-ink untrusted">{title}</span>: nothing found{where}, as of <Clock at={at} seconds />.
      </p>
    )
  }
  const press = (column: number) => setSort((s) => (s?.column !== column ? { column, down: false } : s.down ? undefined : { column, down: true }))
  return (
    <div className="overflow-hidden rounded-md border border-line bg-surface">
      <div className="flex items-center gap-3 border-b border-line py-1 pr-1 pl-3.5 text-sm">
        <p className="min-w-0 flex-1 truncate">
          <span className="font-semibold untrusted">{title}</span>
          <span className="text-ink-2 untrusted">{where}</span>
          <span className="text-ink-3">
            {' '}
            · {plural(table.rows.length, 'row')}
            {table.truncated && ', more exist'}
          </span>
        </p>
        <span className="hidden text-ink-3 sm:inline">
          as of <Clock at={at} seconds />
        </span>
        <Copy text={toTsv(table.columns, rows)} label="Copy the rows, for a spreadsheet" />
      </div>
      {/* oxlint-disable-next-line no-noninteractive-tabindex -- what scrolls must be reachable by keyboard */}
      <div tabIndex={0} role="group" aria-label={title} className="scroll-thin max-h-[min(30rem,65vh)] overflow-auto focus-visible:-outline-offset-2">
        <table className="w-full border-separate border-spacing-0 text-left">
          <thead>
            <tr>
              {table.columns.map((c, i) => {
                const active = sort?.column === i
                return (
                  <th
                    key={i}
                    scope="col"
                    aria-sort={active ? (sort.down ? 'descending' : 'ascending') : 'none'}
                    className={cx('sticky top-0 z-10 border-b border-line bg-sunken p-0 whitespace-nowrap', i === 0 && 'left-0 z-20 max-sm:static', c.kind === 'number' && 'text-right')}
                  >
                    <button
                      type="button"
                      onClick={() => press(i)}
                      className={cx('group label-caps inline-flex h-8 w-full items-center px-3 text-ink-2 hover:text-ink focus-visible:-outline-offset-2', c.kind === 'number' && 'flex-row-reverse')}
                    >
                      {c.name}
                      <span aria-hidden className="relative w-0">
                        <SortIcon active={active} down={sort?.down ?? false} left={c.kind === 'number'} />
                      </span>
                    </button>
                  </th>
                )
              })}
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, shown).map((row, r) => (
              <tr key={r} className="group">
                {table.columns.map((c, i) => (
                  <td
                    key={i}
                    className={cx(
                      'h-8 border-line bg-surface px-3 py-1 align-middle group-not-first:border-t group-hover:bg-paper',
                      i === 0 ? 'font-medium' : 'text-ink-2',
                      c.kind === 'number' && 'text-right',
                      c.kind === 'text' && (i > 0 || String(row[i]).length > 60) ? '' : 'whitespace-nowrap',
                    )}
                  >
                    <CellView cell={row[i] ?? null} column={c} at={when} over={isOver(row, table.columns)} />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {left > 0 && (
        <div className="border-t border-line p-2 text-center">
          <Button size="sm" look="ghost" onClick={() => setShown(shown + 10 * pageOfRows)}>
            Show {count(Math.min(left, 10 * pageOfRows))} more of {count(rows.length)}
          </Button>
        </div>
      )}
      {table.truncated && <p className="border-t border-line px-3.5 py-2 text-sm text-ink-2">The answer was cut here. Ask for a namespace or a label to see the rest.</p>}
    </div>
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
