import { memo, useEffect, useMemo, useRef, type ReactNode } from 'react'
import { cx } from '@/util/cx'

interface Props {
  lines: string[]
  /** How many lines there were before the first of these. */
  first: number
  wrap: boolean
  query: string
  at: number | undefined
  only: number[] | undefined
}

const perChunk = 200

/** Lines in chunks that are drawn once: what is added at the end draws only the last one again. */
export function LogLines({ lines, first, wrap, query, at, only }: Props) {
  const list = useRef<HTMLDivElement>(null)
  const chunks = useMemo(() => chunked(lines, first, only), [lines, first, only])
  useEffect(() => {
    if (at !== undefined) list.current?.querySelector(`[data-line="${at}"]`)?.scrollIntoView({ block: 'nearest' })
  }, [at])
  return (
    <div ref={list} className={cx('py-2', !wrap && 'w-max min-w-full')}>
      {chunks.map((c) => (
        <Chunk key={c.key} lines={c.lines} numbers={c.numbers} wrap={wrap} query={query} at={at !== undefined && c.numbers.includes(at) ? at : undefined} />
      ))}
    </div>
  )
}

interface ChunkOfLines {
  key: number
  lines: string[]
  numbers: number[]
}

function chunked(lines: string[], first: number, only: number[] | undefined): ChunkOfLines[] {
  const out: ChunkOfLines[] = []
  const put = (n: number) => {
    const key = Math.floor(n / perChunk)
    let last = out.at(-1)
    if (last?.key !== key) out.push((last = { key, lines: [], numbers: [] }))
    last.lines.push(lines[n - first] ?? '')
    last.numbers.push(n)
  }
  if (only) for (const n of only) put(n)
  else for (let i = 0; i < lines.length; i++) put(first + i)
  return out
}

const Chunk = memo(
  function Chunk({ lines, numbers, wrap, query, at }: { lines: string[]; numbers: number[]; wrap: boolean; query: string; at: number | undefined }) {
    return (
      <ol className="[contain-intrinsic-block-size:auto_4000px] [content-visibility:auto]">
        {lines.map((l, i) => (
          <li
            key={numbers[i]}
            data-line={numbers[i]}
            className={cx('px-3 leading-5 hover:bg-line/50', wrap ? 'whitespace-pre-wrap untrusted' : 'whitespace-pre', tone(l), numbers[i] === at && 'bg-sea-soft! outline-1 -outline-offset-1 outline-sea')}
          >
            {query ? found(l, query) : l || '\u00a0'}
          </li>
        ))}
      </ol>
    )
  },
  (a, b) => a.wrap === b.wrap && a.query === b.query && a.at === b.at && a.numbers.length === b.numbers.length && a.numbers[0] === b.numbers[0] && a.numbers.at(-1) === b.numbers.at(-1),
)

function found(line: string, query: string): ReactNode {
  const low = line.toLowerCase()
  const q = query.toLowerCase()
  if (low.length !== line.length || !low.includes(q)) return line || '\u00a0' // where lower case has another length, places would be wrong
  const out: ReactNode[] = []
  let from = 0
  for (let i = low.indexOf(q); i >= 0; i = low.indexOf(q, from)) {
    out.push(line.slice(from, i), <mark key={i} className="rounded-xs bg-buff-2 text-buff-ink">{line.slice(i, i + q.length)}</mark>) // prettier-ignore
    from = i + q.length
  }
  out.push(line.slice(from))
  return out
}

function tone(line: string): string {
  const head = line.slice(0, 160)
  if (/\b(ERROR|FATAL|PANIC|CRIT(ICAL)?|panic:)\b|level=(error|fatal)|"level":"(error|fatal)"/.test(head)) return 'text-bad'
  if (/\bWARN(ING)?\b|level=warn|"level":"warn/.test(head)) return 'text-warn'
  return ''
}
