import { useMutation, useQuery } from '@tanstack/react-query'
import { Link, useSearch } from '@tanstack/react-router'
import { CircleCheck, MessageSquareLock, TriangleAlert } from 'lucide-react'
import { useSlug, useTenant } from '@/api/context'
import { confirmSlackLink } from '@/api/mutations'
import { slackCodeQuery } from '@/api/queries'
import type { SlackCode } from '@/api/types'
import { Loaded } from '@/components/Loaded'
import { Page, Panel } from '@/components/Page'
import { ProblemNote } from '@/components/Problem'
import { Empty, Note } from '@/ui/bits'
import { Button, buttonClass } from '@/ui/Button'
import { announce } from '@/util/announce'
import { plainText } from '@/util/format'

/** Where `/kubechat link` leads: the member judges which Slack user will act as them, and says yes or leaves. */
export function SlackLink() {
  const { code } = useSearch({ from: '/t/$tenant/slack/link' })
  return (
    <Page title="Link your Slack user" narrow lead="Then questions that you ask in Slack are asked as you, with your role and groups.">
      {code ? (
        <Asked key={code} code={code} />
      ) : (
        <Empty icon={<MessageSquareLock aria-hidden className="size-5" />} title="This address is not complete">
          Type /kubechat link in Slack, and open what it answers.
        </Empty>
      )}
    </Page>
  )
}

function Asked({ code }: { code: string }) {
  const slug = useSlug()
  const q = useQuery(slackCodeQuery(slug, code))
  const m = useMutation({ mutationFn: () => confirmSlackLink(slug, code), onSuccess: () => announce('Linked.') })
  if (m.isSuccess)
    return (
      <Empty
        icon={<CircleCheck aria-hidden className="size-5" />}
        title="Your Slack user is linked"
        action={
          <Link to="/t/$tenant/chat" params={{ tenant: slug }} className={buttonClass('primary')}>
            Go to chat
          </Link>
        }
      >
        Go back to Slack and ask: /kubechat, and your question. /kubechat unlink ends it.
      </Empty>
    )
  return (
    <Panel title="Is this you?">
      <Loaded query={q} label="Loading who asked" rows={3}>
        {(who) => (
          <div className="flex flex-col gap-5">
            <Who who={who} />
            <Note tone="warn" icon={<TriangleAlert aria-hidden />} title="Only if you asked for this in Slack a moment ago">
              Whoever has this Slack user can then ask and change what you may. If somebody else sent you here, leave this page.
            </Note>
            {m.error && <ProblemNote error={m.error} />}
            <div className="flex flex-wrap gap-2">
              <Button look="decide" busy={m.isPending} onClick={() => m.mutate()}>
                Link this Slack user to me
              </Button>
              <Link to="/t/$tenant/chat" params={{ tenant: slug }} className={buttonClass()}>
                Don’t link
              </Link>
            </div>
          </div>
        )}
      </Loaded>
    </Panel>
  )
}

function Who({ who }: { who: SlackCode }) {
  const { me } = useTenant()
  const rows = [
    ['Slack user', who.userId],
    ['Calls itself', who.name],
    ['Workspace', who.teamId],
    ['Will act as', me.email],
  ].filter(([, value]) => value)
  return (
    <dl className="grid gap-y-2 sm:grid-cols-[8rem_minmax(0,1fr)]">
      {rows.map(([word, value]) => (
        <div key={word} className="contents">
          <dt className="font-medium">{word}</dt>
          <dd className="min-w-0 break-words text-ink-2 untrusted">{plainText(value ?? '')}</dd>
        </div>
      ))}
    </dl>
  )
}
