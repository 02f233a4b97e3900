import type { ComponentProps, ReactNode } from 'react'
import { cx } from '@/util/cx'
import { Copy } from './Copy'

/** A command to copy. Long ones wrap, so that nobody approves what they can't see. */
export function Command({ text, label = 'Copy the command', prompt = true, big, marks = [] }: { text: string; label?: string; prompt?: boolean; big?: boolean; marks?: readonly string[] }) {
  return (
    <div className="group flex items-start gap-1 rounded-md border border-line bg-sunken py-0.5 pr-1 pl-3">
      <pre tabIndex={0} aria-label="Command" className={cx('min-w-0 flex-1 py-1.5 whitespace-pre-wrap untrusted', big ? 'text-base' : 'text-sm')}>
        {text.split('\n').map((line, i, all) => (
          <span key={i} className={prompt ? 'block pl-4 -indent-4' : 'block'}>
            {prompt && (
              <span aria-hidden className="inline-block w-4 indent-0 text-ink-3 select-none">
                {i > 0 && all[i - 1]?.endsWith('\\') ? '' : '$'}
              </span>
            )}
            {marked(line, marks)}
          </span>
        ))}
      </pre>
      <Copy text={text} label={label} />
    </div>
  )
}

/** The line with some of its words set off. */
function marked(line: string, marks: readonly string[]): ReactNode {
  const words = marks.filter(Boolean).toSorted((a, b) => b.length - a.length)
  if (words.length === 0) return line
  const pieces = line.split(new RegExp(`(${words.map((w) => w.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')})`))
  return pieces.map((p, i) =>
    words.includes(p) ? (
      <mark key={i} className="rounded-sm bg-warn-soft px-0.5 text-warn underline decoration-dotted underline-offset-3">
        {p}
      </mark>
    ) : (
      p
    ),
  )
}

/** Text in lines that scrolls in both directions inside its box. */
export function CodeBox({ label, children, tall, className, ...rest }: Omit<ComponentProps<'div'>, 'role'> & { label: string; tall?: boolean }) {
  return (
    <div {...rest} tabIndex={0} role="group" aria-label={label} className={cx('scroll-thin overflow-auto bg-sunken font-mono text-sm focus-visible:-outline-offset-2', tall ? 'max-h-[min(34rem,70vh)]' : 'max-h-80', className)}>
      {children}
    </div>
  )
}
