import { useMutation, useQuery } from '@tanstack/react-query'
import { KeyRound, Plus, TriangleAlert } from 'lucide-react'
import { useState, type FormEvent } from 'react'
import { useSlug } from '@/api/context'
import { createApiToken, revokeApiToken } from '@/api/mutations'
import { tokensQuery } from '@/api/queries'
import type { ApiToken, NewApiToken } from '@/api/types'
import { Loaded } from '@/components/Loaded'
import { Page, Panel, tableClass, tdClass, thClass } from '@/components/Page'
import { ProblemNote } from '@/components/Problem'
import { Empty, Note, Tag } from '@/ui/bits'
import { Button } from '@/ui/Button'
import { Command } from '@/ui/Code'
import { Dialog, DialogBody, DialogFoot } from '@/ui/Dialog'
import { Field, Input, Select } from '@/ui/Field'
import { Ago, useNow } from '@/ui/Time'
import { cx } from '@/util/cx'
import { fullTime, newKey, until } from '@/util/format'

const lives = [7, 30, 90, 365]

/** One's own API tokens: for the kubechat command, for pipelines, and to sign in. */
export function Tokens() {
  const slug = useSlug()
  const q = useQuery(tokensQuery(slug))
  const [adding, setAdding] = useState(false)
  const [made, setMade] = useState<NewApiToken>()
  const close = () => {
    setAdding(false)
    setMade(undefined)
  }
  const add = (
    <Button look="primary" onClick={() => setAdding(true)} icon={<Plus aria-hidden className="size-4" />}>
      New token
    </Button>
  )
  return (
    <Page title="API tokens" lead="A token acts as you, with your role and groups as they are at that moment. Each one ends on its date." actions={add}>
      <Panel flush>
        <Loaded query={q} label="Loading tokens" rows={4}>
          {(items) =>
            items.length === 0 ? (
              <Empty icon={<KeyRound aria-hidden className="size-5" />} title="No tokens yet" action={add}>
                Use one for the kubechat command, for kubectl, or in a pipeline.
              </Empty>
            ) : (
              <List items={items} />
            )
          }
        </Loaded>
      </Panel>
      <Dialog open={adding} onClose={close} title={made ? 'Copy your token now' : 'New API token'} modalOnly={made !== undefined}>
        {made ? <Made token={made} onDone={close} /> : <AddForm onMade={setMade} onCancel={close} />}
      </Dialog>
    </Page>
  )
}

function List({ items }: { items: ApiToken[] }) {
  const slug = useSlug()
  const [asking, setAsking] = useState<ApiToken>()
  const m = useMutation({ mutationFn: (id: string) => revokeApiToken(slug, id), onSuccess: () => setAsking(undefined) })
  return (
    <>
      <table className={tableClass}>
        <thead>
          <tr>
            <th scope="col" className={thClass}>
              Name
            </th>
            <th scope="col" className={cx(thClass, 'hidden sm:table-cell')}>
              Last used
            </th>
            <th scope="col" className={thClass}>
              Ends
            </th>
            <th scope="col" className={thClass}>
              <span className="sr-only">Revoke</span>
            </th>
          </tr>
        </thead>
        <tbody className="[&>tr:last-child>td]:border-b-0">
          {items.map((t) => (
            <Row key={t.id} token={t} onRevoke={() => setAsking(t)} />
          ))}
        </tbody>
      </table>
      <Dialog open={asking !== undefined} onClose={() => setAsking(undefined)} title={`Revoke ${asking?.name ?? ''}?`}>
        <DialogBody>
          <p>What uses it stops working at once, and logins made with it end.</p>
          {m.error && (
            <div className="mt-4">
              <ProblemNote error={m.error} />
            </div>
          )}
        </DialogBody>
        <DialogFoot>
          <Button onClick={() => setAsking(undefined)}>Keep it</Button>
          <Button look="danger" busy={m.isPending} onClick={() => asking && m.mutate(asking.id)}>
            Revoke
          </Button>
        </DialogFoot>
      </Dialog>
    </>
  )
}

