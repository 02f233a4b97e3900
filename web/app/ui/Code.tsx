import { useMemo, type ReactNode } from 'react'
import { cx } from '@/util/cx'
import { Copy } from './Copy'

/** A command to copy. Long ones wrap, so that nobody approves what they can't see. */
export function Command({ text, label = 'Copy the command', prompt = true, big }: { text: string; label?: string; prompt?: boolean; big?: boolean }) {
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
            {line}
          </span>
        ))}
      </pre>
      <Copy text={text} label={label} />
    </div>
  )
}

/** Text in lines that scrolls in both directions inside its box. */
export function CodeBox({ label, children, tall, className }: { label: string; children: ReactNode; tall?: boolean; className?: string }) {
  return (
    <div tabIndex={0} role="group" aria-label={label} className={cx('scroll-thin overflow-auto bg-sunken font-mono text-sm', tall ? 'max-h-[min(34rem,70vh)]' : 'max-h-80', className)}>
      {children}
    </div>
  )
}

/** YAML with its keys, strings and comments told apart; lines are numbered for talking about them. */
export function Yaml({ text, label }: { text: string; label: string }) {
  const lines = useMemo(() => text.replace(/\n$/, '').split('\n'), [text])
  return (
    <CodeBox label={label} tall>
      <ol className="min-w-max py-2">
        {lines.map((line, i) => (
          <li key={i} className="flex pr-4 leading-5">
            <span aria-hidden className="sticky left-0 w-11 shrink-0 bg-sunken pr-3 text-right text-ink-3 select-none">
              {i + 1}
            </span>
            <span className="whitespace-pre">{yamlLine(line)}</span>
          </li>
        ))}
      </ol>
    </CodeBox>
  )
}

function yamlLine(line: string): ReactNode {
  const comment = /^(\s*)(#.*)$/.exec(line)
  if (comment) return <span className="text-ink-3">{line}</span>
  const m = /^(\s*(?:- )*)([^\s:#'"][^:#]*|"[^"]*"|'[^']*')(:)(\s.*|$)/.exec(line)
  if (!m) return line || '\u00a0'
  const [, indent, key, colon, value = ''] = m
  return (
    <>
      {indent}
      <span className="text-sea-ink">{key}</span>
      {colon}
      <span className={cx(/^\s*(true|false|null|~|-?\d[\d.]*)\s*$/.test(value) && 'text-warn', /^\s*["']/.test(value) && 'text-ok')}>{value}</span>
    </>
  )
}
