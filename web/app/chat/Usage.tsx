import { Gauge } from 'lucide-react'
import type { UsageData } from '@/api/types'
import { cx } from '@/util/cx'
import { amount, count, plainText } from '@/util/format'

/** What a turn with a model took, and how much of the budget is used. */
export function Usage({ usage: u }: { usage: UsageData }) {
  const { used, limit } = u.budget ?? { used: 0, limit: 0 }
  return (
    <div role="group" aria-label="What the model took" className="flex flex-wrap items-center gap-x-4 gap-y-1 border-t border-line pt-2 text-sm text-ink-3">
      <span className="inline-flex items-center gap-1.5">
        <Gauge aria-hidden className="size-4" />
        <span className="untrusted">{plainText(u.model)}</span>
      </span>
      <span>
        {count(u.inputTokens)} tokens in, {count(u.outputTokens)} out{u.costMicros > 0 && `; cost ${amount(u.costMicros)}`}
      </span>
      {limit > 0 && <Meter share={used / limit} label="Budget used" />}
    </div>
  )
}

/** How full something is: a bar, and the number beside it. */
export function Meter({ share, label }: { share: number; label: string }) {
  const percent = Math.max(0, Math.round(share * 100))
  const tone = share >= 1 ? 'bg-bad' : share >= 0.8 ? 'bg-warn' : 'bg-sea'
  return (
    <span role="meter" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.min(100, percent)} aria-valuetext={`${percent} %`} className="inline-flex items-center gap-2">
      <span aria-hidden className="h-1.5 w-20 overflow-hidden rounded-full bg-line-2">
        <span className={cx('block h-full rounded-full', tone)} style={{ width: `${Math.min(100, percent)}%` }} />
      </span>
      <span className={cx(share >= 1 ? 'font-medium text-bad' : share >= 0.8 ? 'font-medium text-warn' : '')}>
        {percent} % {share >= 1 ? 'of the budget: used up' : 'of the budget'}
      </span>
    </span>
  )
}
