import { useEffect, useMemo, useRef, useState } from 'react'
import { Copy } from '@/ui/Copy'
import { CodeBox } from '@/ui/Code'
import { cx } from '@/util/cx'
import { count, plainText } from '@/util/format'
import type { LogBlock } from './reducer'

/** Lines of a container, the newest in view while they come. */
export function LogView({ block, live }: { block: LogBlock; live: boolean }) {
  const [wrap, setWrap] = useState(false)
  const end = useRef<HTMLLIElement>(null)
  const lines = useMemo(() => block.lines.map(plainText), [block.lines])
  useEffect(() => {
    const box = end.current?.closest<HTMLElement>('[role=group]')
    if (!box) return
    if (live ? box.scrollHeight - box.scrollTop - box.clientHeight < 120 : box.scrollTop === 0) box.scrollTop = box.scrollHeight
    // oxlint-disable-next-line exhaustive-effect-dependencies -- new lines are what moves the end
  }, [lines, live])
  const name = [block.pod, block.container].filter(Boolean).join(' / ')
  return (
    <div className="overflow-hidden rounded-md border border-line">
      <div className="flex items-center gap-2 border-b border-line bg-surface py-1 pr-1 pl-3 text-sm text-ink-2">
        <span className="min-w-0 flex-1 truncate">
          <span className="font-medium text-ink untrusted">{name || 'Log'}</span> · {count(lines.length)} lines
          {block.dropped > 0 && `, ${count(block.dropped)} older ones not shown`}
        </span>
        <label className="inline-flex h-7 items-center gap-1.5 px-1">
          <input type="checkbox" checked={wrap} onChange={(e) => setWrap(e.target.checked)} className="size-4 accent-sea" />
          Wrap
        </label>
        <Copy text={lines.join('\n')} label="Copy the lines" />
      </div>
      <CodeBox label={`Log of ${name || 'the pod'}`}>
        <ol className={cx('py-2', !wrap && 'w-max min-w-full')}>
          {lines.map((l, i) => (
            <li key={i} className={cx('px-3 leading-5 hover:bg-line/50', wrap ? 'whitespace-pre-wrap untrusted' : 'whitespace-pre', tone(l))}>
              {l || '\u00a0'}
            </li>
          ))}
          <li ref={end} aria-hidden />
        </ol>
      </CodeBox>
    </div>
  )
}

function tone(line: string): string {
  const head = line.slice(0, 160)
  if (/\b(ERROR|FATAL|PANIC|CRIT(ICAL)?|panic:)\b|level=(error|fatal)|"level":"(error|fatal)"/.test(head)) return 'text-bad'
  if (/\bWARN(ING)?\b|level=warn|"level":"warn/.test(head)) return 'text-warn'
  return ''
}
