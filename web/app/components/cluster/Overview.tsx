import { useMutation } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { TriangleAlert, Unplug } from 'lucide-react'
import { useState, type ReactNode } from 'react'
import { useMay, useSlug } from '@/api/context'
import { revokeCluster } from '@/api/mutations'
import type { Cluster } from '@/api/types'
import { Locked } from '@/components/cluster/Locked'
import { Panel } from '@/components/Page'
import { ProblemNote } from '@/components/Problem'
import { Tunnels } from '@/fleet/TunnelDrawer'
import { Note, Tag } from '@/ui/bits'
import { Button, buttonClass } from '@/ui/Button'
import { Dialog, DialogBody, DialogFoot } from '@/ui/Dialog'
import { Field, Input } from '@/ui/Field'
import { Ago } from '@/ui/Time'
import { version } from '@/util/format'
import { isUp } from '@/util/cluster'

const groupMeans = {
  viewer: 'may look at most things, as the cluster’s own rules say',
  operator: 'may change workloads, as the cluster’s own rules say',
  admin: 'may do what the cluster’s own rules let its admins do',
}

/** How a cluster is and what is known of it. */
export function Overview({ cluster: c }: { cluster: Cluster }) {
  const slug = useSlug()
  const manage = useMay('clusters.manage')
  return (
    <div className="flex flex-col gap-4">
      {c.lockedAt && c.state !== 'revoked' && <Locked cluster={c} />}
      {c.state === 'offline' && !c.lockedAt && (
        <Note tone="bad" icon={<Unplug aria-hidden />} title={c.reason ?? 'No session is open.'}>
          Its agent tries again by itself. Questions to it fail until then; what ran before is in the audit log. Last seen <Ago at={c.lastSeen} />. In the cluster, look at{' '}
          <code className="untrusted">kubectl get pods -n kubechat</code>.
        </Note>
      )}
      {c.problem && c.state !== 'revoked' && (
        <Note tone="warn" icon={<TriangleAlert aria-hidden />} title="Its agent reports something wrong in the cluster">
          <span className="untrusted">{c.problem}</span>
        </Note>
      )}
      {c.state === 'pending' && (
        <Note
          tone="info"
          title="No agent has joined yet"
          action={
            manage.may && (
              <Link to="/t/$tenant/clusters/$cluster" params={{ tenant: slug, cluster: c.id }} search={{ tab: 'tokens' }} className={buttonClass('plain', 'sm')}>
                Get a join token
              </Link>
            )
          }
        >
          Run the Helm command that was shown when the cluster was added. Lost it? Make a new join token.
        </Note>
      )}
      <Panel title="About" flush>
        <dl className="grid sm:grid-cols-2 [&>div]:border-line [&>div]:px-4 [&>div]:py-2.5 [&>div:not(:first-child)]:border-t sm:[&>div:nth-child(2)]:border-t-0 sm:[&>div:nth-child(even)]:border-l">
          <Fact term="Kubernetes">{version(c.kubernetesVersion) || '–'}</Fact>
          <Fact term="Agent">{version(c.agentVersion) || '–'}</Fact>
          <Fact term="Open sessions">
            {c.sessions}
            {isUp(c.state) && c.sessions === 1 && c.sessionsWanted !== 1 && <span className="text-ink-3"> of 2: the second one is being opened</span>}
          </Fact>
          <Fact term="Last seen">{isUp(c.state) ? 'now' : <Ago at={c.lastSeen} />}</Fact>
          <Fact term="Your group">
            {c.group ? (
              <>
                <Tag>{c.group}</Tag> <span className="text-ink-2">{groupMeans[c.group]}</span>
              </>
            ) : (
              '–'
            )}
          </Fact>
          <Fact term="Region">{c.region || '–'}</Fact>
          <Fact term="Added">
            <Ago at={c.createdAt} />
          </Fact>
          <Fact term="Id">
            <code className="text-sm untrusted">{c.id}</code>
          </Fact>
        </dl>
        {c.reason && c.state !== 'offline' && c.reason !== `The agent reports: ${c.problem}` && <p className="border-t border-line px-4 py-2.5 text-ink-2 untrusted">{c.reason}</p>}
      </Panel>
      {c.state !== 'revoked' && c.state !== 'pending' && (
        <Panel title="Tunnels">
          <div className="flex flex-col gap-6">
            <Tunnels id={c.id} untitled />
          </div>
        </Panel>
      )}
      {c.state !== 'revoked' && manage.may && <Revoke cluster={c} />}
    </div>
  )
}

const Fact = ({ term, children }: { term: string; children: ReactNode }) => (
  <div>
    <dt className="text-sm text-ink-3">{term}</dt>
    <dd>{children}</dd>
  </div>
)

function Revoke({ cluster: c }: { cluster: Cluster }) {
  const slug = useSlug()
  const [open, setOpen] = useState(false)
  const [typed, setTyped] = useState('')
  const m = useMutation({
    mutationFn: () => revokeCluster(slug, c.id),
    onSuccess: () => setOpen(false),
  })
  return (
    <Panel title="Revoke">
      <div className="flex flex-wrap items-center justify-between gap-x-6 gap-y-3">
        <p className="max-w-xl text-ink-2">Ends its sessions within seconds and makes its identity void for good. The records stay. To connect it again, add it as a new cluster.</p>
        <Button look="danger-plain" onClick={() => setOpen(true)}>
          Revoke {c.name}
        </Button>
      </div>
      <Dialog open={open} onClose={() => setOpen(false)} title={`Revoke ${c.name}?`} description="Everyone’s chat and kubectl sessions to it end at once. This can’t be undone.">
        <form
          onSubmit={(e) => {
            e.preventDefault()
            if (typed === c.name && !m.isPending) m.mutate()
          }}
        >
          <DialogBody>
            <Field label={`Type ${c.name} to confirm`}>
              {(a) => <Input {...a} value={typed} onChange={(e) => setTyped(e.target.value)} autoComplete="off" autoCapitalize="off" spellCheck={false} className="font-mono" />}
            </Field>
            {m.error && (
              <div className="mt-4">
                <ProblemNote error={m.error} />
              </div>
            )}
          </DialogBody>
          <DialogFoot>
            <Button onClick={() => setOpen(false)}>Cancel</Button>
            <Button type="submit" look="danger" busy={m.isPending} disabledReason={typed === c.name ? undefined : `Type ${c.name} first.`}>
              Revoke
            </Button>
          </DialogFoot>
        </form>
      </Dialog>
    </Panel>
  )
}
