import { useMutation } from '@tanstack/react-query'
import { CircleCheck, CircleHelp, CircleX, Hourglass, LoaderCircle, PencilLine, Search, ShieldAlert, ShieldCheck, ShieldX, Trash2, X } from 'lucide-react'
import { useId, useState, type KeyboardEvent, type ReactNode } from 'react'
import { useMay, useSlug } from '@/api/context'
import { isStatus } from '@/api/client'
import { decide } from '@/api/mutations'
import { queryClient, runQuery } from '@/api/queries'
import type { Cluster, EventData, Plan } from '@/api/types'
import { useOnline } from '@/components/Banner'
import { ProblemNote } from '@/components/Problem'
import { stateWord } from '@/components/ClusterState'
import { Kbd, Tag } from '@/ui/bits'
import { Button } from '@/ui/Button'
import { Command } from '@/ui/Code'
import { Input } from '@/ui/Field'
import { Clock, useNow } from '@/ui/Time'
import { cx } from '@/util/cx'
import { countdown, plainText } from '@/util/format'
import { modKey } from '@/util/shortcuts'
import { Diff } from './Diff'
import { isFinal, type PlanBlock, type RunView, type StepView } from './reducer'
import { isUp } from '@/util/cluster'

interface Props {
  block: PlanBlock
  view: RunView
  cluster: Cluster | undefined
  onAsk: (text: string) => void
}

/** A change before, while and after it is made: what, exactly how, where, whether allowed, what differs, who decides. */
export function PlanCard({ block, view, cluster, onAsk }: Props) {
  const { plan, access, diff, approval, decision } = block
  const destructive = plan.class === 'destructive'
  const waiting = approval !== undefined && !decision && !isFinal(view.state)
  const headId = useId()
  const keys = (e: KeyboardEvent<HTMLElement>) => {
    if (e.key !== 'Enter' || !(e.metaKey || e.ctrlKey)) return
    e.preventDefault()
    e.currentTarget.querySelector('form')?.requestSubmit()
  }
  return (
    // oxlint-disable-next-line no-noninteractive-element-interactions -- a shortcut for the buttons within
    <section
      aria-labelledby={headId}
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
        <span className="ml-auto flex">{waiting ? <Expiry at={approval.expiresAt} /> : <Standing block={block} view={view} />}</span>
      </header>
      <div className="flex flex-col gap-4 px-4 pt-3.5 pb-4">
        <div>
          <h3 id={headId} className="text-lg font-semibold text-balance untrusted">
            {sentenceOf(plan)}
          </h3>
          <Target plan={plan} />
        </div>
        <Command text={plan.kubectl} label="Copy the exact command" />
        {access && <Access access={access} cluster={plan.cluster.name} />}
        {diff && diff.length > 0 && (
          <div>
            <p className="mb-1.5 text-sm font-semibold">
              What would differ<span className="font-normal text-ink-2">, by the API server’s own dry run. Nothing has been changed by it.</span>
            </p>
            <Diff steps={diff} />
          </div>
        )}
        {waiting && <Decision block={block} view={view} cluster={cluster} onAsk={onAsk} />}
        {!waiting && (decision || block.steps.length > 0) && <Course block={block} view={view} onAsk={onAsk} />}
      </div>
    </section>
  )
}

/** The sentence without its cluster in brackets: the line below names it, and larger. */
export const sentenceOf = (plan: Plan): string => plainText(plan.sentence).replace(` (cluster ${plan.cluster.name})`, '')

/** Where it would happen, in words: the wrong cluster is the costliest mistake. */
const Target = ({ plan }: { plan: Plan }) => (
  <p className="mt-1 flex flex-wrap items-center gap-x-1.5 gap-y-1 text-ink-2">
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
  const { decision, steps, access } = block
  const results = steps.map((s) => s.result?.outcome)
  const say = (icon: ReactNode, text: string, colour: string) => <span className={cx('inline-flex items-center gap-1.5 font-semibold', colour)}>{icon}{text}</span> // prettier-ignore
  const size = 'size-4'
  if (results.includes('unknown') || (steps.some((s) => !s.result) && isFinal(view.state))) return say(<CircleHelp aria-hidden className={size} />, 'Outcome unknown', 'text-warn')
  if (results.includes('failed')) return say(<CircleX aria-hidden className={size} />, 'Failed', 'text-bad')
  if (results.includes('denied') || access?.allowed === false) return say(<ShieldX aria-hidden className={size} />, 'Not allowed', 'text-bad')
  if (decision?.kind === 'declined') return say(<X aria-hidden className={size} />, 'Declined', 'text-ink-2')
  if (decision?.kind === 'expired') return say(<Hourglass aria-hidden className={size} />, 'Expired', 'text-ink-2')
  if (results.length > 0 && results.every((r) => r === 'succeeded') && (isFinal(view.state) || results.length >= block.plan.steps.length))
    return say(<CircleCheck aria-hidden className={size} />, 'Done', 'text-ok')
  if (isFinal(view.state)) return say(<X aria-hidden className={size} />, 'Not made', 'text-ink-2')
  return say(<LoaderCircle aria-hidden className={cx(size, 'animate-turn')} />, decision ? 'Being made' : 'Being checked', 'text-sea')
}

