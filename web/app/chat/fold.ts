// Which lines of a YAML document can be folded into the line above them.

export interface Fold {
  /** The line that stays, counted from 0, and the last line that goes with it. */
  from: number
  to: number
  depth: number
  key: string
}

const indentOf = (line: string): number => line.length - line.trimStart().length
const isBlank = (line: string): boolean => /^\s*(#.*)?$/.test(line)

/** A list may stand at the same depth as its key, as kubectl writes it. */
export function foldsOf(lines: readonly string[]): Map<number, Fold> {
  const out = new Map<number, Fold>()
  for (let from = 0; from < lines.length; from++) {
    const line = lines[from] ?? ''
    if (isBlank(line) || line.startsWith('---')) continue
    const own = indentOf(line)
    const isItem = line.trimStart().startsWith('- ')
    const depth = isItem ? own + 2 - (line.trimStart() === '-' ? 1 : 0) : own
    const m = /^\s*(?:- )?([^\s:#][^:]*|"[^"]*"):\s*([|>][+-]?\d?)?\s*(#.*)?$/.exec(line)
    let to = from
    for (let i = from + 1; i < lines.length; i++) {
      const next = lines[i] ?? ''
      if (next.trim() === '') continue
      const n = indentOf(next)
      const under = isItem ? n > own : n > depth || (m !== null && n === depth && next.trimStart().startsWith('- '))
      if (!under || next.startsWith('---')) break
      to = i
    }
    if (to > from) out.set(from, { from, to, depth: own, key: m?.[1] ?? '' })
  }
  return out
}

/** What is of no use to people at first sight. */
export const foldedAtFirst = (folds: Map<number, Fold>): ReadonlySet<number> =>
  new Set([...folds.values()].filter((f) => /^(managedFields|kubectl\.kubernetes\.io\/last-applied-configuration)$/.test(f.key)).map((f) => f.from))

/** The lines that are seen while some are folded. */
export function seenLines(count: number, folds: Map<number, Fold>, folded: ReadonlySet<number>): number[] {
  const out: number[] = []
  for (let i = 0; i < count; i++) {
    out.push(i)
    const f = folds.get(i)
    if (f && folded.has(i)) i = f.to
  }
  return out
}
