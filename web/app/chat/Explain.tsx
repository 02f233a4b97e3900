import { Database, Info, ListTree } from 'lucide-react'
import { useId, useState, type ReactNode } from 'react'
import type { ExplainData, Plan } from '@/api/types'
import { Tag } from '@/ui/bits'
import { Command } from '@/ui/Code'
import { cx } from '@/util/cx'
import { plainText } from '@/util/format'

/** A plan's exact command. On demand: what each flag means, and how the words became it. */
export function CommandLine({ plan, explain, label }: { plan: Plan; explain: ExplainData | undefined; label?: string }) {
  const [open, setOpen] = useState<'flags' | 'how'>()
  const id = useId()
  const foreign = plan.fromClusterData ?? []
  const flags = explain?.flags ?? []
  const toggle = (which: 'flags' | 'how', icon: ReactNode, text: string) => (
    <button
      type="button"
      aria-expanded={open === which}
      aria-controls={`${id}-${which}`}
      onClick={() => setOpen(open === which ? undefined : which)}
      className={cx('inline-flex h-6 items-center gap-1.5 rounded-sm px-1.5 text-sm hover:bg-sea-soft hover:text-sea-ink', open === which ? 'bg-sea-soft text-sea-ink' : 'text-ink-2')}
    >
      {icon}
      {text}
    </button>
  )
  return (
    <div>
      {plan.kubectl && <Command text={plan.kubectl} marks={foreign} {...(label && { label })} />}
      {foreign.length > 0 && (
        <p className="mt-1.5 flex flex-wrap items-baseline gap-x-2 gap-y-1 text-sm text-ink-2">
          <Tag tone="warn" className="self-center">
            <Database aria-hidden className="size-3" />
            from cluster data
          </Tag>
          <span className="min-w-0 flex-1 basis-60">
            {foreign.map((w, i) => (
              <span key={w}>
                {i > 0 && ', '}
                <code className="text-ink untrusted">{plainText(w)}</code>
              </span>
            ))}{' '}
            {foreign.length > 1 ? 'were' : 'was'} in what the cluster answered; nobody typed {foreign.length > 1 ? 'them' : 'it'}. Check before you approve.
          </span>
        </p>
      )}
      {explain && (
        <div className="mt-1 flex flex-wrap gap-1">
          {flags.length > 0 && toggle('flags', <Info aria-hidden className="size-3.5" />, 'What the flags mean')}
          {toggle('how', <ListTree aria-hidden className="size-3.5" />, 'How this was understood')}
        </div>
      )}
      {open === 'flags' && explain && (
        <dl id={`${id}-flags`} className="mt-1.5 grid gap-x-4 gap-y-1.5 rounded-md border border-line bg-surface px-3.5 py-2.5 text-sm sm:grid-cols-[max-content_minmax(0,1fr)]">
          {flags.map((f) => (
            <div key={f.flag} className="contents">
              <dt>
                <code className="font-semibold text-sea-ink untrusted">{f.flag}</code>
              </dt>
              <dd className="text-ink-2 untrusted max-sm:mb-1.5">{plainText(f.meaning)}</dd>
            </div>
          ))}
        </dl>
      )}
      {open === 'how' && explain && (
        <div id={`${id}-how`}>
          <How explain={explain} />
        </div>
      )}
    </div>
  )
}

const sourceWord = (source: string): ReactNode =>
  source.startsWith('llm:') ? (
    <>
      the model <span className="font-medium text-ink untrusted">{source.slice(4)}</span>
    </>
  ) : source.startsWith('mcp:') ? (
    <>
      <span className="font-medium text-ink untrusted">{plainText(source.slice(4))}</span>, an assistant that uses your login; the words above are what it says you asked
    </>
  ) : (
    <>
      the built-in translator, <span className="text-ink">by rules and without a model</span>
    </>
  )

function How({ explain }: { explain: ExplainData }) {
  const { words = [], requests = [], rights = [] } = explain
  return (
    <section aria-label="How this was understood" className="mt-1.5 flex flex-col gap-3 rounded-md border border-line bg-surface px-3.5 py-3 text-sm text-ink-2">
      <p>Understood by {sourceWord(explain.source)}.</p>
      {words.length > 0 && (
        <Part title="Your words, and what they became">
          <dl className="grid grid-cols-[minmax(0,max-content)_minmax(0,1fr)] gap-x-4 gap-y-1">
            {words.map((w, i) => (
              <div key={i} className="contents">
                <dt className="font-medium text-ink untrusted">“{plainText(w.words)}”</dt>
                <dd className="untrusted">{plainText(w.as)}</dd>
              </div>
            ))}
          </dl>
        </Part>
      )}
      {requests.length > 0 && (
        <Part title="Requests to the cluster’s API">
          <ul className="flex flex-col gap-0.5 font-mono">
            {requests.map((r, i) => (
              <li key={i} className="pl-14 -indent-14 untrusted">
                <span className="inline-block w-14 indent-0 font-semibold text-sea-ink">{r.method}</span>
                {r.path}
              </li>
            ))}
          </ul>
        </Part>
      )}
      {rights.length > 0 && (
        <Part title="What the cluster’s RBAC must allow">
          <ul className="flex flex-col gap-0.5">
            {rights.map((r, i) => (
              <li key={i} className="untrusted">
                <code className="font-semibold text-ink">{r.verb}</code> <code>{r.resource}</code>
                {r.namespace ? ` in ${r.namespace}` : ', cluster-wide'}
              </li>
            ))}
          </ul>
        </Part>
      )}
    </section>
  )
}

const Part = ({ title, children }: { title: string; children: ReactNode }) => (
  <div>
    <h4 className="mb-1 font-semibold text-ink">{title}</h4>
    {children}
  </div>
)