function Access({ access, cluster }: { access: EventData['access']; cluster: string }) {
  const Icon = access.allowed ? ShieldCheck : ShieldX
  return (
    <details open={!access.allowed} className="group">
      <summary className="flex w-fit list-none items-start gap-2 rounded-sm [&::-webkit-details-marker]:hidden">
        <Icon aria-hidden className={cx('mt-0.5 size-4.5 shrink-0', access.allowed ? 'text-ok' : 'text-bad')} />
        <span>
          <span className={cx('font-semibold', access.allowed ? 'text-ok' : 'text-bad')}>{access.allowed ? 'Allowed' : 'Not allowed'}</span> by {cluster}’s own rules
          {access.group && (
            <>
              , as group <span className="font-medium untrusted">{access.group}</span>
            </>
          )}
          .{' '}
          <span className="text-sea underline underline-offset-2">
            <span className="group-open:hidden">Details</span>
            <span className="hidden group-open:inline">Less</span>
          </span>
        </span>
      </summary>
      {/* oxlint-disable-next-line no-noninteractive-tabindex -- what scrolls must be reachable by keyboard */}
      <div tabIndex={0} role="group" aria-label="Access review" className="mt-2 overflow-x-auto rounded-md border border-line bg-surface scroll-thin">
        <table className="w-full text-left text-sm">
          <thead>
            <tr className="label-caps text-ink-3 [&>th]:px-3 [&>th]:py-1.5 [&>th]:font-semibold">
              <th scope="col">Verdict</th>
              <th scope="col">Verb</th>
              <th scope="col">Object</th>
              <th scope="col">Why</th>
            </tr>
          </thead>
          <tbody>
            {access.steps.map((s, i) => (
              <tr key={i} className="[&>td]:border-t [&>td]:border-line [&>td]:px-3 [&>td]:py-1.5 [&>td]:align-top">
                <td className={cx('font-semibold whitespace-nowrap', s.allowed ? 'text-ok' : 'text-bad')}>{s.allowed ? '✓ yes' : '✕ no'}</td>
                <td className="font-mono">{s.verb}</td>
                <td className="font-mono untrusted">
                  {s.resource}
                  {s.name && `/${s.name}`}
                  {s.namespace && <span className="text-ink-3"> in {s.namespace}</span>}
                </td>
                <td className="min-w-40 text-ink-2 untrusted">{s.reason ? plainText(s.reason) : '–'}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  )
}

function Decision({ block, view, cluster, onAsk }: Props) {
  const slug = useSlug()
  const { plan, approval } = block
  const [typed, setTyped] = useState('')
  const may = useMay('commands.run')
  const online = useOnline()
  const typedId = useId()
  const over = useNow() >= Date.parse(approval?.expiresAt ?? '')
  const m = useMutation({
    mutationFn: (decision: 'approve' | 'decline') =>
      decide(slug, view.id, { planHash: plan.hash, decision, ...(plan.typedName && decision === 'approve' ? { typedName: typed } : {}) }),
    onError: (e) => {
      // The plan is not what it was: the run's own events say what became of it.
      if (isStatus(e, 409) || isStatus(e, 410)) void queryClient.invalidateQueries({ queryKey: runQuery(slug, view.id).queryKey })
    },
  })
  const stale = isStatus(m.error, 409) || isStatus(m.error, 410)
  const needsName = plan.typedName !== undefined && plan.typedName !== ''
  const reason = over
    ? 'The time to approve is over. Ask again for a fresh plan.'
    : stale
      ? 'This plan is out of date. Ask again for a fresh one.'
      : !may.may
        ? may.reason
        : !online
          ? 'You are offline.'
          : cluster && !isUp(cluster.state)
            ? `${cluster.name} is ${stateWord[cluster.state].toLowerCase()}; the change could not reach it.`
            : block.access?.allowed === false
              ? 'The cluster does not allow it.'
              : needsName && typed.trim() !== plan.typedName
                ? `Type ${plan.typedName} to approve.`
                : undefined
  const approve = () => {
    if (!reason && !m.isPending && !m.isSuccess) m.mutate('approve')
  }
  return (
    <form
      aria-label="Your decision"
      onSubmit={(e) => {
        e.preventDefault()
        approve()
      }}
      className="sticky bottom-0 -mx-4 -mb-4 flex flex-col gap-3 rounded-b-lg border-t border-buff-line bg-buff px-4 py-3.5"
    >
      {needsName && (
        <div>
          <label htmlFor={typedId} className="mb-1 block">
            This can’t be undone. Type <code className="rounded-sm border border-line-2 bg-surface px-1 font-semibold untrusted">{plan.typedName}</code> to approve it.
          </label>
          <Input
            id={typedId}
            value={typed}
            onChange={(e) => setTyped(e.target.value)}
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            className="max-w-sm font-mono"
          />
        </div>
      )}
      {m.error && (
        <ProblemNote
          error={m.error}
          action={
            stale ? (
              <Button size="sm" onClick={() => onAsk(view.text)}>
                Ask again
              </Button>
            ) : undefined
          }
        />
      )}
      <div className="flex flex-wrap items-center gap-2">
        <Button type="submit" look={plan.class === 'destructive' ? 'danger' : 'decide'} busy={m.isPending || m.isSuccess} disabledReason={reason}>
          Approve
        </Button>
        <Button onClick={() => m.mutate('decline')} disabledReason={over ? 'It has run out by itself.' : undefined}>
          Decline
        </Button>
        {over && (
          <Button look="ghost" onClick={() => onAsk(view.text)}>
            Ask again
          </Button>
        )}
        <span className="text-sm text-ink-2">{reason ?? 'Nothing has been changed yet.'}</span>
        {!reason && (
          <span className="ml-auto hidden items-center gap-1 text-sm text-ink-3 lg:inline-flex">
            <Kbd>{modKey()}</Kbd>
            <Kbd>Enter</Kbd> approves
          </span>
        )}
      </div>
    </form>
  )
}

/** What became of it: who decided, what was sent, and how that ended. */
function Course({ block, view, onAsk }: { block: PlanBlock; view: RunView; onAsk: (text: string) => void }) {
  const { decision, steps, plan } = block
  const who = decision?.by ? ` by ${decision.by}` : ''
  return (
    <ol className="flex flex-col gap-2 border-t border-line pt-3">
      {decision && (
        <Line
          icon={decision.kind === 'approved' ? <ShieldCheck aria-hidden className="text-ok" /> : decision.kind === 'declined' ? <X aria-hidden className="text-ink-2" /> : <Hourglass aria-hidden className="text-ink-2" />}
          at={decision.at}
        >
          {decision.kind === 'approved' && `Approved${who}`}
          {decision.kind === 'declined' && `Declined${who}. Nothing was changed.`}
          {decision.kind === 'expired' && 'Nobody approved it in time. Nothing was changed.'}
        </Line>
      )}
      {steps.map((s) => (
        <StepLine key={s.step} step={s} several={plan.steps.length > 1} view={view} plan={plan} onAsk={onAsk} />
      ))}
    </ol>
  )
}

const Line = ({ icon, at, children }: { icon: ReactNode; at?: string | undefined; children: ReactNode }) => (
  <li className="flex items-start gap-2">
    <span className="mt-0.5 shrink-0 [&>svg]:size-4.5">{icon}</span>
    <div className="min-w-0 flex-1">{children}</div>
    {at && <Clock at={at} seconds className="shrink-0 text-sm text-ink-3" />}
  </li>
)

function StepLine({ step, several, view, plan, onAsk }: { step: StepView; several: boolean; view: RunView; plan: Plan; onAsk: (text: string) => void }) {
  const r = step.result
  const command = several && step.kubectl ? <code className="mb-0.5 block text-sm text-ink-2 untrusted">{step.kubectl}</code> : null
  if (!r && !isFinal(view.state)) {
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
          <Button size="sm" className="mt-2" onClick={() => onAsk(question)} icon={<Search aria-hidden className="size-3.5" />}>
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
    <Line icon={looks.icon} at={r.at}>
      {command}
      <span className="font-semibold">{looks.word}</span>
      {r.message && <span className="untrusted">: {plainText(r.message)}</span>}
    </Line>
  )
}

/** What to ask to see how the plan's objects are now. */
function checkQuestion(plan: Plan): string | undefined {
  const s = plan.steps[0]
  const name = s?.names?.[0]
  if (!s || !name) return undefined
  return `Describe ${s.resource.kind.toLowerCase()} ${name}${s.namespace ? ` in ${s.namespace}` : ''}`
}
