import { useMutation } from '@tanstack/react-query'
import { useId, useState } from 'react'
import { isStatus } from '@/api/client'
import { useMay, useSlug } from '@/api/context'
import { decide } from '@/api/mutations'
import { queryClient, runQuery } from '@/api/queries'
import type { Cluster } from '@/api/types'
import { useOnline } from '@/components/Banner'
import { stateWord } from '@/components/ClusterState'
import { ProblemNote } from '@/components/Problem'
import { Kbd } from '@/ui/bits'
import { Button } from '@/ui/Button'
import { Check, Input } from '@/ui/Field'
import { useNow } from '@/ui/Time'
import { isUp } from '@/util/cluster'
import { modKey } from '@/util/shortcuts'
import { useAsking } from './asking'
import type { PlanBlock, RunView } from './view'

interface Props {
  block: PlanBlock
  view: RunView
  cluster: Cluster | undefined
}

/** Approving or declining one plan: bound to its hash, and for what destroys to a typed name. */
export function Decision({ block, view, cluster }: Props) {
  const { ask } = useAsking()
  const slug = useSlug()
  const { plan, approval } = block
  const [typed, setTyped] = useState('')
  const [remember, setRemember] = useState(false)
  const may = useMay('commands.run')
  const online = useOnline()
  const typedId = useId()
  const over = useNow() >= Date.parse(approval?.expiresAt ?? '')
  const m = useMutation({
    mutationFn: (decision: 'approve' | 'decline') =>
      decide(slug, view.id, { planHash: plan.hash, decision, ...(decision === 'approve' && plan.typedName ? { typedName: typed } : {}), ...(decision === 'approve' && remember ? { remember } : {}) }),
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
      aria-label={`Your decision for ${plan.cluster.name}`}
      onSubmit={(e) => {
        e.preventDefault()
        approve()
      }}
      className="sticky bottom-0 -mx-4 -mb-4 flex flex-col gap-3 rounded-b-lg border-t border-buff-line bg-buff px-4 py-3.5"
    >
      {needsName && (
        <div>
          <label htmlFor={typedId} className="mb-1 block">
            Type <code className="rounded-sm border border-line-2 bg-surface px-1 font-semibold untrusted">{plan.typedName}</code> to approve it{plan.class === 'destructive' ? ': it destroys something.' : '.'}
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
      {approval?.remember && !over && (
        <Check
          checked={remember}
          onChange={setRemember}
          label={
            <>
              Don’t ask again for this kind of change in <span className="untrusted">{plan.namespace}</span> until I sign out
            </>
          }
        />
      )}
      {m.error && (
        <ProblemNote
          error={m.error}
          action={
            stale ? (
              <Button size="sm" onClick={() => ask(view.text)}>
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
          <Button look="ghost" onClick={() => ask(view.text)}>
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
