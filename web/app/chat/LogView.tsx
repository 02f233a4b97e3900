import { useMutation } from '@tanstack/react-query'
import { ArrowDown, ChevronDown, ChevronUp, Pause, Play, Search, Square, WrapText } from 'lucide-react'
import { useEffect, useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from 'react'
import { useSlug } from '@/api/context'
import { stopRun } from '@/api/mutations'
import { Button, IconButton } from '@/ui/Button'
import { CodeBox } from '@/ui/Code'
import { Copy } from '@/ui/Copy'
import { cx } from '@/util/cx'
import { count, plainText, plural } from '@/util/format'
import { LogLines } from './LogLines'
import type { LogBlock } from './view'

interface Props {
  block: LogBlock
  run: string
  /** Lines may still come. */
  live: boolean
}

/** Lines of a container. While they come the newest is in view, unless someone went up to read or paused it. */
export function LogView({ block, run, live }: Props) {
  const [wrap, setWrap] = useState(false)
  const [pausedAt, setPausedAt] = useState<number>() // how many lines there were, in all
  const [finding, setFinding] = useState(false)
  const total = block.dropped + block.lines.length
  const held = pausedAt === undefined ? 0 : total - Math.max(pausedAt, block.dropped)
  const lines = useMemo(() => block.lines.slice(0, block.lines.length - held).map(plainText), [block.lines, held])
  const search = useSearch(lines, block.dropped, finding)
  const { box, atEnd, onScroll, toEnd } = useEnd(lines, live && pausedAt === undefined && search.at === undefined)
  const name = [block.pod, block.container].filter(Boolean).join(' / ')
  const following = block.follow && live
  return (
    <div className="overflow-hidden rounded-md border border-line">
      <div className="flex flex-wrap items-center gap-x-1 border-b border-line bg-surface py-1 pr-1 pl-3 text-sm text-ink-2">
        <span className="min-w-0 flex-1 basis-48 truncate pr-2">
          <span className="font-medium text-ink untrusted">{plainText(name) || 'Log'}</span> · {plural(lines.length, 'line')}
          {block.dropped > 0 && `, ${count(block.dropped)} older ones not shown`}
        </span>
        <span className="flex flex-wrap items-center gap-0.5">
          {following && <Following run={run} paused={pausedAt !== undefined} />}
          {following &&
            (pausedAt === undefined ? (
              <Button size="sm" look="ghost" onClick={() => setPausedAt(total)} icon={<Pause aria-hidden className="size-4" />}>
                Pause
              </Button>
            ) : (
              <Button size="sm" look="plain" onClick={() => setPausedAt(undefined)} icon={<Play aria-hidden className="size-4" />}>
                {held > 0 ? `Show ${plural(held, 'new line')}` : 'Go on'}
              </Button>
            ))}
          <IconButton label="Search these lines" size="sm" aria-pressed={finding} onClick={() => setFinding(!finding)} className={cx(finding && 'bg-sea-soft text-sea-ink!')}>
            <Search aria-hidden className="size-4" />
          </IconButton>
          <IconButton label="Wrap long lines" size="sm" aria-pressed={wrap} onClick={() => setWrap(!wrap)} className={cx(wrap && 'bg-sea-soft text-sea-ink!')}>
            <WrapText aria-hidden className="size-4" />
          </IconButton>
          <Copy text={lines.join('\n')} label="Copy the lines" />
        </span>
      </div>
      {finding && <SearchBar search={search} onClose={() => setFinding(false)} />}
      <div className="relative">
        <CodeBox label={`Log of ${name || 'the pod'}`} ref={box} onScroll={onScroll} tall={block.follow}>
          {lines.length === 0 ? (
            <p className="px-3 py-3 font-sans text-ink-2">{live ? 'No lines yet.' : 'It wrote no lines.'}</p>
          ) : (
            <LogLines lines={lines} first={block.dropped} wrap={wrap} query={search.query} at={search.at} only={search.only ? search.hits : undefined} />
          )}
        </CodeBox>
        {!atEnd && lines.length > 0 && (
          <Button size="sm" onClick={toEnd} icon={<ArrowDown aria-hidden className="size-4" />} className="absolute right-4 bottom-2.5 shadow-pop!">
            To the end
          </Button>
        )}
      </div>
    </div>
  )
}

/** That lines still come, and the way to end it. */
function Following({ run, paused }: { run: string; paused: boolean }) {
  const slug = useSlug()
  const stop = useMutation({ mutationFn: () => stopRun(slug, run) })
  return (
    <>
      <span className="mr-1 inline-flex items-center gap-1.5 font-medium text-ok">
        <span aria-hidden className={cx('size-2 rounded-full bg-current', !paused && 'animate-breathe')} />
        {paused ? 'paused' : 'following'}
      </span>
      <Button size="sm" look="ghost" busy={stop.isPending} onClick={() => stop.mutate()} icon={<Square aria-hidden className="size-3.5 fill-current" />}>
        Stop
      </Button>
    </>
  )
}

interface Search {
  query: string
  setQuery: (q: string) => void
  hits: number[]
  /** The line that is looked at, counted from the log's very first. */
  at: number | undefined
  step: (by: 1 | -1) => void
  only: boolean
  setOnly: (on: boolean) => void
}

function useSearch(lines: string[], first: number, open: boolean): Search {
  const [text, setText] = useState('')
  const [only, setOnly] = useState(false)
  const [at, setAt] = useState<number>()
  const query = open ? text.trim().toLowerCase() : ''
  const hits = useMemo(() => (query ? lines.flatMap((l, i) => (l.toLowerCase().includes(query) ? [first + i] : [])) : []), [lines, first, query])
  const now = at !== undefined && hits.includes(at) ? at : undefined
  const step = (by: 1 | -1) => {
    if (hits.length === 0) return
    const i = now === undefined ? (by > 0 ? -1 : 0) : hits.indexOf(now)
    setAt(hits[(i + by + hits.length) % hits.length])
  }
  const setQuery = (q: string) => {
    setText(q)
    setAt(undefined)
  }
  return { query: query ? text.trim() : '', setQuery, hits, at: now, step, only: only && query !== '', setOnly }
}

function SearchBar({ search, onClose }: { search: Search; onClose: () => void }) {
  const { query, hits, at, step } = search
  const [text, setText] = useState(query)
  const key = (e: KeyboardEvent) => {
    if (e.key === 'Enter') {
      e.preventDefault()
      step(e.shiftKey ? -1 : 1)
    } else if (e.key === 'Escape') {
      e.preventDefault()
      onClose()
    }
  }
  const said: ReactNode = !query ? '' : hits.length === 0 ? 'not found' : at === undefined ? plural(hits.length, 'line') : `${hits.indexOf(at) + 1} of ${hits.length}`
  return (
    <div className="flex flex-wrap items-center gap-1 border-b border-line bg-surface px-2 py-1 text-sm text-ink-2">
      <input
        // oxlint-disable-next-line no-autofocus -- it was just asked for
        autoFocus
        type="search"
        aria-label="Search in the log"
        placeholder="Search in the log"
        value={text}
        onChange={(e) => {
          setText(e.target.value)
          search.setQuery(e.target.value)
        }}
        onKeyDown={key}
        className="h-7 min-w-0 flex-1 basis-40 rounded-md border border-edge bg-surface px-2 text-ink"
      />
      <span role="status" className="min-w-16 px-1 text-right">
        {said}
      </span>
      <IconButton label="The one before" size="sm" onClick={() => step(-1)}>
        <ChevronUp aria-hidden className="size-4" />
      </IconButton>
      <IconButton label="The next one" size="sm" onClick={() => step(1)}>
        <ChevronDown aria-hidden className="size-4" />
      </IconButton>
      <label className="inline-flex h-7 items-center gap-1.5 px-1">
        <input type="checkbox" checked={search.only} onChange={(e) => search.setOnly(e.target.checked)} disabled={!query} className="size-4 accent-sea" />
        Only these lines
      </label>
    </div>
  )
}

/** Keeps the end in view while lines come and nobody scrolled away from it. */
function useEnd(lines: string[], follow: boolean) {
  const box = useRef<HTMLDivElement>(null)
  const stuck = useRef(true)
  const [atEnd, setAtEnd] = useState(true)
  const toEnd = () => {
    stuck.current = true
    if (box.current) box.current.scrollTop = box.current.scrollHeight
  }
  const onScroll = () => {
    const el = box.current
    if (!el) return
    stuck.current = el.scrollHeight - el.scrollTop - el.clientHeight < 40
    setAtEnd(stuck.current)
  }
  const first = useRef(true)
  useEffect(() => {
    const el = box.current
    if (el && stuck.current && (follow || first.current)) el.scrollTop = el.scrollHeight
    first.current = false
    // oxlint-disable-next-line exhaustive-effect-dependencies -- new lines are what moves the end
  }, [lines, follow])
  return { box, atEnd, onScroll, toEnd }
}
