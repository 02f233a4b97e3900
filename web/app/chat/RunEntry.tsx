import { CircleStop, Hand, LoaderCircle, RotateCw, TriangleAlert } from 'lucide-react'
import { memo, useEffect, useRef } from 'react'
import { ApiError } from '@/api/client'
import { useSlug } from '@/api/context'
import type { Cluster, Run } from '@/api/types'
import { ProblemNote } from '@/components/Problem'
import { Bone, Note } from '@/ui/bits'
import { Button } from '@/ui/Button'
import { CodeBox, Command, Yaml } from '@/ui/Code'
import { Copy } from '@/ui/Copy'
import { Clock, useNow } from '@/ui/Time'
import { announce } from '@/util/announce'
import { fullTime, isLinedUp, plainText } from '@/util/format'
import { Clarify } from './Clarify'
import { Findings } from './Findings'
import { LogView } from './LogView'
import { PlanCard, sentenceOf } from './PlanCard'
import { isFinal, phase, sentChange, type Block, type PlanBlock, type RunView } from './reducer'
import { say } from './say'
import { TableBlock } from './TableBlock'
import { useRun } from './useRun'

interface Props {
  run: Run
  cluster: Cluster | undefined
  onAsk: (text: string) => void
  latest: boolean
}

/** One question and everything that came of it, as an entry of a log book: when on the left, what on the right. */
export const RunEntry = memo(function RunEntry({ run, cluster, onAsk, latest }: Props) {
  const slug = useSlug()
  const { view, error, refetch, stream, retryAt } = useRun(slug, run)
  useNarration(view)
  return (
    <article aria-label={run.text} className="grid gap-x-4 sm:grid-cols-[2.75rem_minmax(0,1fr)]">
      <div className="hidden pt-0.5 text-right text-sm text-ink-3 sm:block">
        <Clock at={run.createdAt} />
      </div>
      <div className="relative min-w-0 sm:border-l sm:border-line sm:pl-5">
        <span aria-hidden className="absolute top-2 -left-[4.5px] hidden size-2 rotate-45 border border-sea bg-paper sm:block" />
        <h2 className="mb-2.5 text-md font-semibold whitespace-pre-wrap text-pretty untrusted">
          <span className="mr-2 text-sm font-normal text-ink-3 sm:hidden" title={fullTime(run.createdAt)}>
            <Clock at={run.createdAt} />
          </span>
          {view?.text ?? run.text}
        </h2>
        {!view && !error && (
          <div role="status">
            <span className="sr-only">Loading the answer</span>
            <Bone className="h-20 w-full" />
          </div>
        )}
        {Boolean(error) && !view && (
          <ProblemNote
            error={error}
            action={
              <Button size="sm" onClick={refetch}>
                Try again
              </Button>
            }
          />
        )}
        {view && (
          <div className="flex flex-col gap-3">
            {view.blocks.map((b) => (
              <BlockView key={b.seq} block={b} view={view} cluster={cluster} onAsk={onAsk} latest={latest} />
            ))}
            <Ending view={view} onAsk={onAsk} latest={latest} />
            {!isFinal(view.state) && <Progress view={view} waiting={stream === 'waiting' ? retryAt : undefined} />}
          </div>
        )}
      </div>
    </article>
  )
})

interface BlockProps {
  block: Block
  view: RunView
  cluster: Cluster | undefined
  onAsk: (text: string) => void
  latest: boolean
}

/** Finished blocks do not change, so what follows them does not draw them again. */
const BlockView = memo(
  function BlockView({ block, view, cluster, onAsk, latest }: BlockProps) {
    switch (block.kind) {
      case 'plan':
        return block.plan.class === 'read' ? <ReadPlan block={block} /> : <PlanCard block={block} view={view} cluster={cluster} onAsk={onAsk} />
      case 'table':
        return <TableBlock table={block.table} at={block.at} />
      case 'text':
        return <TextBlock text={plainText(block.text)} />
      case 'log':
        return block.lines.length === 0 ? null : <LogView block={block} live={!isFinal(view.state)} />
      case 'yaml':
        return (
          <div className="overflow-hidden rounded-md border border-line">
            <div className="flex items-center justify-between border-b border-line bg-surface py-1 pr-1 pl-3 text-sm text-ink-2">
              YAML
              <Copy text={block.text} label="Copy the YAML" />
            </div>
            <Yaml text={plainText(block.text)} label="YAML" />
          </div>
        )
      case 'findings':
        return <Findings findings={block.findings} />
      case 'clarify':
        return <Clarify message={block.message} choices={block.choices} onChoose={onAsk} offReason={latest && isFinal(view.state) ? undefined : latest ? 'Wait for the run to end.' : 'You went on to another question.'} />
      case 'refused':
        return (
          <Note tone="info" icon={<Hand aria-hidden />} title="Not done">
            <p className="whitespace-pre-wrap untrusted">{plainText(block.message)}</p>
          </Note>
        )
      case 'error':
        return <ProblemNote error={new ApiError(block.problem)} />
    }
  },
  (a, b) =>
    a.block === b.block &&
    a.onAsk === b.onAsk &&
    a.latest === b.latest &&
    a.view.state === b.view.state &&
    (a.block.kind !== 'plan' || a.cluster === b.cluster),
)

