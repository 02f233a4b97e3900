import { useMutation, useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { Check, ChevronDown, MessageCircleQuestion, Ship } from 'lucide-react'
import { useState } from 'react'
import { useMay, useTenant } from '@/api/context'
import { startConversation, startRun } from '@/api/mutations'
import { clustersQuery, conversationsQuery, conversationQuery, queryClient } from '@/api/queries'
import type { Cluster } from '@/api/types'
import { Composer } from '@/chat/Composer'
import { putRun } from '@/chat/cache'
import { ClusterState, StateIcon, stateWord } from '@/components/ClusterState'
import { Loaded } from '@/components/Loaded'
import { PageTitle } from '@/components/Page'
import { ProblemNote } from '@/components/Problem'
import { Empty } from '@/ui/bits'
import { Button, buttonClass } from '@/ui/Button'
import { Menu, MenuItem, MenuLabel, MenuLine } from '@/ui/Menu'
import { newKey } from '@/util/format'
import { lastCluster, rememberCluster } from '@/util/last'
import { ConversationList, Finder, Found } from './Chat'
import { isUp } from '@/util/cluster'

const questions = ['Which pods are not healthy?', 'What is running in kube-system?', 'Show recent warnings', 'How full are the nodes?']
const demoQuestions = ['What is running in shop?', 'Why is payments failing?', 'Scale checkout to 3', 'Which pods are not healthy?']

/** Starts a conversation: choose the cluster, then ask. */
export function NewThread() {
  const tenant = useTenant()
  const clusters = useQuery(clustersQuery(tenant.slug))
  return (
    <div className="flex h-full flex-col">
      <Loaded query={clusters} label="Loading clusters" skeleton={<span />}>
        {(items) => <Start clusters={items.filter((c) => c.state !== 'revoked')} />}
      </Loaded>
    </div>
  )
}

function Start({ clusters }: { clusters: Cluster[] }) {
  const tenant = useTenant()
  const manage = useMay('clusters.manage')
  const navigate = useNavigate()
  const search = useSearch({ from: '/t/$tenant/chat/' })
  const wanted = search.cluster ?? lastCluster(tenant.slug)
  const cluster = clusters.find((c) => c.id === wanted) ?? clusters.find((c) => isUp(c.state)) ?? clusters[0]
  const threads = useQuery(conversationsQuery(tenant.slug, search.find))
  const [text, setText] = useState('')
  const [keys] = useState(() => ({ conversation: newKey(), run: newKey() }))
  const m = useMutation({
    mutationFn: async ({ to, ask }: { to: Cluster; ask: string }) => {
      const c = await startConversation(tenant.slug, to.id, `${keys.conversation}-${to.id}`)
      return { conversation: c, run: await startRun(tenant.slug, c.id, ask, keys.run) }
    },
    onSuccess: async ({ conversation, run }) => {
      rememberCluster(tenant.slug, conversation.cluster.id)
      queryClient.setQueryData(conversationQuery(tenant.slug, conversation.id).queryKey, { ...conversation, runs: [] })
      putRun(tenant.slug, run)
      await navigate({ to: '/t/$tenant/chat/$conversation', params: { tenant: tenant.slug, conversation: conversation.id } })
    },
  })
  if (!cluster) {
    return (
      <div className="m-auto">
        <PageTitle title="Chat" className="sr-only" />
        <Empty
          icon={<Ship aria-hidden className="size-5" />}
          title="Connect a cluster to start asking"
          action={
            manage.may ? (
              <Link to="/t/$tenant/clusters/new" params={{ tenant: tenant.slug }} className={buttonClass('primary')}>
                Add a cluster
              </Link>
            ) : (
              <Button disabledReason={manage.reason}>Add a cluster</Button>
            )
          }
        >
          One Helm install in the cluster, and no port to open: its agent dials out. Then ask in plain words what runs there.
        </Empty>
      </div>
    )
  }
  const pick = (c: Cluster) => {
    rememberCluster(tenant.slug, c.id)
    void navigate({ to: '/t/$tenant/chat', params: { tenant: tenant.slug }, search: { cluster: c.id }, replace: true })
  }
  const recent = threads.data ?? []
  return (
    <>
      <div className="min-h-0 flex-1 overflow-y-auto">
        <div className="mx-auto flex min-h-full w-full max-w-3xl flex-col justify-center px-4 py-8 sm:px-8">
          <PageTitle title="New conversation" className="text-2xl font-semibold text-balance">
            What do you want to know?
          </PageTitle>
          <p className="mt-1.5 max-w-xl text-ink-2 text-pretty">Reading is answered at once. What would change something is shown first, with its exact command, and waits for your approval.</p>
          <div className="mt-6">
            <p className="mb-1.5 text-sm font-semibold">Cluster</p>
            <ClusterPicker clusters={clusters} value={cluster} onPick={pick} />
            {!isUp(cluster.state) && (
              <p className="mt-2 text-sm text-ink-2">
                {cluster.state === 'pending' ? 'Its agent has not joined yet, so questions can’t be answered until it does. ' : 'It is not connected now, so questions will fail until it is back. '}
                <Link to="/t/$tenant/clusters/$cluster" params={{ tenant: tenant.slug, cluster: cluster.id }} className="font-medium text-sea underline underline-offset-2">
                  See why
                </Link>
              </p>
            )}
          </div>
          <div className="mt-6">
            <p className="mb-1.5 text-sm font-semibold">Start with</p>
            <ul className="grid gap-2 sm:grid-cols-2">
              {(tenant.demo ? demoQuestions : questions).map((q) => (
                <li key={q}>
                  <button
                    type="button"
                    onClick={() => {
                      setText(q)
                      document.getElementById('ask')?.focus()
                    }}
                    className="flex h-full min-h-10 w-full items-center gap-2.5 rounded-md border border-line bg-surface px-3 py-1.5 text-left hover:border-sea-line hover:bg-sea-soft"
                  >
                    <MessageCircleQuestion aria-hidden className="size-4 shrink-0 text-sea" />
                    {q}
                  </button>
                </li>
              ))}
            </ul>
          </div>
          {m.error && (
            <div className="mt-6">
              <ProblemNote error={m.error} />
            </div>
          )}
          {(recent.length > 0 || search.find) && (
            <section aria-labelledby="recent" className="-mx-4 mt-8 border-t border-line pt-5 md:hidden">
              <h2 id="recent" className="px-4 text-md font-semibold">
                Recent conversations
              </h2>
              <Finder />
              {search.find && threads.data ? <Found items={recent} find={search.find} /> : <ConversationList items={recent} />}
            </section>
          )}
        </div>
      </div>
      <Composer
        draftKey={`new.${tenant.slug}`}
        text={text}
        onText={setText}
        busy={m.isPending}
        onSend={(ask) => m.mutate({ to: cluster, ask })}
        chip={
          <span className="inline-flex min-w-0 items-center gap-1.5">
            <ClusterState cluster={cluster} brief />
            <span className="truncate font-medium untrusted">{cluster.name}</span>
          </span>
        }
      />
    </>
  )
}

function ClusterPicker({ clusters, value, onPick }: { clusters: Cluster[]; value: Cluster; onPick: (c: Cluster) => void }) {
  const tenant = useTenant()
  const manage = useMay('clusters.manage').may
  const navigate = useNavigate()
  return (
    <Menu
      trigger={
        <button
          type="button"
          className="flex h-11 w-full max-w-md items-center gap-3 rounded-md border border-edge bg-surface px-3 text-left shadow-low hover:border-ink-3"
        >
          <StateIcon cluster={value} />
          <span className="min-w-0 flex-1 truncate font-semibold untrusted">{value.name}</span>
          <span className="text-sm text-ink-3">{stateWord[value.state]}</span>
          <span className="sr-only">, change the cluster</span>
          <ChevronDown aria-hidden className="size-4 text-ink-3" />
        </button>
      }
    >
      <MenuLabel>A conversation stays with its cluster</MenuLabel>
      {clusters.map((c) => (
        <MenuItem key={c.id} icon={<StateIcon cluster={c} />} onSelect={() => onPick(c)}>
          <span className="flex items-center gap-6">
            <span className="min-w-0 flex-1 truncate untrusted">{c.name}</span>
            <span className="text-sm text-ink-3">{stateWord[c.state]}</span>
            <Check aria-hidden className={c.id === value.id ? 'size-4 text-sea' : 'invisible size-4'} />
          </span>
        </MenuItem>
      ))}
      {manage && (
        <>
          <MenuLine />
          <MenuItem icon={<Ship aria-hidden className="size-4" />} onSelect={() => void navigate({ to: '/t/$tenant/clusters/new', params: { tenant: tenant.slug } })}>
            Add a cluster
          </MenuItem>
        </>
      )}
    </Menu>
  )
}
