import { CornerDownRight, History, RotateCw, Ship, Unplug, Wallet } from 'lucide-react'
import type { BannerData } from '@/api/types'
import { Note } from '@/ui/bits'
import { Button } from '@/ui/Button'
import { plainText } from '@/util/format'
import { useAsking } from './asking'
import { followUps } from './followups'
import { isChange, isFinal, type RunView } from './view'

/** Which cluster the next blocks are from, in a run over several. */
export const Whose = ({ cluster, view }: { cluster: string; view: RunView }) => (
  <p className="-mb-1.5 flex items-center gap-1.5 text-sm text-ink-2">
    <Ship aria-hidden className="size-3.5" />
    <span className="sr-only">From cluster</span>
    <span className="font-semibold text-ink untrusted">{view.scope?.clusters.find((c) => c.id === cluster)?.name ?? cluster}</span>
  </p>
)

/** A change in several clusters is several changes. */
export function Several({ view }: { view: RunView }) {
  const plans = view.blocks.filter(isChange)
  if (plans.length < 2) return null
  const open = plans.filter((p) => p.approval && !p.decision && !p.end).length
  return (
    <p {...(open > 0 && !isFinal(view.state) ? { 'data-decide-from': '' } : {})} className="text-ink-2">
      <span className="font-semibold text-ink">{plans.length} changes, one for each cluster.</span> Each is decided on its own
      {open > 0 && !isFinal(view.state) ? `; ${open} ${open === 1 ? 'waits' : 'wait'} for you.` : '.'}
    </p>
  )
}

/** What a cluster answered is kept for a day; what was asked and done, for good. */
export function Pruned({ text }: { text: string }) {
  const { ask } = useAsking()
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-2 rounded-md border border-dashed border-line-2 px-3.5 py-2 text-ink-2">
      <History aria-hidden className="size-4 shrink-0 text-ink-3" />
      <span className="min-w-0 flex-1 basis-60">Answers of a cluster are kept for a day. This one is gone; what was asked and done stays.</span>
      <Button size="sm" onClick={() => ask(text)} icon={<RotateCw aria-hidden className="size-3.5" />}>
        Ask again
      </Button>
    </div>
  )
}

/** Something stands in for what should have answered. */
export function BannerNote({ banner }: { banner: BannerData }) {
  const title = { model_away: 'The model is away', budget: 'The budget for the model is used up' }[banner.kind]
  return (
    <Note tone="warn" icon={banner.kind === 'budget' ? <Wallet aria-hidden /> : <Unplug aria-hidden />} title={title ?? 'To know'}>
      <p className="untrusted">{plainText(banner.message)}</p>
    </Note>
  )
}

/** What may come next; pressing one asks it. */
export function FollowUps({ view }: { view: RunView }) {
  const { ask } = useAsking()
  const list = followUps(view)
  if (list.length === 0) return null
  return (
    <ul aria-label="What to ask next" className="flex flex-wrap gap-1.5 pt-1">
      {list.map((s) => (
        <li key={s.text} className="min-w-0">
          <button
            type="button"
            title={s.text === s.label ? undefined : s.text}
            onClick={() => ask(s.text)}
            className="inline-flex min-h-7 max-w-full items-center gap-1.5 rounded-md border border-line bg-surface px-2.5 py-0.5 text-left text-sm text-ink-2 hover:border-sea-line hover:bg-sea-soft hover:text-sea-ink"
          >
            <CornerDownRight aria-hidden className="size-3.5 shrink-0 text-sea" />
            <span className="untrusted">{s.label}</span>
          </button>
        </li>
      ))}
    </ul>
  )
}
