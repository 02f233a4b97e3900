import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { CircleCheck, CircleDashed, LoaderCircle, MessageSquareText } from 'lucide-react'
import { useEffect, useState, type ReactNode } from 'react'
import { useSlug } from '@/api/context'
import { clusterQuery } from '@/api/queries'
import type { Cluster, Join } from '@/api/types'
import { Button, buttonClass } from '@/ui/Button'
import { Command } from '@/ui/Code'
import { Ago, useNow } from '@/ui/Time'
import { announce } from '@/util/announce'
import { cx } from '@/util/cx'
import { fullTime, until, version } from '@/util/format'
import { Panel } from './Page'
import { isUp } from '@/util/cluster'

/** The one command, and a list that ticks itself off while it takes effect. */
export function Connect({ id, join, onAnother }: { id: string; join: Join; onAnother?: () => void }) {
  const slug = useSlug()
  const { data: c } = useQuery({ ...clusterQuery(slug, id), refetchInterval: (q) => (q.state.data && isUp(q.state.data.state) ? false : 15_000) })
  const connected = c !== undefined && isUp(c.state)
  useEffect(() => {
    if (connected) announce('The cluster is connected.')
  }, [connected])
  return (
    <div className="flex flex-col gap-4">
      <Panel title="1. Run this where kubectl and Helm reach the cluster" lead="It is all an install needs. The agent dials out; no port is opened.">
        <Command text={join.helm} label="Copy the Helm command" />
        {join.demo && (
          <div className="mt-4">
            <p className="mb-1.5 text-sm text-ink-2">No second cluster at hand? In the demo’s folder, this starts one and joins it:</p>
            <Command text={join.demo} label="Copy the make command" />
          </div>
        )}
        <Expiry at={join.expiresAt} />
      </Panel>
      <Panel title="2. Watch it connect" lead={connected ? undefined : 'This page follows by itself. You can leave it; the cluster connects all the same.'}>
        <Checklist cluster={c} />
        {connected && c && (
          <div className="mt-4 flex flex-wrap gap-2 border-t border-line pt-4">
            <Link to="/t/$tenant/chat" params={{ tenant: slug }} search={{ cluster: c.id }} className={buttonClass('primary')}>
              <MessageSquareText aria-hidden className="size-4" />
              Ask it something
            </Link>
            <Link to="/t/$tenant/clusters/$cluster" params={{ tenant: slug, cluster: c.id }} className={buttonClass()}>
              Open the cluster
            </Link>
            {onAnother && (
              <Button look="ghost" onClick={onAnother}>
                Add another
              </Button>
            )}
          </div>
        )}
      </Panel>
    </div>
  )
}

function Expiry({ at }: { at: string }) {
  const left = (Date.parse(at) - useNow()) / 1000
  return (
    <p className={cx('mt-3 text-sm', left <= 0 ? 'text-bad' : 'text-ink-2')} title={fullTime(at)}>
      {left > 0
        ? `The token in it works once and expires ${until(left)}. It is shown only now; a new one can be made on the cluster’s page.`
        : 'The token in it has expired. Make a new one on the cluster’s page.'}
    </p>
  )
}

function Checklist({ cluster: c }: { cluster: Cluster | undefined }) {
  const [shownAt] = useState(() => Date.now())
  const waited = (useNow() - shownAt) / 1000
  const joined = c !== undefined && c.state !== 'pending'
  const connected = c !== undefined && isUp(c.state)
  return (
    <>
      <ol className="flex flex-col gap-2.5" aria-live="polite">
        <Check done now={false} text="" about="" doneText="Cluster and join token made" />
        <Check done={joined} now={!joined} text="Agent enrols with the token" doneText="Agent enrolled; the token is used up" about="It proves that it runs in the cluster and gets a certificate of its own." />
        <Check
          done={connected}
          now={joined && !connected}
          text="Tunnel opens"
          doneText={c?.sessions ? `Tunnel open, ${c.sessions === 1 ? 'one session' : `${c.sessions} sessions`}` : 'Tunnel open'}
          about="Over TLS, outwards from the cluster."
        />
        <Check
          done={connected && Boolean(c.kubernetesVersion)}
          now={connected && !c.kubernetesVersion}
          text="Kubernetes API answers"
          doneText={`Kubernetes ${version(c?.kubernetesVersion)} answers`}
          about={connected && c.since ? <Ago at={c.since} /> : undefined}
        />
      </ol>
      {!joined && waited > 60 && (
        <div className="mt-4 rounded-md border border-buff-line bg-buff px-4 py-3">
          <p className="font-semibold text-buff-ink">Nothing has called for a minute. What is usually in the way:</p>
          <ul className="mt-1.5 flex list-disc flex-col gap-1.5 pl-5 text-ink-2">
            <li>
              The pod is not running: <code className="untrusted">kubectl get pods -n kubechat</code>
            </li>
            <li>
              It can’t get out, or a proxy is needed: <code className="untrusted">kubectl logs -n kubechat deploy/kubechat-agent</code> says which address it tries. Set <code>proxy.https</code> in the
              chart’s values for a proxy.
            </li>
            <li>A proxy that opens TLS is in between: let the tunnel’s address pass untouched.</li>
          </ul>
        </div>
      )}
    </>
  )
}

function Check({ done, now, text, doneText, about }: { done: boolean; now: boolean; text: string; doneText: string; about: ReactNode }) {
  return (
    <li className="flex items-start gap-2.5">
      {done ? (
        <CircleCheck aria-hidden className="mt-0.5 size-5 shrink-0 text-ok" />
      ) : now ? (
        <LoaderCircle aria-hidden className="mt-0.5 size-5 shrink-0 animate-turn text-sea" />
      ) : (
        <CircleDashed aria-hidden className="mt-0.5 size-5 shrink-0 text-ink-3" />
      )}
      <span>
        <span className={cx('block', done ? 'font-medium' : now ? 'font-semibold' : 'text-ink-3')}>
          {done ? doneText : text}
          <span className="sr-only">{done ? ', done' : now ? ', in progress' : ', not yet'}</span>
        </span>
        {about && <span className="block text-sm text-ink-3">{about}</span>}
      </span>
    </li>
  )
}
