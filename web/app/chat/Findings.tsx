import { CircleAlert, CircleCheck, Info, TriangleAlert } from 'lucide-react'
import type { Finding } from '@/api/types'
import { cx } from '@/util/cx'
import { plainText } from '@/util/format'

const looks: Record<string, { icon: typeof Info; colour: string; word: string }> = {
  critical: { icon: CircleAlert, colour: 'text-bad', word: 'Critical' },
  error: { icon: CircleAlert, colour: 'text-bad', word: 'Problem' },
  warning: { icon: TriangleAlert, colour: 'text-warn', word: 'Warning' },
  info: { icon: Info, colour: 'text-sea', word: 'Note' },
  ok: { icon: CircleCheck, colour: 'text-ok', word: 'Fine' },
}
const other = { icon: Info, colour: 'text-ink-2', word: '' }

/** What is wrong with what, how that is known, and what to look at next. */
export function Findings({ findings }: { findings: Finding[] }) {
  return (
    <ul className="overflow-hidden rounded-md border border-line bg-surface">
      {findings.map((f, i) => {
        const look = looks[f.severity] ?? other
        const Icon = look.icon
        return (
          <li key={i} className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-3 border-line px-4 py-3 not-first:border-t">
            <Icon aria-hidden className={cx('mt-0.5 size-4.5', look.colour)} />
            <div className="min-w-0">
              <p className="flex flex-wrap items-baseline gap-x-2.5">
                <span className={cx('font-semibold', look.colour)}>
                  <span className="sr-only">{look.word}: </span>
                  <span className="untrusted">{f.reason}</span>
                </span>
                <code className="text-sm text-ink-2 untrusted">{f.object}</code>
              </p>
              <p className="mt-0.5 text-pretty untrusted">{plainText(f.text)}</p>
              {f.evidence && f.evidence.length > 0 && (
                <details className="mt-1.5" open={i === 0}>
                  <summary className="w-fit rounded-sm text-sm font-medium text-ink-2 hover:text-ink">Evidence</summary>
                  <ul className="mt-1 flex flex-col gap-0.5 border-l-2 border-line pl-3 font-mono text-sm text-ink-2">
                    {f.evidence.map((e, n) => (
                      <li key={n} className="whitespace-pre-wrap untrusted">
                        {plainText(e)}
                      </li>
                    ))}
                  </ul>
                </details>
              )}
              {f.next && (
                <p className="mt-1.5 text-sm text-ink-2 untrusted">
                  <span className="font-semibold text-ink">Next:</span> {plainText(f.next)}
                </p>
              )}
            </div>
          </li>
        )
      })}
    </ul>
  )
}
