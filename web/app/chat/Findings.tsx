import { ArrowRight, CircleAlert, CircleCheck, Info, TriangleAlert, Wrench } from 'lucide-react'
import type { Evidence, Finding } from '@/api/types'
import { Button } from '@/ui/Button'
import { cx } from '@/util/cx'
import { plainText } from '@/util/format'
import { useAsking } from './asking'
import { parseRef } from './followups'
import { RefMenu } from './RefMenu'

const looks: Record<string, { icon: typeof Info; colour: string; word: string }> = {
  critical: { icon: CircleAlert, colour: 'text-bad', word: 'Critical' },
  error: { icon: CircleAlert, colour: 'text-bad', word: 'Problem' },
  warning: { icon: TriangleAlert, colour: 'text-warn', word: 'Warning' },
  info: { icon: Info, colour: 'text-sea', word: 'Note' },
  ok: { icon: CircleCheck, colour: 'text-ok', word: 'Fine' },
}
const other = { icon: Info, colour: 'text-ink-2', word: '' }

export const findingId = (run: string, id: string): string => `finding-${run}-${id}`

/** What is wrong with what, how that is known, why, and what to do about it. */
export function Findings({ findings, run }: { findings: Finding[]; run: string }) {
  return (
    <ul aria-label="Findings" className="overflow-hidden rounded-md border border-line bg-surface">
      {findings.map((f, i) => (
        <One key={f.id ?? i} finding={f} run={run} open={i === 0} />
      ))}
    </ul>
  )
}

function One({ finding: f, run, open }: { finding: Finding; run: string; open: boolean }) {
  const { ask } = useAsking()
  const look = looks[f.severity] ?? other
  const Icon = look.icon
  const evidence = f.evidence ?? []
  const related = f.related ?? []
  const { fix } = f
  return (
    <li
      {...(f.id && { id: findingId(run, f.id), tabIndex: -1 })}
      className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-3 border-line px-4 py-3 not-first:border-t focus:bg-sea-soft focus:outline-2 focus:-outline-offset-2 focus:outline-sea"
    >
      <Icon aria-hidden className={cx('mt-0.5 size-4.5', look.colour)} />
      <div className="min-w-0">
        <p className="flex flex-wrap items-baseline gap-x-2.5">
          <span className={cx('font-semibold', look.colour)}>
            <span className="sr-only">{look.word}: </span>
            <span className="untrusted">{plainText(f.reason)}</span>
          </span>
          <ObjectName object={f.object} />
          {f.id && <span className="ml-auto text-xs text-ink-3">{f.id}</span>}
        </p>
        <p className="mt-0.5 text-pretty untrusted">{plainText(f.text)}</p>
        {f.cause && (
          <p className="mt-1.5 text-pretty text-ink-2 untrusted">
            <span className="font-semibold text-ink">Likely cause:</span> {plainText(f.cause)}
          </p>
        )}
        {evidence.length > 0 && (
          <details className="mt-1.5" open={open}>
            <summary className="w-fit rounded-sm text-sm font-medium text-ink-2 hover:text-ink">Evidence ({evidence.length})</summary>
            <EvidenceList evidence={evidence} own={f.object} />
          </details>
        )}
        {related.length > 0 && (
          <p className="mt-1.5 flex flex-wrap items-baseline gap-x-2.5 gap-y-0.5 text-sm text-ink-2">
            <span>Also touches</span>
            {related.map((r) => (
              <ObjectName key={r} object={r} />
            ))}
          </p>
        )}
        {(f.next || fix) && (
          <div className="mt-2 flex flex-wrap items-start gap-x-4 gap-y-2">
            {f.next && (
              <p className="flex min-w-0 flex-1 basis-64 gap-1.5 text-ink-2">
                <ArrowRight aria-hidden className="mt-0.5 size-4 shrink-0 text-sea" />
                <span className="untrusted">
                  <span className="font-semibold text-ink">Next:</span> {plainText(f.next)}
                </span>
              </p>
            )}
            {fix && (
              <Button size="sm" onClick={() => ask(fix.text)} title={plainText(fix.text)} icon={<Wrench aria-hidden className="size-3.5" />} className="max-w-full">
                <span className="truncate untrusted">{plainText(fix.label)}</span>
              </Button>
            )}
          </div>
        )}
      </div>
    </li>
  )
}

function ObjectName({ object }: { object: string }) {
  const ref = parseRef(object)
  const name = <code className="text-sm text-ink-2 untrusted">{plainText(object)}</code>
  return ref ? (
    <RefMenu of={ref} className="min-w-0">
      {name}
    </RefMenu>
  ) : (
    name
  )
}

/** Fields with their values, and lines of logs. Whose they are is said where it is not the finding's own object. */
function EvidenceList({ evidence, own }: { evidence: Evidence[]; own: string }) {
  return (
    <dl className="mt-1 flex flex-col gap-1 border-l-2 border-line pl-3 font-mono text-sm">
      {evidence.map((e, n) => (
        <div key={n} className="min-w-0">
          <dt className="text-ink-3 untrusted">
            {plainText(e.path)}
            {e.object && e.object !== own && <span> · {plainText(e.object)}</span>}
          </dt>
          {e.value && <dd className="whitespace-pre-wrap text-ink untrusted">{plainText(e.value)}</dd>}
        </div>
      ))}
    </dl>
  )
}
