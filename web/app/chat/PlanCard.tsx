import { CircleCheck, CircleHelp, CircleX, Hourglass, LoaderCircle, PencilLine, ShieldAlert, ShieldX, Trash2, TriangleAlert, Undo2, X } from 'lucide-react'
import { useId, type KeyboardEvent, type ReactNode } from 'react'
import { ApiError } from '@/api/client'
import type { Cluster, Plan } from '@/api/types'
import { ProblemNote } from '@/components/Problem'
import { Tag } from '@/ui/bits'
import { Button } from '@/ui/Button'
import { useNow } from '@/ui/Time'
import { cx } from '@/util/cx'
import { countdown, plainText } from '@/util/format'
import { AccessReview } from './AccessReview'
import { useAsking } from './asking'
import { Course } from './Course'
import { Decision } from './Decision'
import { Diff } from './Diff'
import { CommandLine } from './Explain'
import { isOver, waits, type PlanBlock, type RunView } from './view'

interface Props {
  block: PlanBlock
  view: RunView
  cluster: Cluster | undefined
}

/** A change before, while and after it is made: what, exactly how, where, whether allowed, what differs, who decides. */
export function PlanCard({ block, view, cluster }: Props) {
  const { plan, explain, access, diff, approval, decision, problem, undo } = block
  const destructive = plan.class === 'destructive'
  const waiting = waits(block, view)
  const id = useId()
  const keys = (e: KeyboardEvent<HTMLElement>) => {
    if (e.key !== 'Enter' || !(e.metaKey || e.ctrlKey)) return
    e.preventDefault()
    e.currentTarget.querySelector('form')?.requestSubmit()
  }
  return (
    // oxlint-disable-next-line no-noninteractive-element-interactions -- a shortcut for the buttons within
    <section
      aria-labelledby={`${id}-head ${id}-where`}
      onKeyDown={waiting ? keys : undefined}
      tabIndex={waiting ? -1 : undefined}
      {...(waiting ? { 'data-decide': '' } : {})}
      className={cx('rounded-lg border', waiting ? 'border-buff-line bg-buff shadow-low' : 'border-line bg-surface')}
    >
      <header className={cx('flex flex-wrap items-center gap-x-3 gap-y-1 border-b px-4 py-2 text-sm', waiting ? 'border-buff-line bg-buff-2 text-buff-ink' : 'border-line text-ink-2')}>
        <span className={cx('inline-flex items-center gap-1.5 font-semibold', destructive && 'text-bad')}>
          {destructive ? <Trash2 aria-hidden className="size-4" /> : <PencilLine aria-hidden className="size-4" />}
          {destructive ? 'Destructive change' : 'Change'}
        </span>
        {plan.protected && (
          <Tag tone="buff">
            <ShieldAlert aria-hidden className="size-3.5" />
            protected
          </Tag>
        )}
        <span className="ml-auto flex">{waiting && approval ? <Expiry at={approval.expiresAt} /> : <Standing block={block} view={view} />}</span>
      </header>
      <div className="flex flex-col gap-4 px-4 pt-3.5 pb-4">
        <div>
          <h3 id={`${id}-head`} className="text-lg font-semibold text-balance untrusted">
            {sentenceOf(plan)}
          </h3>
          <Target plan={plan} id={`${id}-where`} />
        </div>
        <CommandLine plan={plan} explain={explain} label="Copy the exact command" />
        {access && <AccessReview access={access} cluster={plan.cluster.name} />}
        {diff && diff.length > 0 && (
          <div>
            <p className="mb-1.5 text-sm font-semibold">
              What would differ<span className="font-normal text-ink-2">, by the API server’s own dry run. Nothing has been changed by it.</span>
            </p>
            <Diff steps={diff} />
          </div>
        )}
        {problem && <ProblemNote error={new ApiError(problem)} />}
        {waiting && <Decision block={block} view={view} cluster={cluster} />}
        {!waiting && (decision || block.steps.length > 0) && <Course block={block} view={view} />}
        {undo && isOver(block, view) && <Undo undo={undo} run={view.id} />}
      </div>
    </section>
  )
}

/** The sentence without its cluster in brackets: the line below names it, and larger. */
export const sentenceOf = (plan: Plan): string => plainText(plan.sentence).replace(` (cluster ${plan.cluster.name})`, '')

