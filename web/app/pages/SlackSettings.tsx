import { useMutation, useQuery } from '@tanstack/react-query'
import { Hash, TriangleAlert } from 'lucide-react'
import { useState, type FormEvent } from 'react'
import { useAdmin, useSlug } from '@/api/context'
import { disconnectSlack, endSlackLink, saveSlack } from '@/api/mutations'
import { slackLinksQuery, slackQuery } from '@/api/queries'
import type { SlackLink, SlackWorkspace } from '@/api/types'
import { Loaded } from '@/components/Loaded'
import { Page, Panel, tableClass, tdClass, thClass } from '@/components/Page'
import { ProblemNote } from '@/components/Problem'
import { Empty, Note } from '@/ui/bits'
import { Button } from '@/ui/Button'
import { Command } from '@/ui/Code'
import { Dialog, DialogBody, DialogFoot } from '@/ui/Dialog'
import { Field, Input } from '@/ui/Field'
import { Ago } from '@/ui/Time'
import { announce } from '@/util/announce'
import { plainText } from '@/util/format'

/** The organisation's Slack workspace, and which Slack user acts as whom. */
export function SlackSettings() {
  const admin = useAdmin()
  return (
    <Page title="Slack" narrow lead="Members who link their Slack user ask there as themselves: /kubechat, and the question.">
      {admin.may ? (
        <Settings />
      ) : (
        <Empty icon={<Hash aria-hidden className="size-5" />} title="The workspace is for admins">
          {admin.reason}
        </Empty>
      )}
    </Page>
  )
}

function Settings() {
  const slug = useSlug()
  const q = useQuery(slackQuery(slug))
  return (
    <div className="flex flex-col gap-5">
      <Note tone="warn" icon={<TriangleAlert aria-hidden />} title="Slack, and who administers its app, can act as every linked member">
        Whoever has the signing secret can ask and approve in Slack as they could. Connect a workspace that you trust with that.
      </Note>
      <Panel title="Workspace" lead={q.data && <Saved w={q.data} />}>
        <Loaded query={q} label="Loading the workspace" rows={3}>
          {(w) => <WorkspaceForm key={w.updatedAt ?? ''} w={w} />}
        </Loaded>
      </Panel>
      {q.data?.connected && <Links />}
    </div>
  )
}

const Saved = ({ w }: { w: SlackWorkspace }) =>
  w.connected && w.updatedAt ? (
    <>
      Connected; last changed <Ago at={w.updatedAt} />
    </>
  ) : (
    'None is connected.'
  )

function WorkspaceForm({ w }: { w: SlackWorkspace }) {
  const slug = useSlug()
  const [teamId, setTeam] = useState(w.teamId)
  const [secret, setSecret] = useState('')
  const [leaving, setLeaving] = useState(false)
  const save = useMutation({
    mutationFn: () => saveSlack(slug, { teamId: teamId.trim(), name: w.name, ...(secret ? { signingSecret: secret.trim() } : {}) }),
    onSuccess: () => announce('Saved.'),
  })
  const leave = useMutation({ mutationFn: () => disconnectSlack(slug), onSuccess: () => setLeaving(false) })
  const submit = (e: FormEvent) => {
    e.preventDefault()
    if (!save.isPending) save.mutate()
  }
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      <div>
        <p className="mb-1 text-sm font-semibold">Request URLs of the Slack app: its command /kubechat, and interactivity</p>
        <div className="flex flex-col gap-2">
          <Command text={`${location.origin}/slack/commands`} prompt={false} label="Copy the command’s URL" />
          <Command text={`${location.origin}/slack/interactions`} prompt={false} label="Copy the interactivity’s URL" />
        </div>
      </div>
      <Field label="Workspace id" hint="T and capital letters and digits, as in the workspace’s address.">
        {(a) => <Input {...a} value={teamId} onChange={(e) => setTeam(e.target.value)} autoComplete="off" spellCheck={false} />}
      </Field>
      <Field label="Signing secret" hint={w.connected ? 'One is stored, encrypted. Leave this empty to keep it.' : 'From the Slack app’s Basic Information. It is stored encrypted and never shown.'}>
        {(a) => <Input {...a} type="password" value={secret} onChange={(e) => setSecret(e.target.value)} autoComplete="off" />}
      </Field>
      {save.error && <ProblemNote error={save.error} />}
      <div className="flex flex-wrap gap-2">
        <Button type="submit" look="primary" busy={save.isPending}>
          {w.connected ? 'Save' : 'Connect'}
        </Button>
        {w.connected && (
          <Button look="danger-plain" onClick={() => setLeaving(true)}>
            Disconnect
          </Button>
        )}
      </div>
      <Dialog open={leaving} onClose={() => setLeaving(false)} title="Disconnect the workspace?">
        <DialogBody>
          <p>All links end at once, and the secret is forgotten. What was asked stays in the conversations and in the audit.</p>
          {leave.error && <ProblemNote error={leave.error} />}
        </DialogBody>
        <DialogFoot>
          <Button onClick={() => setLeaving(false)}>Keep it</Button>
          <Button look="danger" busy={leave.isPending} onClick={() => leave.mutate()}>
            Disconnect
          </Button>
        </DialogFoot>
      </Dialog>
    </form>
  )
}

function Links() {
  const slug = useSlug()
  const q = useQuery(slackLinksQuery(slug))
  const m = useMutation({ mutationFn: (id: string) => endSlackLink(slug, id), onSuccess: () => announce('The link has ended.') })
  return (
    <Panel title="Linked members" flush>
      <Loaded query={q} label="Loading the links" rows={3}>
        {(items) =>
          items.length === 0 ? (
            <p className="p-4 text-ink-2">Nobody yet. Members type /kubechat link in Slack.</p>
          ) : (
            <table className={tableClass}>
              <thead>
                <tr>
                  {['Member', 'Slack user'].map((h) => (
                    <th key={h} scope="col" className={thClass}>
                      {h}
                    </th>
                  ))}
                  <th scope="col" className={thClass}>
                    <span className="sr-only">End</span>
                  </th>
                </tr>
              </thead>
              <tbody className="[&>tr:last-child>td]:border-b-0">
                {items.map((l) => (
                  <LinkRow key={l.id} link={l} busy={m.isPending && m.variables === l.id} onEnd={() => m.mutate(l.id)} />
                ))}
              </tbody>
            </table>
          )
        }
      </Loaded>
      {m.error && (
        <div className="p-4">
          <ProblemNote error={m.error} />
        </div>
      )}
    </Panel>
  )
}

const LinkRow = ({ link: l, busy, onEnd }: { link: SlackLink; busy: boolean; onEnd: () => void }) => (
  <tr>
    <td className={tdClass}>
      <span className="block font-medium untrusted">{l.email}</span>
      <span className="block text-sm text-ink-3">
        linked <Ago at={l.createdAt} />
      </span>
    </td>
    <td className={tdClass}>
      <span className="block untrusted">{l.userId}</span>
      <span className="block text-sm text-ink-3 untrusted">{plainText(l.name)}</span>
    </td>
    <td className={`${tdClass} text-right`}>
      <Button size="sm" look="danger-plain" busy={busy} onClick={onEnd} aria-label={`End the link of ${l.email}`}>
        End
      </Button>
    </td>
  </tr>
)
