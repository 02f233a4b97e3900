import { useMutation, useQuery } from '@tanstack/react-query'
import { Plus, UserMinus } from 'lucide-react'
import { useState, type FormEvent } from 'react'
import { isStatus, toProblem } from '@/api/client'
import { useMay, useSlug, useTenant } from '@/api/context'
import { addMember, removeMember, setRole } from '@/api/mutations'
import { membersQuery } from '@/api/queries'
import type { Member, Role } from '@/api/types'
import { roleWord } from '@/components/ClusterState'
import { Loaded } from '@/components/Loaded'
import { Page, Panel, tableClass, tdClass, thClass } from '@/components/Page'
import { ProblemNote } from '@/components/Problem'
import { Button, IconButton } from '@/ui/Button'
import { Dialog, DialogBody, DialogFoot } from '@/ui/Dialog'
import { Field, Input, Select } from '@/ui/Field'
import { Ago } from '@/ui/Time'
import { announce } from '@/util/announce'
import { cx } from '@/util/cx'
import { newKey } from '@/util/format'

const roles: Role[] = ['tenant_admin', 'tenant_user', 'tenant_viewer']
const roleMeans: Record<Role, string> = {
  tenant_admin: 'adds clusters and members, sees all records',
  tenant_user: 'asks, and makes changes where a cluster lets them',
  tenant_viewer: 'asks, and changes nothing',
}

export function Members() {
  const slug = useSlug()
  const q = useQuery(membersQuery(slug))
  const manage = useMay('members.manage')
  const [adding, setAdding] = useState(false)
  return (
    <Page
      title="Members"
      lead="A role says what someone may do in KubeChat. What they may do inside a cluster is their group there, set on the cluster’s page."
      actions={
        <Button look="primary" onClick={() => setAdding(true)} disabledReason={manage.reason} icon={<Plus aria-hidden className="size-4" />}>
          Add a member
        </Button>
      }
    >
      <Panel flush>
        <Loaded query={q} label="Loading members" rows={5}>
          {(items) => <List items={items} />}
        </Loaded>
      </Panel>
      <Dialog open={adding} onClose={() => setAdding(false)} title="Add a member" description="They begin as viewer in every cluster.">
        <AddForm onDone={() => setAdding(false)} />
      </Dialog>
    </Page>
  )
}

