import { useMutation, useQuery } from '@tanstack/react-query'
import { Plus } from 'lucide-react'
import { useState } from 'react'
import { useSlug } from '@/api/context'
import { createJoinToken, revokeJoinToken } from '@/api/mutations'
import { joinTokensQuery } from '@/api/queries'
import type { Cluster, Join, JoinToken } from '@/api/types'
import { Connect } from '@/components/Connect'
import { Loaded } from '@/components/Loaded'
import { Panel, tableClass, tdClass, thClass } from '@/components/Page'
import { ProblemNote } from '@/components/Problem'
import { Empty, Tag } from '@/ui/bits'
import { Button } from '@/ui/Button'
import { Ago, useNow } from '@/ui/Time'
import { fullTime, newKey, until } from '@/util/format'

/** The tokens that let an agent enrol as this cluster. */
export function JoinTokens({ cluster: c }: { cluster: Cluster }) {
  const slug = useSlug()
  const q = useQuery(joinTokensQuery(slug, c.id))
  const [made, setMade] = useState<Join>()
  const make = useMutation({ mutationFn: () => createJoinToken(slug, c.id, newKey()), onSuccess: setMade })
  const revoke = useMutation({ mutationFn: (id: string) => revokeJoinToken(slug, c.id, id) })
  if (made) {
    return (
      <div className="flex flex-col gap-4">
        <Connect id={c.id} join={made} />
        <div>
          <Button onClick={() => setMade(undefined)}>Back to the tokens</Button>
        </div>
      </div>
    )
  }
  return (
    <Panel
      flush
      title="Join tokens"
      lead="Each one lets one agent enrol, once, within 24 hours. An agent that has enrolled needs none any more."
      actions={
        <Button size="sm" onClick={() => make.mutate()} busy={make.isPending} icon={<Plus aria-hidden className="size-4" />}>
          New join token
        </Button>
      }
    >
      {(make.error ?? revoke.error) && (
        <div className="p-4">
          <ProblemNote error={make.error ?? revoke.error} />
        </div>
      )}
      <Loaded query={q} label="Loading join tokens" rows={3}>
        {(items) =>
          items.length === 0 ? (
            <Empty title="No join tokens">Make one to install the agent in the cluster.</Empty>
          ) : (
            <div className="overflow-x-auto">
              <table className={tableClass}>
                <thead>
                  <tr>
                    <th scope="col" className={thClass}>
                      Made
                    </th>
                    <th scope="col" className={thClass}>
                      State
                    </th>
                    <th scope="col" className={thClass}>
                      <span className="sr-only">Revoke</span>
                    </th>
                  </tr>
                </thead>
                <tbody className="[&>tr:last-child>td]:border-b-0">
                  {items
                    .toSorted((a, b) => b.createdAt.localeCompare(a.createdAt))
                    .map((j) => (
                      <Row key={j.id} token={j} onRevoke={() => revoke.mutate(j.id)} busy={revoke.isPending && revoke.variables === j.id} />
                    ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Loaded>
    </Panel>
  )
}

function Row({ token: j, onRevoke, busy }: { token: JoinToken; onRevoke: () => void; busy: boolean }) {
  const left = (Date.parse(j.expiresAt) - useNow()) / 1000
  const open = !j.usedAt && !j.revokedAt && left > 0
  return (
    <tr>
      <td className={tdClass}>
        <Ago at={j.createdAt} />
        <code className="block text-xs text-ink-3 untrusted">{j.id}</code>
      </td>
      <td className={tdClass}>
        {j.revokedAt ? (
          <Tag>revoked</Tag>
        ) : j.usedAt ? (
          <>
            <Tag tone="ok">used</Tag>{' '}
            <span className="text-ink-2">
              <Ago at={j.usedAt} />
            </span>
          </>
        ) : left <= 0 ? (
          <Tag>expired</Tag>
        ) : (
          <>
            <Tag tone="sea">unused</Tag>{' '}
            <span className="text-ink-2" title={fullTime(j.expiresAt)}>
              expires {until(left)}
            </span>
          </>
        )}
      </td>
      <td className={`${tdClass} w-px`}>
        {open && (
          <Button size="sm" look="danger-plain" onClick={onRevoke} busy={busy}>
            Revoke
          </Button>
        )}
      </td>
    </tr>
  )
}
