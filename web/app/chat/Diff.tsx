import { Diff as DiffIcon, TriangleAlert } from 'lucide-react'
import type { DiffStep } from '@/api/types'
import { CodeBox } from '@/ui/Code'
import { cx } from '@/util/cx'
import { plainText } from '@/util/format'
import { parseUnified } from './unified'

/** What the API server says would become different, found out by a dry run. */
export function Diff({ steps }: { steps: DiffStep[] }) {
  return (
    <div className="flex flex-col gap-2">
      {steps.map((s, i) => (
        <DiffOne key={i} step={s} />
      ))}
    </div>
  )
}

function DiffOne({ step }: { step: DiffStep }) {
  const lines = parseUnified(step.unified)
  const added = lines.filter((l) => l.kind === 'add').length
  const removed = lines.filter((l) => l.kind === 'del').length
  return (
    <div className="overflow-hidden rounded-md border border-line bg-surface">
      <div className="flex items-center gap-2 px-3 py-1.5 text-sm">
        <DiffIcon aria-hidden className="size-4 shrink-0 text-ink-3" />
        <span className="min-w-0 flex-1 truncate font-medium untrusted">{plainText(step.title)}</span>
        {lines.length > 0 && (
          <span className="shrink-0 font-mono">
            <span className="text-ok">+{added}</span> <span className="text-bad">−{removed}</span>
            <span className="sr-only"> lines</span>
          </span>
        )}
      </div>
      {lines.length === 0 ? (
        <p className="border-t border-line px-3 py-2 text-sm text-ink-2">No difference: it is like this already.</p>
      ) : (
        <CodeBox label={`Difference of ${step.title}`} className="border-t border-line">
          <ol className="w-max min-w-full py-1.5">
            {lines.map((l, i) => (
              <li
                key={i}
                className={cx(
                  'flex leading-5',
                  l.kind === 'add' && 'bg-ok-soft text-ok',
                  l.kind === 'del' && 'bg-bad-soft text-bad',
                  l.kind === 'hunk' && 'text-ink-3',
                  l.kind === 'same' && 'text-ink-2',
                )}
              >
                <span aria-hidden className="w-7 shrink-0 text-center select-none">
                  {l.kind === 'add' ? '+' : l.kind === 'del' ? '−' : ''}
                </span>
                <span className="sr-only">{l.kind === 'add' ? 'added: ' : l.kind === 'del' ? 'removed: ' : ''}</span>
                <span className="pr-4 whitespace-pre">{plainText(l.text) || '\u00a0'}</span>
              </li>
            ))}
          </ol>
        </CodeBox>
      )}
      {step.warnings?.map((w) => (
        <p key={w} className="flex gap-2 border-t border-line px-3 py-2 text-sm text-warn">
          <TriangleAlert aria-hidden className="mt-0.5 size-4 shrink-0" />
          <span className="untrusted">{plainText(w)}</span>
        </p>
      ))}
    </div>
  )
}