function Row({ token: t, onRevoke }: { token: ApiToken; onRevoke: () => void }) {
  const left = (Date.parse(t.expiresAt) - useNow()) / 1000
  const over = Boolean(t.revokedAt) || left <= 0
  return (
    <tr className={over ? 'text-ink-3' : ''}>
      <td className={tdClass}>
        <span className="block font-medium untrusted">{t.name}</span>
        <span className="block text-sm text-ink-3">
          made <Ago at={t.createdAt} />
        </span>
      </td>
      <td className={cx(tdClass, 'hidden sm:table-cell')}>
        <Ago at={t.lastUsedAt} />
      </td>
      <td className={tdClass}>
        {t.revokedAt ? (
          <Tag>revoked</Tag>
        ) : left <= 0 ? (
          <Tag>expired</Tag>
        ) : (
          <span title={fullTime(t.expiresAt)} className={cx(left < 7 * 86_400 && 'inline-flex items-center gap-1.5 font-medium text-warn')}>
            {left < 7 * 86_400 && <TriangleAlert aria-hidden className="size-4" />}
            {until(left)}
          </span>
        )}
      </td>
      <td className={cx(tdClass, 'w-px')}>
        {!over && (
          <Button size="sm" look="danger-plain" onClick={onRevoke} aria-label={`Revoke ${t.name}`}>
            Revoke
          </Button>
        )}
      </td>
    </tr>
  )
}

function AddForm({ onMade, onCancel }: { onMade: (t: NewApiToken) => void; onCancel: () => void }) {
  const slug = useSlug()
  const [name, setName] = useState('')
  const [days, setDays] = useState(30)
  const [wrong, setWrong] = useState<string>()
  const [key] = useState(newKey)
  const m = useMutation({
    mutationFn: () => createApiToken(slug, { name: name.trim(), expiresAt: new Date(Date.now() + days * 86_400_000).toISOString() }, key),
    onSuccess: onMade,
  })
  const submit = (e: FormEvent) => {
    e.preventDefault()
    const problem = name.trim() ? undefined : 'Name what it is for, so that you know later what to revoke.'
    setWrong(problem)
    if (!problem && !m.isPending) m.mutate()
  }
  return (
    <form onSubmit={submit} noValidate>
      <DialogBody className="flex flex-col gap-4">
        <Field label="Name" error={wrong} hint="What it is for, such as “laptop kubectl”.">
          {(a) => <Input {...a} value={name} onChange={(e) => setName(e.target.value)} maxLength={80} autoComplete="off" />}
        </Field>
        <Field label="Ends after">
          {(a) => (
            <Select {...a} value={days} onChange={(e) => setDays(Number(e.target.value))} className="w-40">
              {lives.map((d) => (
                <option key={d} value={d}>
                  {d === 365 ? '1 year' : `${d} days`}
                </option>
              ))}
            </Select>
          )}
        </Field>
        {m.error && <ProblemNote error={m.error} />}
      </DialogBody>
      <DialogFoot>
        <Button onClick={onCancel}>Cancel</Button>
        <Button type="submit" look="primary" busy={m.isPending}>
          Make the token
        </Button>
      </DialogFoot>
    </form>
  )
}

function Made({ token, onDone }: { token: NewApiToken; onDone: () => void }) {
  return (
    <>
      <DialogBody className="flex flex-col gap-4">
        <Note tone="warn" icon={<TriangleAlert aria-hidden />} title="It is shown this one time">
          Only its fingerprint is stored. If it is lost, revoke it and make another.
        </Note>
        <Command text={token.token} label="Copy the token" prompt={false} />
        <p className="text-ink-2">
          To use it: <code>kubechat login</code> asks for it, and so does the sign-in page.
        </p>
      </DialogBody>
      <DialogFoot>
        <Button look="primary" onClick={onDone}>
          I have copied it
        </Button>
      </DialogFoot>
    </>
  )
}
