import { CircleHelp, Link2 } from 'lucide-react'
import { useMemo, type ReactNode } from 'react'
import type { AnswerSentence } from '@/api/types'
import { Tip } from '@/ui/Tip'
import { plainText, plural } from '@/util/format'
import { findingId } from './Findings'
import { prose, type Inline } from './prose'
import { toolId } from './Tools'
import type { AnswerBlock, RunView } from './view'

/** What a model wrote: text, with what each sentence rests on, and a mark on those that rest on nothing. */
export function Answer({ block, view }: { block: AnswerBlock; view: RunView }) {
  const blocks = useMemo(() => prose(block.sentences), [block.sentences])
  const loose = block.done ? block.sentences.filter((s) => !s.verified).length : 0
  const inlines = (list: Inline[]): ReactNode => list.map((x, i) => <InlineView key={i} inline={x} view={view} done={block.done} />)
  return (
    <div className="text-md">
      <div className="flex flex-col gap-2 text-pretty untrusted">
        {blocks.map((b, i) =>
          b.kind === 'p' ? (
            <p key={i}>{inlines(b.inlines)}</p>
          ) : b.ordered ? (
            <ol key={i} className="list-decimal space-y-1 pl-6 marker:text-ink-3">
              {b.items.map((item, n) => (
                <li key={n}>{inlines(item)}</li>
              ))}
            </ol>
          ) : (
            <ul key={i} className="list-disc space-y-1 pl-6 marker:text-ink-3">
              {b.items.map((item, n) => (
                <li key={n}>{inlines(item)}</li>
              ))}
            </ul>
          ),
        )}
        {!block.done && <span aria-hidden className="-mt-1 inline-block h-4 w-2 animate-breathe rounded-xs bg-sea" />}
      </div>
      {block.done && (
        <p className="mt-2 text-sm text-ink-3">
          Written by <span className="untrusted">{plainText(block.model)}</span>.{' '}
          {loose > 0 ? `${plural(loose, 'sentence')} of ${block.sentences.length} ${loose === 1 ? 'has' : 'have'} no evidence from this cluster.` : 'Every sentence cites what was read from the cluster.'}
        </p>
      )}
    </div>
  )
}

function InlineView({ inline: x, view, done }: { inline: Inline; view: RunView; done: boolean }) {
  if (x.kind === 'text') return plainText(x.text)
  if (x.kind === 'code') return <code className="rounded-sm bg-sunken px-1 py-px outline-1 -outline-offset-1 outline-line">{plainText(x.text)}</code>
  if (x.kind === 'struck') {
    return (
      <Tip text="Nothing of this name is known in the cluster.">
        <s tabIndex={0} className="text-ink-3">
          <span className="sr-only">not known: </span>
          {plainText(x.text)}
        </s>
      </Tip>
    )
  }
  return done ? <Mark sentence={x.sentence} view={view} /> : null
}

/** Behind a sentence: chips that lead to its evidence, or the word that there is none. */
function Mark({ sentence, view }: { sentence: AnswerSentence; view: RunView }) {
  const ids = sentence.evidence ?? []
  return (
    <>
      {ids.map((id) => (
        <Chip key={id} id={id} view={view} />
      ))}
      {!sentence.verified && (
        <Tip text="Nothing that was read from the cluster backs this sentence.">
          <span tabIndex={0} role="note" className="ml-1.5 inline-flex h-5 items-center gap-1 rounded-sm bg-warn-soft px-1.5 align-text-bottom text-xs font-medium text-warn">
            <CircleHelp aria-hidden className="size-3" />
            unverified
          </span>
        </Tip>
      )}
    </>
  )
}

function Chip({ id, view }: { id: string; view: RunView }) {
  const about = evidenceOf(id, view)
  const look = 'ml-1 inline-flex h-5 items-center gap-1 rounded-sm border border-sea-line bg-sea-soft px-1 align-text-bottom text-xs font-medium text-sea-ink'
  if (!about) return <span className={look}>{plainText(id)}</span>
  const show = () => {
    const el = document.getElementById(about.target)
    el?.closest('details')?.setAttribute('open', '')
    el?.scrollIntoView({ block: 'center' })
    el?.focus({ preventScroll: true })
  }
  return (
    <Tip text={<span className="untrusted">{about.text}</span>}>
      <button type="button" onClick={show} aria-label={`Evidence ${id}: ${about.text}`} className={`${look} hover:border-sea`}>
        <Link2 aria-hidden className="size-3" />
        {id}
      </button>
    </Tip>
  )
}

/** What an id of this run stands for: a finding ("F1"), or the result of a look into the cluster, or a line of it ("R2.14"). */
function evidenceOf(id: string, view: RunView): { target: string; text: string } | undefined {
  const whole = id.replace(/\.\d+$/, '')
  for (const b of view.blocks) {
    if (b.kind === 'findings') {
      const f = b.findings.find((x) => x.id === whole)
      if (f?.id) return { target: findingId(view.id, f.id), text: plainText(`${f.reason}, ${f.object}`) }
    }
    if (b.kind === 'tools') {
      const t = b.tools.find((x) => x.id === whole)
      if (t?.id) return { target: toolId(view.id, t.id), text: plainText(`${t.name}: ${t.summary}`) }
    }
  }
  return undefined
}
