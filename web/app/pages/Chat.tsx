import { useQuery } from '@tanstack/react-query'
import { Link, Outlet } from '@tanstack/react-router'
import { SquarePen } from 'lucide-react'
import { useMemo } from 'react'
import { useSlug } from '@/api/context'
import { conversationsQuery } from '@/api/queries'
import type { Conversation } from '@/api/types'
import { Loaded } from '@/components/Loaded'
import { Bone } from '@/ui/bits'
import { buttonClass } from '@/ui/Button'
import { useNow } from '@/ui/Time'
import { dateName } from '@/util/format'

/** The conversations beside the one that is open. On a narrow screen they are listed where a new one starts. */
export function Chat() {
  const slug = useSlug()
  const q = useQuery(conversationsQuery(slug))
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
            {(items) => <ConversationList items={items} />}
          </Loaded>
        </div>
      </aside>
      <div className="min-w-0 flex-1">
        <Outlet />
      </div>
    </div>
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
