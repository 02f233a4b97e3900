import { Hand, TriangleAlert } from 'lucide-react'
import { Fragment, memo } from 'react'
import { ApiError } from '@/api/client'
import { useSlug } from '@/api/context'
import type { Cluster, Run } from '@/api/types'
import { ProblemNote } from '@/components/Problem'
import { Bone, Note } from '@/ui/bits'
import { Button } from '@/ui/Button'
import { CodeBox } from '@/ui/Code'
import { Clock } from '@/ui/Time'
import { fullTime, isLinedUp, plainText } from '@/util/format'
import { AccessReview } from './AccessReview'
import { Answer } from './Answer'
import { Clarify } from './Clarify'
import { CountBlock } from './CountBlock'
import { Ending, Progress } from './Ending'
import { CommandLine } from './Explain'
import { Findings } from './Findings'
import { LogView } from './LogView'
import { BannerNote, FollowUps, Pruned, Several, Whose } from './Notes'
import { PlanCard, sentenceOf } from './PlanCard'
import { ScopeChips } from './Scope'
import { TableBlock } from './TableBlock'
import { Tools } from './Tools'
import { Usage } from './Usage'
import { useNarration } from './useNarration'
import { useRun } from './useRun'
import { isChange, isFinal, type Block, type PlanBlock, type RunView } from './view'
import { YamlBlock } from './YamlBlock'

interface Props {
  run: Run
  /** The tenant's clusters, as they are now. */
  clusters: Cluster[]
  home: string
  latest: boolean
}

/** One question and everything that came of it, as an entry of a log book: when on the left, what on the right. */
export const RunEntry = memo(function RunEntry({ run, clusters, home, latest }: Props) {
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
        <h2 className="mb-2 text-md font-semibold whitespace-pre-wrap text-pretty untrusted">
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
        {view?.scope && <ScopeChips scope={view.scope} />}
        {view && (
          <div className="flex flex-col gap-3">
            <Several view={view} />
            {view.blocks.map((b, i) => (
              <Fragment key={b.seq}>
                {b.cluster && b.kind !== 'plan' && b.kind !== 'text' && b.cluster !== view.blocks[i - 1]?.cluster && <Whose cluster={b.cluster} view={view} />}
                <BlockView block={b} view={view} clusters={clusters} home={home} latest={latest} />
              </Fragment>
            ))}
            <Ending view={view} latest={latest} />
            {view.usage && <Usage usage={view.usage} />}
            {!isFinal(view.state) && <Progress view={view} waiting={stream === 'waiting' ? retryAt : undefined} />}
            {latest && <FollowUps view={view} />}
          </div>
        )}
      </div>
    </article>
  )
})

interface BlockProps {
  block: Block
  view: RunView
  clusters: Cluster[]
  home: string
  latest: boolean
}

/** Finished blocks do not change, so what follows them does not draw them again. */
const BlockView = memo(
  function BlockView({ block, view, clusters, home, latest }: BlockProps) {
    switch (block.kind) {
      case 'plan':
        return isChange(block) ? <PlanCard block={block} view={view} cluster={clusters.find((c) => c.id === block.plan.cluster.id)} /> : <ReadPlan block={block} />
      case 'table':
        return <TableBlock table={block.table} at={block.at} home={home} />
      case 'count':
        return <CountBlock count={block.count} at={block.at} />
      case 'text':
        return <TextBlock text={plainText(block.text)} />
      case 'log':
        return block.lines.length === 0 && !block.follow ? null : <LogView block={block} run={view.id} live={!isFinal(view.state)} />
      case 'yaml':
        return <YamlBlock text={block.text} />
      case 'findings':
        return <Findings findings={block.findings} run={view.id} />
      case 'tools':
        return <Tools tools={block.tools} run={view.id} live={!isFinal(view.state) && view.blocks.at(-1) === block} />
      case 'answer':
        return <Answer block={block} view={view} />
      case 'banner':
        return <BannerNote banner={block.banner} />
      case 'pruned':
        return <Pruned text={view.text} />
      case 'clarify':
        return <Clarify message={block.message} choices={block.choices} offReason={latest && isFinal(view.state) ? undefined : latest ? 'Wait for the run to end.' : 'You went on to another question.'} />
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
    a.latest === b.latest &&
    a.view.state === b.view.state &&
    (a.block.kind !== 'plan' || a.clusters === b.clusters) &&
    // An answer's chips lead to other blocks of the run; whether a block is the last one changes how it looks.
    (a.block.kind !== 'answer' || a.view.blocks.length === b.view.blocks.length) &&
    (a.block.kind !== 'tools' || (a.view.blocks.at(-1) === a.block) === (b.view.blocks.at(-1) === b.block)),
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
  const failed = block.steps.filter((s) => s.result && s.result.outcome !== 'succeeded')
  return (
    <div className="flex flex-col gap-2">
      {/* The sentence also says what kubectl alone can't: which rows are kept, and in which order. */}
      {block.plan.sentence && <p className="text-sm text-ink-2 untrusted">{sentenceOf(block.plan)}</p>}
      <CommandLine plan={block.plan} explain={block.explain} />
      {block.access && !block.access.allowed && <AccessReview access={block.access} cluster={block.plan.cluster.name} />}
      {failed.map((s) => (
        <Note key={s.step} tone="bad" icon={<TriangleAlert aria-hidden />} title="The cluster did not answer this">
          {s.result?.message}
        </Note>
      ))}
    </div>
  )
}
