import { useMutation } from '@tanstack/react-query'
import { CircleCheck, CircleDashed, CircleHelp, CircleX, Hourglass, LoaderCircle, Search, ShieldCheck, ShieldX, TriangleAlert, X } from 'lucide-react'
import type { ReactNode } from 'react'
import { useSlug } from '@/api/context'
import { askAgain } from '@/api/mutations'
import type { Plan } from '@/api/types'
import { ProblemNote } from '@/components/Problem'
import { Button } from '@/ui/Button'
import { Clock } from '@/ui/Time'
import { cx } from '@/util/cx'
import { plainText } from '@/util/format'
import { useAsking } from './asking'
import { isOver, type PlanBlock, type RunView, type StepView } from './view'

/** What became of it: who decided, what was sent, how that ended, and what came of it. */
export function Course({ block, view }: { block: PlanBlock; view: RunView }) {
  const { decision, steps, plan } = block
  const who = decision?.by ? ` by ${decision.by}` : ''
  return (
    <ol className="flex flex-col gap-2 border-t border-line pt-3">
      {decision && (
        <Line
          icon={decision.kind === 'approved' ? <ShieldCheck aria-hidden className="text-ok" /> : decision.kind === 'declined' ? <X aria-hidden className="text-ink-2" /> : <Hourglass aria-hidden className="text-ink-2" />}
          at={decision.at}
        >
          {decision.kind === 'approved' && !decision.standing && `Approved${who}`}
          {decision.kind === 'approved' && decision.standing && <Beforehand who={who} />}
          {decision.kind === 'declined' && `Declined${who}. Nothing was changed.`}
          {decision.kind === 'expired' && 'Nobody approved it in time. Nothing was changed.'}
        </Line>
      )}
      {steps.map((s) => (
        <StepLine key={s.step} step={s} several={plan.steps.length > 1} over={isOver(block, view)} plan={plan} />
      ))}
    </ol>
  )
}

/** A change that nobody was asked about again, and the way back to being asked. */
function Beforehand({ who }: { who: string }) {
  const slug = useSlug()
  const m = useMutation({ mutationFn: () => askAgain(slug) })
  return (
    <>
      Approved{who} for the whole login, beforehand.{' '}
      {m.isSuccess ? (
        <span role="status">From now on every change is asked about.</span>
      ) : (
        <Button size="sm" look="ghost" busy={m.isPending} onClick={() => m.mutate()}>
          Ask me each time again
        </Button>
      )}
      {m.error && <ProblemNote error={m.error} />}
    </>
  )
}

const Line = ({ icon, at, children }: { icon: ReactNode; at?: string | undefined; children: ReactNode }) => (
  <li className="flex items-start gap-2">
    <span className="mt-0.5 shrink-0 [&>svg]:size-4.5">{icon}</span>
    <div className="min-w-0 flex-1">{children}</div>
    {at && <Clock at={at} seconds className="shrink-0 text-sm text-ink-3" />}
  </li>
)

function StepLine({ step, several, over, plan }: { step: StepView; several: boolean; over: boolean; plan: Plan }) {
  const { ask } = useAsking()
  const r = step.result
  const command = several && step.kubectl ? <code className="mb-0.5 block text-sm text-ink-2 untrusted">{step.kubectl}</code> : null
  if (!r && !over) {
    return (
      <Line icon={<LoaderCircle aria-hidden className="animate-turn text-sea" />} at={step.startedAt}>
        {command}
        Sent to the cluster, waiting for its answer
      </Line>
    )
  }
  if (!r || r.outcome === 'unknown') {
    const question = checkQuestion(plan)
    return (
      <Line icon={<CircleHelp aria-hidden className="text-warn" />} at={r?.at ?? step.startedAt}>
        {command}
        <p className="font-semibold text-warn">It was sent, and the answer was lost.</p>
        <p>
          It may or may not have been made, and it is not sent again by itself. Look at the cluster before you ask for it again.
          {r?.message && <span className="block text-ink-2 untrusted">{plainText(r.message)}</span>}
        </p>
        {question && (
          <Button size="sm" className="mt-2" onClick={() => ask(question)} icon={<Search aria-hidden className="size-3.5" />}>
            {question}
          </Button>
        )}
      </Line>
    )
  }
  const looks = {
    succeeded: { icon: <CircleCheck aria-hidden className="text-ok" />, word: 'Done' },
    failed: { icon: <CircleX aria-hidden className="text-bad" />, word: 'The cluster answered with an error' },
    denied: { icon: <ShieldX aria-hidden className="text-bad" />, word: 'Not allowed; nothing was changed' },
  }[r.outcome]
  return (
    <>
      <Line icon={looks.icon} at={r.at}>
        {command}
        <span className="font-semibold">{looks.word}</span>
        {r.message && <span className="untrusted">: {plainText(r.message)}</span>}
      </Line>
      <Watch step={step} over={over} />
    </>
  )
}

/** What the change set in motion, as it goes, and the verdict. */
function Watch({ step: { progress, settled }, over }: { step: StepView; over: boolean }) {
  const last = progress.at(-1)
  const older = settled ? progress : progress.slice(0, -1)
  const verdict = settled && (verdicts[settled.state] ?? verdicts.unknown)
  return (
    <>
      {last && !settled && (
        <Line icon={over ? <CircleDashed aria-hidden className="text-ink-3" /> : <LoaderCircle aria-hidden className="animate-turn text-sea" />} at={last.at}>
          <span className="untrusted">{plainText(last.message)}</span>
        </Line>
      )}
      {settled && verdict && (
        <Line icon={verdict.icon} at={settled.at}>
          <span className={cx('font-semibold', verdict.colour)}>{verdict.word}</span>
          {settled.message && <span className="untrusted">: {plainText(settled.message)}</span>}
        </Line>
      )}
      {older.length > 0 && (
        <li className="pl-6.5">
          <details className="text-sm text-ink-2">
            <summary className="w-fit rounded-sm hover:text-ink">{settled ? 'How it went' : 'Before that'}</summary>
            <ol className="mt-1 flex flex-col gap-0.5 border-l-2 border-line pl-3">
              {older.map((p, i) => (
                <li key={i} className="flex gap-3">
                  <span className="min-w-0 flex-1 untrusted">{plainText(p.message)}</span>
                  <Clock at={p.at} seconds className="shrink-0 text-ink-3" />
                </li>
              ))}
            </ol>
          </details>
        </li>
      )}
    </>
  )
}

const verdicts: Record<string, { icon: ReactNode; word: string; colour: string }> & { unknown: { icon: ReactNode; word: string; colour: string } } = {
  ready: { icon: <CircleCheck aria-hidden className="text-ok" />, word: 'Ready', colour: 'text-ok' },
  stalled: { icon: <TriangleAlert aria-hidden className="text-bad" />, word: 'Stalled', colour: 'text-bad' },
  unknown: { icon: <CircleHelp aria-hidden className="text-warn" />, word: 'Not known yet', colour: 'text-warn' },
}

/** What to ask to see how the plan's objects are now. */
function checkQuestion(plan: Plan): string | undefined {
  const s = plan.steps[0]
  const name = s?.names?.[0]
  if (!s || !name) return undefined
  return `Describe ${s.resource.kind.toLowerCase()} ${name}${s.namespace ? ` in ${s.namespace}` : ''}`
}