/** Words are set as words; what was lined up in columns, as kubectl does, stays lined up. */
const TextBlock = ({ text }: { text: string }) =>
  isLinedUp(text) ? (
    <div className="overflow-hidden rounded-md border border-line">
      <CodeBox label="Answer" tall>
        <pre className="w-max min-w-full px-3.5 py-2.5 leading-5">{text.replace(/\n+$/, '')}</pre>
      </CodeBox>
    </div>
  ) : (
    <p className="text-md whitespace-pre-wrap text-pretty untrusted">{text}</p>
  )

/** What was read: the command, to check or to take along. */
const ReadPlan = ({ block }: { block: PlanBlock }) => {
  const refused = block.access && !block.access.allowed
  const failed = block.steps.filter((s) => s.result && s.result.outcome !== 'succeeded')
  return (
    <div className="flex flex-col gap-2">
      {/* The sentence also says what kubectl alone can't: which rows are kept, and in which order. */}
      {block.plan.sentence && <p className="text-sm text-ink-2 untrusted">{sentenceOf(block.plan)}</p>}
      {block.plan.kubectl && <Command text={block.plan.kubectl} />}
      {refused && (
        <Note tone="warn" icon={<Hand aria-hidden />} title={`This cluster does not let you${block.access?.group ? `, as ${block.access.group},` : ''} read that`}>
          {block.access?.steps
            .filter((s) => !s.allowed)
            .map((s) => `${s.verb} ${s.resource}${s.namespace ? ` in ${s.namespace}` : ''}${s.reason ? `: ${s.reason}` : ''}`)
            .join('\n')}
        </Note>
      )}
      {failed.map((s) => (
        <Note key={s.step} tone="bad" icon={<TriangleAlert aria-hidden />} title="The cluster did not answer this">
          {s.result?.message}
        </Note>
      ))}
    </div>
  )
}

/** Whether a change's card has said already how it ended, and what to do. */
const cardTells = (b: Block): boolean =>
  b.kind === 'plan' && (b.access?.allowed === false || b.steps.some((s) => !s.result || s.result.outcome !== 'succeeded'))

function Ending({ view, onAsk, latest }: { view: RunView; onAsk: (text: string) => void; latest: boolean }) {
  const again = latest ? (
    <Button size="sm" onClick={() => onAsk(view.text)} icon={<RotateCw aria-hidden className="size-3.5" />}>
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

function Progress({ view, waiting }: { view: RunView; waiting: number | undefined }) {
  if (waiting) return <Reconnecting at={waiting} />
  if (view.state === 'awaiting_approval') return null // the card says so itself
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

/** Tells screen readers what came, once, in sentences. What was there when the page opened is not told. */
function useNarration(view: RunView | undefined) {
  const told = useRef<number>(undefined)
  const state = useRef(view?.state)
  useEffect(() => {
    if (!view) return
    if (told.current === undefined) {
      told.current = isFinal(view.state) ? Number.POSITIVE_INFINITY : view.lastSeq
      state.current = view.state
      return
    }
    for (const b of view.blocks) if (b.seq > told.current) announce(say(b))
    if (state.current !== view.state) {
      if (view.state === 'awaiting_approval') announce('Waiting for your decision. Press the full stop key to go to it.')
      if (view.state === 'done') announce('Done.')
      if (view.state === 'failed') announce('The run failed.')
      if (view.state === 'interrupted') announce('The run was interrupted.')
    }
    state.current = view.state
    told.current = Math.max(told.current, view.lastSeq)
  }, [view])
}
