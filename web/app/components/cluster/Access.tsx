import { useMutation, useQuery } from '@tanstack/react-query'
import { useSlug, useTenant } from '@/api/context'
import { setGroup } from '@/api/mutations'
import { groupsQuery, membersQuery } from '@/api/queries'
import type { Cluster, Group, Role } from '@/api/types'
import { roleWord } from '@/components/ClusterState'
import { Loaded } from '@/components/Loaded'
import { Panel, tableClass, tdClass, thClass } from '@/components/Page'
import { ProblemNote } from '@/components/Problem'
import { Select } from '@/ui/Field'
import { announce } from '@/util/announce'
import { cx } from '@/util/cx'

const groups: Group[] = ['viewer', 'operator', 'admin']

const roleOf = (r: Role | undefined): string => (r ? roleWord[r] : '–')

/** Who is what in this cluster. What a group may do there, the cluster's own RBAC says. */
export function Access({ cluster: c }: { cluster: Cluster }) {
  const slug = useSlug()
  const { me } = useTenant()
  const q = useQuery(groupsQuery(slug, c.id))
  const roles = new Map(useQuery(membersQuery(slug)).data?.map((p) => [p.id, p.role]))
  const m = useMutation({
    mutationFn: ({ member, group }: { member: string; group: Group; name: string }) => setGroup(slug, c.id, member, group),
    onSuccess: (_d, v) => announce(`${v.name} is now ${v.group} in ${c.name}.`),
  })
  return (
    <Panel
      flush
      title="Groups"
      lead={
        <>
          Members act in {c.name} as Kubernetes group <code>kubechat:viewer</code>, <code>kubechat:operator</code> or <code>kubechat:admin</code>. What each may do, and which ones the agent lets in at all,
          is the cluster owner’s to say.
        </>
      }
    >
      {m.error && (
        <div className="p-4">
          <ProblemNote error={m.error} />
        </div>
      )}
      <Loaded query={q} label="Loading groups" rows={4}>
        {(items) => (
          <table className={tableClass}>
            <thead>
              <tr>
                <th scope="col" className={thClass}>
                  Member
                </th>
                <th scope="col" className={cx(thClass, 'hidden sm:table-cell')}>
                  Role
                </th>
                <th scope="col" className={thClass}>
                  Group
                </th>
              </tr>
            </thead>
            <tbody className="[&>tr:last-child>td]:border-b-0">
              {items.map(({ member, group }) => {
                const changing = m.isPending && m.variables.member === member.id
                return (
                  <tr key={member.id}>
                    <td className={tdClass}>
                      <span className="block font-medium untrusted">
                        {member.name || member.email}
                        {member.id === me.id && <span className="font-normal text-ink-3"> (you)</span>}
                      </span>
                      {member.name && <span className="block text-sm text-ink-3 untrusted">{member.email}</span>}
                    </td>
                    <td className={cx(tdClass, 'hidden text-ink-2 sm:table-cell')}>{roleOf(roles.get(member.id))}</td>
                    <td className={cx(tdClass, 'w-44')}>
                      <Select
                        aria-label={`Group of ${member.name || member.email}`}
                        value={changing ? m.variables.group : group}
                        disabled={changing || c.state === 'revoked'}
                        className="w-full"
                        onChange={(e) => {
                          const g = groups.find((x) => x === e.target.value)
                          if (g) m.mutate({ member: member.id, group: g, name: member.name || member.email })
                        }}
                      >
                        {groups.map((g) => (
                          <option key={g}>{g}</option>
                        ))}
                      </Select>
                    </td>
                  </tr>
                )
              })}
            </tbody>
          </table>
        )}
      </Loaded>
    </Panel>
  )
}
