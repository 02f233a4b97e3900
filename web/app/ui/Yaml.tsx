import { useMemo, type ReactNode } from 'react'
import { cx } from '@/util/cx'
import { CodeBox } from './Code'

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

/** One line, coloured. */
export function yamlLine(line: string): ReactNode {
  if (/^\s*#/.test(line)) return <span className="text-ink-3">{line}</span>
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
