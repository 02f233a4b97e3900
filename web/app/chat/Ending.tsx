import { CircleStop, LoaderCircle, RotateCw, TriangleAlert } from 'lucide-react'
import { Note } from '@/ui/bits'
import { Button } from '@/ui/Button'
import { useNow } from '@/ui/Time'
import { plainText } from '@/util/format'
import { useAsking } from './asking'
import { isFinal, phase, sentChange, type Block, type RunView } from './view'

/** Whether a change's card has said already how it ended, and what to do. */
const cardTells = (b: Block): boolean =>
  b.kind === 'plan' && (b.access?.allowed === false || b.steps.some((s) => !s.result || s.result.outcome !== 'succeeded'))

/** How the run ended, where its blocks have not said so. */
export function Ending({ view, latest }: { view: RunView; latest: boolean }) {
  const { ask } = useAsking()
  const again = latest ? (
    <Button size="sm" onClick={() => ask(view.text)} icon={<RotateCw aria-hidden className="size-3.5" />}>
      Ask again
    </Button>
  ) : undefined
  const sent = sentChange(view)
  if (isFinal(view.state) && view.blocks.some(cardTells)) {
    return view.message ? <p className="text-ink-2 whitespace-pre-wrap untrusted">{plainText(view.message)}</p> : null
  }
  if (view.state === 'interrupted') {
    return (
      <Note tone="warn" icon={<CircleStop aria-hidden />} title="This run was interrupted" action={sent ? undefined : again}>
        <p>
          {view.message ? `${plainText(view.message)} ` : ''}
          {sent ? 'A change had been sent. Look at what is in the cluster before you ask for it again.' : 'Nothing was sent to change the cluster.'}
        </p>
      </Note>
    )
  }
  if (view.state === 'failed' && !view.blocks.some((b) => b.kind === 'error')) {
    return (
      <Note tone="bad" icon={<TriangleAlert aria-hidden />} title={view.message ? plainText(view.message) : 'This run failed'} action={sent ? undefined : again}>
        {!sent && 'Nothing was sent to change the cluster.'}
      </Note>
    )
  }
  if (view.state === 'done' && view.message) return <p className="text-ink-2 whitespace-pre-wrap untrusted">{plainText(view.message)}</p>
  if (view.state === 'done' && view.blocks.every((b) => b.kind === 'plan' && b.plan.class === 'read')) return <p className="text-ink-2">The answer is empty.</p>
  return null
}

export function Progress({ view, waiting }: { view: RunView; waiting: number | undefined }) {
  if (waiting) return <Reconnecting at={waiting} />
  if (view.state === 'awaiting_approval') return null // the card says so itself
  const last = view.blocks.at(-1)
  if (last?.kind === 'tools' || (last?.kind === 'log' && last.follow)) return null // as do these
  return (
    <p className="flex h-6 items-center gap-2 text-ink-2">
      <LoaderCircle aria-hidden className="size-4 animate-turn text-sea" />
      {phase(view)}
    </p>
  )
}

function Reconnecting({ at }: { at: number }) {
  const left = Math.max(0, Math.ceil((at - useNow()) / 1000))
  return (
    <p className="flex min-h-6 items-center gap-2 text-warn">
      <LoaderCircle aria-hidden className="size-4 shrink-0 animate-turn" />
      The connection was lost; the run goes on without it. Looking again {left > 0 ? `in ${left} s` : 'now'}.
    </p>
  )
}
