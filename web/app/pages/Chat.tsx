import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { Link, Outlet, useNavigate, useSearch } from '@tanstack/react-router'
import { Search, SquarePen } from 'lucide-react'
import { useEffect, useMemo, useState } from 'react'
import { useSlug } from '@/api/context'
import { conversationsQuery } from '@/api/queries'
import type { Conversation } from '@/api/types'
import { Loaded } from '@/components/Loaded'
import { Bone } from '@/ui/bits'
import { Button, buttonClass } from '@/ui/Button'
import { useNow } from '@/ui/Time'
import { dateName } from '@/util/format'

/** The conversations beside the one that is open. On a narrow screen they are listed where a new one starts. */
export function Chat() {
  const slug = useSlug()
  const { find } = useSearch({ from: '/t/$tenant/chat' })
  const q = useQuery({ ...conversationsQuery(slug, find), ...(find ? { placeholderData: keepPreviousData } : {}) })
  return (
    <div className="flex h-full">
      <aside aria-label="Conversations" className="hidden w-52 shrink-0 flex-col border-r border-line bg-sunken md:flex lg:w-64">
        <div className="flex h-13 shrink-0 items-center justify-between gap-2 border-b border-line pr-2.5 pl-4">
          <h2 className="text-md font-semibold">Conversations</h2>
          <Link to="/t/$tenant/chat" params={{ tenant: slug }} className={buttonClass('ghost', 'sm')} activeOptions={{ exact: true }} activeProps={{ className: 'bg-sea-soft text-sea-ink!' }}>
            <SquarePen aria-hidden className="size-4" />
            New
          </Link>
        </div>
        <Finder />
        <div className="min-h-0 flex-1 overflow-y-auto scroll-thin">
          <Loaded
            query={q}
            label="Loading conversations"
            skeleton={
              <div role="status" className="flex flex-col gap-5 p-4">
                <span className="sr-only">Loading conversations</span>
                {[0, 1, 2, 3].map((i) => (
                  <span key={i} className="flex flex-col gap-2">
                    <Bone className="h-3.5 w-4/5" />
                    <Bone className="h-3 w-2/5" />
                  </span>
                ))}
              </div>
            }
          >
            {(items) => (find && !q.isPlaceholderData ? <Found items={items} find={find} /> : <ConversationList items={items} />)}
          </Loaded>
        </div>
      </aside>
      <div className="min-w-0 flex-1">
        <Outlet />
      </div>
    </div>
  )
}

/** Narrows the conversations to those that have some words; the words are in the address. */
export function Finder() {
  const navigate = useNavigate()
  const { find = '' } = useSearch({ from: '/t/$tenant/chat' })
  const [text, setText] = useState(find)
  const [last, setLast] = useState(find)
  if (last !== find) {
    setLast(find)
    setText(find) // changed from elsewhere: the way back, or a link
  }
  const wanted = text.trim()
  useEffect(() => {
    if (wanted === find) return
    const timer = setTimeout(() => void navigate({ to: '.', search: (old) => ({ ...old, find: wanted || undefined }), replace: true }), 200)
    return () => clearTimeout(timer)
  }, [wanted, find, navigate])
  return (
    <div role="search" className="relative border-b border-line px-2.5 py-2">
      <Search aria-hidden className="pointer-events-none absolute top-1/2 left-5 size-4 -translate-y-1/2 text-ink-3" />
      <input
        data-find=""
        type="search"
        aria-label="Search conversations"
        placeholder="Search what was asked"
        value={text}
        onChange={(e) => setText(e.target.value)}
        className="h-8 w-full rounded-md border border-line-2 bg-surface pr-2 pl-8 text-sm hover:border-edge"
      />
    </div>
  )
}

export function Found({ items, find }: { items: Conversation[]; find: string }) {
  const navigate = useNavigate()
  const all = (
    <Button size="sm" onClick={() => void navigate({ to: '.', search: (old) => ({ ...old, find: undefined }), replace: true })}>
      Show all
    </Button>
  )
  if (items.length === 0) {
    return (
      <div role="status" className="flex flex-col items-start gap-3 px-4 py-5 text-sm text-ink-2">
        <p className="untrusted">No conversation has “{find}” in its name or its questions.</p>
        {all}
      </div>
    )
  }
  return (
    <>
      <p role="status" className="flex items-center justify-between gap-2 px-4 pt-2.5 text-sm text-ink-2">
        {items.length} found {all}
      </p>
      <ConversationList items={items} />
    </>
  )
}

/** Conversations under the day of their last use, newest first. */
export function ConversationList({ items }: { items: Conversation[] }) {
  const slug = useSlug()
  const minute = Math.floor(useNow() / 60_000)
  const days = useMemo(() => {
    const now = new Date(minute * 60_000)
    const out: { day: string; items: Conversation[] }[] = []
    for (const c of items.toSorted((a, b) => b.updatedAt.localeCompare(a.updatedAt))) {
      const day = dateName(c.updatedAt, now)
      const last = out.at(-1)
      if (last?.day === day) last.items.push(c)
      else out.push({ day, items: [c] })
    }
    return out
  }, [items, minute])
  if (items.length === 0) return <p className="px-4 py-5 text-sm text-ink-3">No conversations yet. Your first question starts one.</p>
  return (
    <div className="flex flex-col gap-3 py-3">
      {days.map(({ day, items: list }) => (
        <section key={day}>
          <h3 className="label-caps px-4 pb-1 text-ink-3">{day}</h3>
          <ul className="px-2">
            {list.map((c) => (
              <li key={c.id}>
                <Link
                  to="/t/$tenant/chat/$conversation"
                  params={{ tenant: slug, conversation: c.id }}
                  search={({ find }: { find?: string }) => (find ? { find } : {})}
                  activeOptions={{ includeSearch: false }}
                  className="block rounded-md px-2 py-1.5 hover:bg-line/60 focus-visible:-outline-offset-1"
                  activeProps={{ className: 'bg-surface! shadow-low outline-1 outline-line' }}
                >
                  <span className="block truncate untrusted font-medium">{c.title || 'New conversation'}</span>
                  <span className="block truncate text-sm text-ink-3 untrusted">
                    {c.cluster.name}
                    {c.namespace ? ` · ${c.namespace}` : ''}
                  </span>
                </Link>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </div>
  )
}
