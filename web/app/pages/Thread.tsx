import { useMutation, useQueries, useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { ArrowDown, ChevronLeft, EllipsisVertical, PencilLine, Trash2 } from 'lucide-react'
import { useCallback, useMemo, useRef, useState } from 'react'
import { useTenant } from '@/api/context'
import { deleteConversation, startRun, stopRun } from '@/api/mutations'
import { clustersQuery, conversationQuery, runQuery } from '@/api/queries'
import type { Cluster, ConversationWithRuns, Run } from '@/api/types'
import { AskingContext } from '@/chat/asking'
import { putRun } from '@/chat/cache'
import { meant } from '@/chat/Clarify'
import { Composer } from '@/chat/Composer'
import { RunEntry } from '@/chat/RunEntry'
import { useStickToEnd } from '@/chat/useStickToEnd'
import { isFinal } from '@/chat/view'
import { ClusterState, stateWord } from '@/components/ClusterState'
import { Loaded } from '@/components/Loaded'
import { PageTitle } from '@/components/Page'
import { ProblemNote } from '@/components/Problem'
import { RenameForm } from '@/forms/RenameForm'
import { Bone } from '@/ui/bits'
import { Button, buttonClass, IconButton } from '@/ui/Button'
import { Dialog, DialogBody, DialogFoot } from '@/ui/Dialog'
import { Menu, MenuItem } from '@/ui/Menu'
import { Ago } from '@/ui/Time'
import { newKey } from '@/util/format'
import { isUp } from '@/util/cluster'

export function Thread() {
  const { tenant, conversation } = useParams({ from: '/t/$tenant/chat/$conversation' })
  const q = useQuery(conversationQuery(tenant, conversation))
  return (
    <div className="flex h-full flex-col" key={conversation}>
      {!q.data && <PageTitle title="Conversation" className="sr-only" />}
      <Loaded query={q} label="Loading the conversation" skeleton={<ThreadBones />}>
        {(c) => <Open conversation={c} />}
      </Loaded>
    </div>
  )
}

const ThreadBones = () => (
  <div role="status" className="mx-auto w-full max-w-4xl px-8 py-10">
    <span className="sr-only">Loading the conversation</span>
    <Bone className="mb-4 h-5 w-1/2" />
    <Bone className="mb-8 h-28 w-full" />
    <Bone className="mb-4 h-5 w-2/5" />
    <Bone className="h-40 w-full" />
  </div>
)

const shownAtFirst = 20

function Open({ conversation }: { conversation: ConversationWithRuns }) {
  const { slug } = useTenant()
  const navigate = useNavigate()
  const clusters = useQuery(clustersQuery(slug)).data ?? noClusters
  const cluster = clusters.find((c) => c.id === conversation.cluster.id)
  const [text, setText] = useState('')
  const runs = conversation.runs
  const { run: wanted } = useSearch({ from: '/t/$tenant/chat/$conversation' })
  const [earlier, setEarlier] = useState(() => {
    const at = runs.findIndex((r) => r.id === wanted)
    return Math.max(shownAtFirst, at < 0 ? 0 : runs.length - at)
  })
  const [removing, setRemoving] = useState(false)
  const [renaming, setRenaming] = useState(false)
  const last = runs.at(-1)
  const lastView = useQuery({ ...runQuery(slug, last?.id ?? ''), enabled: false }).data
  const state = lastView?.state ?? last?.state
  const running = last && state && !isFinal(state) ? last : undefined
  const { ref, inner, away, toEnd, stick } = useStickToEnd(wanted)

  const keyOf = useRef({ text: '', key: '' })
  const ask = useMutation({
    mutationFn: (what: string) => {
      if (keyOf.current.text !== what) keyOf.current = { text: what, key: newKey() } // the same text again is the same run until it was accepted
      return startRun(slug, conversation.id, what, keyOf.current.key)
    },
    onMutate: (what) => {
      setText('')
      return what
    },
    onSuccess: (run) => {
      keyOf.current = { text: '', key: '' }
      putRun(slug, run)
      stick()
    },
    onError: (_e, what) => setText((now) => now || what),
  })
  const stop = useMutation({ mutationFn: (id: string) => stopRun(slug, id) })
  const remove = useMutation({
    mutationFn: () => deleteConversation(slug, conversation.id),
    onSuccess: () => void navigate({ to: '/t/$tenant/chat', params: { tenant: slug } }),
  })
  const { mutate: send } = ask
  const sendText = useCallback((what: string) => send(what), [send])
  const fill = useCallback((what: string) => {
    setText(what)
    document.getElementById('ask')?.focus()
  }, [])
  const undoable = useUndoable(slug, runs)
  const asking = useMemo(() => ({ ask: sendText, fill, undoable }), [sendText, fill, undoable])
  const question = lastView?.blocks.findLast((b) => b.kind === 'clarify')
  const where = lastView?.scope ? (lastView.scope.allNamespaces ? 'all namespaces' : lastView.scope.namespace) : conversation.namespace
  const title = conversation.title || runs[0]?.text || 'New conversation'
  const hidden = Math.max(0, runs.length - earlier)

  return (
    <>
      <header className="flex h-13 shrink-0 items-center gap-2 border-b border-line bg-surface pr-2.5 pl-2 sm:pl-6">
        <Link to="/t/$tenant/chat" params={{ tenant: slug }} aria-label="All conversations" className={`${buttonClass('ghost', 'sm', true)} md:hidden`}>
          <ChevronLeft aria-hidden className="size-5" />
        </Link>
        <PageTitle title={title} className="min-w-0 flex-1 truncate text-md font-semibold untrusted" />
        <Link
          to="/t/$tenant/clusters/$cluster"
          params={{ tenant: slug, cluster: conversation.cluster.id }}
          className="inline-flex max-w-[45%] min-w-0 items-center gap-2 rounded-md border border-line bg-paper px-2.5 py-1 text-sm hover:border-sea-line"
        >
          {cluster && <ClusterState cluster={cluster} brief />}
          <span className="truncate font-medium untrusted">{conversation.cluster.name}</span>
          <span className="sr-only">, the cluster of this conversation</span>
        </Link>
        <Menu
          align="end"
          trigger={
            <IconButton label="More" size="sm">
              <EllipsisVertical aria-hidden className="size-4" />
            </IconButton>
          }
        >
          <MenuItem icon={<PencilLine aria-hidden className="size-4" />} onSelect={() => setRenaming(true)}>
            Rename
          </MenuItem>
          <MenuItem danger icon={<Trash2 aria-hidden className="size-4" />} onSelect={() => setRemoving(true)}>
            Delete the conversation
          </MenuItem>
        </Menu>
      </header>
      <div className="relative min-h-0 flex-1">
        <div ref={ref} className="h-full overflow-y-auto">
          <div ref={inner} className="mx-auto w-full max-w-4xl px-3 pt-5 pb-6 sm:px-6">
            {runs.length === 0 && <p className="py-10 text-center text-ink-3">Nothing was asked yet.</p>}
            {hidden > 0 && (
              <div className="mb-4 flex justify-center">
                <Button size="sm" onClick={() => setEarlier(earlier + shownAtFirst)}>
                  Show {Math.min(hidden, shownAtFirst)} earlier questions
                </Button>
              </div>
            )}
            <AskingContext value={asking}>
              <ol className="flex flex-col gap-7">
                {runs.slice(hidden).map((run) => (
                  <li key={run.id} id={`run-${run.id}`}>
                    <RunEntry run={run} clusters={clusters} home={conversation.cluster.name} latest={run.id === last?.id} />
                  </li>
                ))}
              </ol>
            </AskingContext>
            {ask.error && (
              <div className="mt-6">
                <ProblemNote
                  error={ask.error}
                  action={
                    <Button size="sm" onClick={() => ask.variables && ask.mutate(ask.variables)}>
                      Ask again
                    </Button>
                  }
                />
              </div>
            )}
            {stop.error && (
              <div className="mt-6">
                <ProblemNote error={stop.error} />
              </div>
            )}
          </div>
        </div>
        {away && state !== 'awaiting_approval' && (
          <Button size="sm" onClick={toEnd} icon={<ArrowDown aria-hidden className="size-4" />} className="absolute bottom-2 left-1/2 -translate-x-1/2 shadow-pop!">
            Latest
          </Button>
        )}
      </div>
      <Composer
        draftKey={conversation.id}
        text={text}
        onText={setText}
        onSend={(what) => sendText(meant(what, question?.choices))}
        busy={ask.isPending}
        previous={last?.text}
        onStop={running && state !== 'awaiting_approval' ? () => stop.mutate(running.id) : undefined}
        stopping={stop.isPending}
        chip={
          <span className="flex min-w-0 items-center gap-1.5">
            {cluster ? <ClusterState cluster={cluster} brief /> : null}
            <span className="truncate font-medium text-ink untrusted">{conversation.cluster.name}</span>
            {where && <span className="truncate untrusted">/ {where}</span>}
            {cluster && !isUp(cluster.state) && (
              <span className="truncate text-bad">
                {stateWord[cluster.state].toLowerCase()}
                {cluster.lastSeen && cluster.state === 'offline' && (
                  <>
                    , last seen <Ago at={cluster.lastSeen} />
                  </>
                )}
              </span>
            )}
          </span>
        }
      />
      <Dialog open={renaming} onClose={() => setRenaming(false)} title="Rename this conversation">
        <RenameForm id={conversation.id} title={title} onDone={() => setRenaming(false)} />
      </Dialog>
      <Dialog open={removing} onClose={() => setRemoving(false)} title="Delete this conversation?">
        <DialogBody>
          <p>Its questions and answers go for good. What was done to the cluster stays in the audit log.</p>
          {remove.error && (
            <div className="mt-4">
              <ProblemNote error={remove.error} />
            </div>
          )}
        </DialogBody>
        <DialogFoot>
          <Button onClick={() => setRemoving(false)}>Keep it</Button>
          <Button look="danger" busy={remove.isPending} onClick={() => remove.mutate()}>
            Delete
          </Button>
        </DialogFoot>
      </Dialog>
    </>
  )
}

const noClusters: Cluster[] = []

/** The newest run whose change can be taken back. */
const useUndoable = (slug: string, runs: Run[]): string | undefined =>
  useQueries({
    queries: runs.slice(-shownAtFirst).map((r) => ({ ...runQuery(slug, r.id), enabled: false })),
    combine: (all) => all.findLast((q) => q.data?.blocks.some((b) => b.kind === 'plan' && b.undo?.available))?.data?.id,
  })