/** Where it would happen, in words: the wrong cluster is the costliest mistake. */
const Target = ({ plan, id }: { plan: Plan; id: string }) => (
  <p id={id} className="mt-1 flex flex-wrap items-center gap-x-1.5 gap-y-1 text-ink-2">
    <span>in</span>
    {plan.namespace ? (
      <>
        <span>namespace</span> <Place>{plan.namespace}</Place>
      </>
    ) : (
      <Place>the whole cluster</Place>
    )}
    <span>of cluster</span> <Place>{plan.cluster.name}</Place>
  </p>
)

const Place = ({ children }: { children: ReactNode }) => (
  <strong className="rounded-sm border border-line-2 bg-surface px-1.5 font-semibold text-ink untrusted">{children}</strong>
)

function Expiry({ at }: { at: string }) {
  const left = (Date.parse(at) - useNow()) / 1000
  if (left <= 0) return <span className="font-semibold">The time to approve is over</span>
  return (
    <span className="inline-flex items-center gap-1.5">
      <Hourglass aria-hidden className="size-3.5" />
      Approve within{' '}
      <span role="timer" className={cx('font-mono', left < 60 && 'font-semibold text-bad')}>
        {countdown(left)}
      </span>
    </span>
  )
}

/** How the change stands, in the card's corner. */
function Standing({ block, view }: { block: PlanBlock; view: RunView }) {
  const { decision, steps, access, problem } = block
  const over = isOver(block, view)
  const results = steps.map((s) => s.result?.outcome)
  const settled = steps.flatMap((s) => (s.settled ? [s.settled.state] : []))
  const say = (Icon: typeof X, text: string, colour: string, turn?: boolean) => (
    <span className={cx('inline-flex items-center gap-1.5 font-semibold', colour)}>
      <Icon aria-hidden className={cx('size-4', turn && 'animate-turn')} />
      {text}
    </span>
  )
  if (results.includes('unknown') || (steps.some((s) => !s.result) && over)) return say(CircleHelp, 'Outcome unknown', 'text-warn')
  if (results.includes('failed')) return say(CircleX, 'Failed', 'text-bad')
  if (results.includes('denied') || access?.allowed === false) return say(ShieldX, 'Not allowed', 'text-bad')
  if (decision?.kind === 'declined') return say(X, 'Declined', 'text-ink-2')
  if (decision?.kind === 'expired') return say(Hourglass, 'Expired', 'text-ink-2')
  if (results.length > 0 && results.every((r) => r === 'succeeded') && (over || settled.length >= block.plan.steps.length)) {
    if (settled.includes('stalled')) return say(TriangleAlert, 'Made, but stalled', 'text-bad')
    if (settled.includes('unknown')) return say(CircleHelp, 'Made, not known to be ready', 'text-warn')
    return say(CircleCheck, settled.includes('ready') ? 'Done and ready' : 'Done', 'text-ok')
  }
  if (problem) return say(CircleX, 'Not made', 'text-bad')
  if (over) return say(X, 'Not made', 'text-ink-2')
  const watching = steps.some((s) => s.progress.length > 0)
  return say(LoaderCircle, watching ? 'Being watched' : decision ? 'Being made' : 'Being checked', 'text-sea', true)
}

/** The way back, or the honest word that there is none. */
function Undo({ undo, run }: { undo: NonNullable<PlanBlock['undo']>; run: string }) {
  const { ask, undoable } = useAsking()
  if (!undo.available) {
    return (
      <p className="flex gap-2 border-t border-line pt-3 text-ink-2">
        <Undo2 aria-hidden className="mt-0.5 size-4 shrink-0 text-ink-3" />
        <span className="untrusted">
          <span className="font-semibold text-ink">This cannot be undone.</span> {undo.why && plainText(undo.why)}
        </span>
      </p>
    )
  }
  const later = undoable !== run ? 'Something else was changed after it; that comes first.' : undefined
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-2 border-t border-line pt-3">
      <Button size="sm" disabledReason={later} onClick={() => ask(undo.text || 'undo that')} icon={<Undo2 aria-hidden className="size-4" />}>
        Undo
      </Button>
      {undo.sentence && <span className="min-w-0 flex-1 basis-60 text-ink-2 untrusted">{plainText(undo.sentence)}</span>}
    </div>
  )
}
