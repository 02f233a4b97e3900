import type { Cell, ColumnKind } from '@/api/types'
import { parseAge } from './format'

const units: Record<string, number> = {
  n: 1e-9, u: 1e-6, m: 1e-3, '': 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15,
  Ki: 1024, Mi: 1024 ** 2, Gi: 1024 ** 3, Ti: 1024 ** 4, Pi: 1024 ** 5,
} // prettier-ignore

/** The number that a cell stands for: 12, "250m", "1.5Gi", "84%", "2/3", or undefined. */
export function numberOf(cell: Cell): number | undefined {
  if (typeof cell === 'number') return cell
  if (typeof cell !== 'string') return undefined
  const t = cell.trim()
  const ratio = /^(\d+)\/(\d+)$/.exec(t)
  if (ratio) return Number(ratio[1]) + Number(ratio[2]) / 1e6
  const m = /^(-?\d+(?:\.\d+)?)(%|[num]|[kMGTP]|[KMGTP]i)?(?:\s.*)?$/.exec(t)
  if (!m) return undefined
  return Number(m[1]) * (m[2] === '%' ? 1 : (units[m[2] ?? ''] ?? 1))
}

/** The seconds that an age cell stands for at a moment: a kubectl age, an instant, or seconds. */
export function secondsOf(cell: Cell, at: number): number | undefined {
  if (typeof cell === 'number') return cell
  if (typeof cell !== 'string') return undefined
  const aged = parseAge(cell.replace(/\s*ago$/, ''))
  if (aged !== undefined) return aged
  if (!/^\d{4}-\d\d-\d\dT/.test(cell)) return undefined
  const t = Date.parse(cell)
  return Number.isNaN(t) ? undefined : (at - t) / 1000
}

const collator = new Intl.Collator('en', { numeric: true, sensitivity: 'base' })
const missing = new Set<Cell>([null, '', '<none>', '<unknown>', '-'])

/** The rows in the order of one column; what is missing there comes last, in both directions. cells gives a row's cells. */
export function sortRows<R>(rows: readonly R[], cells: (row: R) => readonly Cell[], column: number, kind: ColumnKind, descending: boolean, at: number): R[] {
  const key = (c: Cell): number | undefined => (kind === 'age' ? secondsOf(c, at) : kind === 'number' ? numberOf(c) : undefined)
  const sign = descending ? -1 : 1
  return rows.toSorted((x, y) => {
    const a = cells(x)[column] ?? null
    const b = cells(y)[column] ?? null
    if (missing.has(a) || missing.has(b)) return Number(missing.has(a)) - Number(missing.has(b))
    const m = key(a)
    const n = key(b)
    if (m !== undefined && n !== undefined) return sign * (m - n)
    return sign * collator.compare(String(a), String(b))
  })
}