function List({ items }: { items: Member[] }) {
  const slug = useSlug()
  const { me } = useTenant()
  const manage = useMay('members.manage').may
  const m = useMutation({
    mutationFn: ({ id, role }: { id: string; role: Role; name: string }) => setRole(slug, id, role),
    onSuccess: (_d, v) => announce(`${v.name} is now ${roleWord[v.role]}.`),
  })
  const [leaving, setLeaving] = useState<Member>()
  const remove = useMutation({ mutationFn: (id: string) => removeMember(slug, id), onSuccess: () => setLeaving(undefined) })
  return (
    <>
      {m.error && (
        <div className="border-b border-line p-4">
          <ProblemNote error={m.error} />
        </div>
      )}
      <table className={tableClass}>
        <thead>
          <tr>
            <th scope="col" className={thClass}>
              Member
            </th>
            <th scope="col" className={cx(thClass, 'hidden sm:table-cell')}>
              Added
            </th>
            <th scope="col" className={thClass}>
              Role
            </th>
            {manage && (
              <th scope="col" className={thClass}>
                <span className="sr-only">Remove</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody className="[&>tr:last-child>td]:border-b-0">
          {items.map((p) => {
            const changing = m.isPending && m.variables.id === p.id
            const name = p.name || p.email
            return (
              <tr key={p.id} className={p.active === false ? 'text-ink-3' : ''}>
                <td className={tdClass}>
                  <span className="block font-medium untrusted">
                    {name}
                    {p.id === me.id && <span className="font-normal text-ink-3"> (you)</span>}
                    {p.active === false && <span className="font-normal text-ink-3"> (deactivated)</span>}
                  </span>
                  {p.name && <span className="block text-sm text-ink-3 untrusted">{p.email}</span>}
                </td>
                <td className={cx(tdClass, 'hidden text-ink-2 sm:table-cell')}>{p.createdAt ? <Ago at={p.createdAt} /> : '–'}</td>
                <td className={cx(tdClass, 'w-32 sm:w-80 lg:w-104')}>
                  {manage && p.active !== false ? (
                    <span className="flex items-center gap-3">
                      <Select
                        aria-label={`Role of ${name}`}
                        value={changing ? m.variables.role : p.role}
                        disabled={changing}
                        className="w-28 shrink-0"
                        onChange={(e) => {
                          const role = roles.find((r) => r === e.target.value)
                          if (role) m.mutate({ id: p.id, role, name })
                        }}
                      >
                        {roles.map((r) => (
                          <option key={r} value={r}>
                            {roleWord[r]}
                          </option>
                        ))}
                      </Select>
                      <span className="hidden text-sm text-ink-3 lg:inline">{roleMeans[p.role]}</span>
                    </span>
                  ) : (
                    roleWord[p.role]
                  )}
                </td>
                {manage && (
                  <td className={cx(tdClass, 'w-px')}>
                    {p.active && p.id !== me.id && (
                      <IconButton label={`Remove ${name}`} onClick={() => setLeaving(p)}>
                        <UserMinus aria-hidden className="size-4" />
                      </IconButton>
                    )}
                  </td>
                )}
              </tr>
            )
          })}
        </tbody>
      </table>
      <Dialog open={leaving !== undefined} onClose={() => setLeaving(undefined)} title={`Remove ${leaving?.name || leaving?.email || ''}?`}>
        <DialogBody>
          <p>Their logins and API tokens end at once, here and for kubectl. What they did stays on record.</p>
          {remove.error && (
            <div className="mt-4">
              <ProblemNote error={remove.error} />
            </div>
          )}
        </DialogBody>
        <DialogFoot>
          <Button onClick={() => setLeaving(undefined)}>Keep them</Button>
          <Button look="danger" busy={remove.isPending} onClick={() => leaving && remove.mutate(leaving.id)}>
            Remove
          </Button>
        </DialogFoot>
      </Dialog>
    </>
  )
}

function AddForm({ onDone }: { onDone: () => void }) {
  const slug = useSlug()
  const [email, setEmail] = useState('')
  const [name, setName] = useState('')
  const [role, setNewRole] = useState<Role>('tenant_user')
  const [wrong, setWrong] = useState<string>()
  const [key] = useState(newKey)
  const m = useMutation({
    mutationFn: () => addMember(slug, { email: email.trim(), name: name.trim(), role }, `${key}-${email.trim()}`),
    onSuccess: (p) => {
      announce(`${p.name || p.email} was added.`)
      onDone()
    },
  })
  const refused = isStatus(m.error, 409) || isStatus(m.error, 422)
  const submit = (e: FormEvent) => {
    e.preventDefault()
    const problem = /^[^\s@]+@[^\s@]+$/.test(email.trim()) ? undefined : 'Write an e-mail address, such as ada@example.com.'
    setWrong(problem)
    if (!problem && !m.isPending) m.mutate()
  }
  return (
    <form onSubmit={submit} noValidate>
      <DialogBody className="flex flex-col gap-4">
        <Field label="E-mail" error={wrong ?? (refused ? (toProblem(m.error).detail ?? 'This address can’t be added.') : undefined)}>
          {(a) => (
            <Input
              {...a}
              type="email"
              value={email}
              onChange={(e) => {
                setEmail(e.target.value)
                setWrong(undefined)
                m.reset()
              }}
              autoComplete="off"
            />
          )}
        </Field>
        <Field label="Name" hint="As colleagues know them; shown beside what they do.">
          {(a) => <Input {...a} value={name} onChange={(e) => setName(e.target.value)} autoComplete="off" />}
        </Field>
        <fieldset>
          <legend className="mb-1 text-sm font-semibold">Role</legend>
          <div className="flex flex-col gap-1">
            {roles.map((r) => (
              // oxlint-disable-next-line label-has-associated-control -- its text is in the two spans
              <label key={r} htmlFor={`role-${r}`} className="flex min-h-7 items-center gap-2.5">
                <input id={`role-${r}`} type="radio" name="role" checked={role === r} onChange={() => setNewRole(r)} className="size-4 accent-sea" />
                <span>
                  <span className="font-medium">{roleWord[r]}</span> <span className="text-ink-2">{roleMeans[r]}</span>
                </span>
              </label>
            ))}
          </div>
        </fieldset>
        {m.error && !refused && <ProblemNote error={m.error} />}
      </DialogBody>
      <DialogFoot>
        <Button onClick={onDone}>Cancel</Button>
        <Button type="submit" look="primary" busy={m.isPending}>
          Add
        </Button>
      </DialogFoot>
    </form>
  )
}
