import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useSlug } from '@/api/context'
import { tunnelsQuery } from '@/api/queries'
import type { Cluster, Disconnect, TunnelSession } from '@/api/types'
import { ClusterState } from '@/components/ClusterState'
import { Loaded } from '@/components/Loaded'
import { Tag } from '@/ui/bits'
import { buttonClass } from '@/ui/Button'
import { Dialog, DialogBody, DialogFoot } from '@/ui/Dialog'
import { Ago } from '@/ui/Time'
import { isUp } from '@/util/cluster'
import { age, version } from '@/util/format'
import { Certificate, roundTrip } from './FleetTable'

const transportWord: Record<string, string> = { tls: 'TLS', websocket: 'WebSocket', quic: 'QUIC' }

/** One cluster of the fleet: its tunnels, and why the last ones ended. */
export function TunnelDrawer({ cluster: c, stale, onClose }: { cluster: Cluster | undefined; stale: boolean; onClose: () => void }) {
  const slug = useSlug()
  return (
    <Dialog
      open={c !== undefined}
      onClose={onClose}
      title={c?.name ?? ''}
      shape="drawer"
      description={
        c && (
          <span className="flex flex-wrap items-center gap-x-2">
            <ClusterState cluster={c} stale={stale} />
            <span>
              since <Ago at={c.since} />
            </span>
          </span>
        )
      }
    >
      {c && (
        <>
          <DialogBody label="About it" className="flex flex-col gap-6">
            {c.reason && <p className="rounded-md border border-line bg-sunken px-3.5 py-2.5 text-ink-2 text-pretty untrusted">{c.reason}</p>}
            <dl className="grid grid-cols-[7.5rem_minmax(0,1fr)] gap-x-3 gap-y-1.5 [&>dt]:text-ink-3">
              <Fact term="Region">{c.region || '–'}</Fact>
              <Fact term="Kubernetes">{version(c.kubernetesVersion) || '–'}</Fact>
              <Fact term="Agent">{version(c.agentVersion) || '–'}</Fact>
              <Fact term="Certificate">
                {c.certificateUntil ? (
                  <>
                    ends <Certificate until={c.certificateUntil} />
                  </>
                ) : (
                  '–'
                )}
              </Fact>
              <Fact term="Last seen">{isUp(c.state) ? 'now' : <Ago at={c.lastSeen} />}</Fact>
              <Fact term="Id">
                <code className="text-sm untrusted">{c.id}</code>
              </Fact>
            </dl>
            <Tunnels id={c.id} />
          </DialogBody>
          <DialogFoot>
            <Link to="/t/$tenant/clusters/$cluster" params={{ tenant: slug, cluster: c.id }} className={buttonClass()}>
              Open the cluster
            </Link>
          </DialogFoot>
        </>
      )}
    </Dialog>
  )
}

/** A cluster's open tunnels, and why the last ones ended. */
export function Tunnels({ id, untitled }: { id: string; untitled?: boolean }) {
  const slug = useSlug()
  const q = useQuery(tunnelsQuery(slug, id))
  return (
    <Loaded query={q} label="Loading its tunnels" rows={4}>
      {({ sessions, disconnects }) => (
        <>
          <section>
            {!untitled && <h3 className="mb-2 font-semibold">Tunnels</h3>}
            {sessions.length === 0 ? (
              <p className="text-ink-2">None is open.</p>
            ) : (
              <ul className="flex flex-col gap-2">
                {sessions.map((s) => (
                  <Session key={s.id} session={s} />
                ))}
              </ul>
            )}
          </section>
          <section>
            <h3 className="mb-2 font-semibold">Last disconnects</h3>
            {disconnects.length === 0 ? (
              <p className="text-ink-2">None is on record.</p>
            ) : (
              <ol className="flex flex-col border-l border-line-2 pl-4">
                {disconnects.map((d) => (
                  <Ended key={`${d.session} ${d.closedAt}`} end={d} />
                ))}
              </ol>
            )}
          </section>
        </>
      )}
    </Loaded>
  )
}

const Session = ({ session: s }: { session: TunnelSession }) => (
  <li className="rounded-md border border-line bg-surface px-3.5 py-2.5">
    <p className="flex flex-wrap items-center gap-x-2 gap-y-1">
      <span className="font-semibold">{transportWord[s.transport] ?? s.transport}</span>
      {s.roundTripMs ? <span className="text-ink-2 tabular-nums">{roundTrip(s.roundTripMs)}</span> : <span className="text-ink-3">not measured yet</span>}
      {s.intercepted && <Tag tone="warn">intercepted</Tag>}
      {!s.confirmed && <Tag tone="warn">not confirmed</Tag>}
      <span className="ml-auto text-sm text-ink-3">
        open since <Ago at={s.openedAt} />
      </span>
    </p>
    <dl className="mt-1.5 grid grid-cols-[6.5rem_minmax(0,1fr)] gap-x-3 gap-y-0.5 text-sm [&>dt]:text-ink-3">
      <Fact term="Agent">{[version(s.agentVersion), s.agentName].filter(Boolean).join(' · ') || '–'}</Fact>
      <Fact term="Kubernetes">{version(s.kubernetesVersion) || '–'}</Fact>
      <Fact term="Certificate">
        ends <Certificate until={s.certificateUntil} />
      </Fact>
      <Fact term="Replica">
        <code className="untrusted">{s.replica}</code>
      </Fact>
    </dl>
    {s.trouble && (
      <p className="mt-2 border-t border-line pt-2 text-sm text-pretty">
        <span className="text-warn">Before this session:</span> <span className="text-ink-2 untrusted">{s.trouble}</span>
      </p>
    )}
  </li>
)

const Ended = ({ end: d }: { end: Disconnect }) => (
  <li className="relative py-1.5 before:absolute before:top-3.5 before:-left-5 before:size-2 before:rounded-full before:bg-line-2">
    <p className="text-pretty untrusted">{d.reason || 'No reason is known.'}</p>
    <p className="text-sm text-ink-3">
      <Ago at={d.closedAt} />, after {age((Date.parse(d.closedAt) - Date.parse(d.openedAt)) / 1000)} over {transportWord[d.transport] ?? d.transport}
      {d.agentName && <span className="untrusted"> · {d.agentName}</span>}
    </p>
  </li>
)

const Fact = ({ term, children }: { term: string; children: ReactNode }) => (
  <>
    <dt>{term}</dt>
    <dd className="untrusted">{children}</dd>
  </>
)
