import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { BrainCircuit, Hash, KeyRound, MessageSquareText, Plus, Radar, ScrollText, Search, Ship, SunMoon, Users } from 'lucide-react'
import { useId, useState, type KeyboardEvent, type ReactNode } from 'react'
import { useAdmin, useMay, useTenant } from '@/api/context'
import { clustersQuery, conversationsQuery } from '@/api/queries'
import { Dialog } from '@/ui/Dialog'
import { cx } from '@/util/cx'
import { setTheme, theme } from '@/util/theme'
import { stateWord } from './ClusterState'

interface Entry {
  id: string
  group: string
  text: string
  about?: string
  icon: ReactNode
  run: () => void
}

/** Goes to any page, cluster or conversation by a few letters of its name. */
export function Palette({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Dialog open={open} onClose={onClose} title="Go to anything" hideTitle shape="palette">
      {open && <PaletteBody onClose={onClose} />}
    </Dialog>
  )
}

function PaletteBody({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState('')
  const [at, setAt] = useState(0)
  const listId = useId()
  const found = match(useEntries(), text).slice(0, 12)
  const current = Math.min(at, found.length - 1)
  const choose = (e: Entry | undefined) => {
    if (!e) return
    onClose()
    e.run()
  }
  const key = (e: KeyboardEvent) => {
    if (e.key === 'ArrowDown' || e.key === 'ArrowUp') {
      e.preventDefault()
      const step = e.key === 'ArrowDown' ? 1 : -1
      setAt((current + step + found.length) % Math.max(1, found.length))
    } else if (e.key === 'Enter' && !e.nativeEvent.isComposing) {
      e.preventDefault()
      choose(found[current])
    }
  }
  return (
    <>
      <div className="flex items-center gap-2.5 border-b border-line px-4">
        <Search aria-hidden className="size-4.5 shrink-0 text-ink-3" />
        <input
          // oxlint-disable-next-line no-autofocus -- a dialog's first control takes the focus; this one is for typing at once
          autoFocus
          role="combobox"
          aria-expanded
          aria-controls={listId}
          aria-activedescendant={found[current] ? `${listId}-${current}` : undefined}
          aria-label="Go to a page, cluster or conversation"
          placeholder="Go to a page, cluster or conversation"
          value={text}
          onChange={(e) => {
            setText(e.target.value)
            setAt(0)
          }}
          onKeyDown={key}
          className="h-12 w-full bg-transparent text-md outline-none"
        />
      </div>
      <div id={listId} role="listbox" aria-label="Found" className="max-h-[min(24rem,60vh)] overflow-y-auto p-1.5">
        {found.length === 0 && <p className="px-3 py-6 text-center text-ink-3">Nothing has “{text}” in its name.</p>}
        {found.map((e, i) => (
          // oxlint-disable-next-line click-events-have-key-events -- the combobox above has the keys, as its role says
          <div
            key={e.id}
            id={`${listId}-${i}`}
            role="option"
            tabIndex={-1}
            aria-selected={i === current}
            onClick={() => choose(e)}
            onMouseMove={() => setAt(i)}
            className={cx('flex min-h-9 items-center gap-3 rounded-md px-2.5 py-1', i === current && 'bg-sea-soft text-sea-ink')}
          >
            <span className="text-ink-3">{e.icon}</span>
            <span className="min-w-0 flex-1 truncate untrusted">{e.text}</span>
            <span className="shrink-0 text-sm text-ink-3">{e.about ?? e.group}</span>
          </div>
        ))}
      </div>
    </>
  )
}

function useEntries(): Entry[] {
  const { slug } = useTenant()
  const navigate = useNavigate()
  const manage = useMay('clusters.manage').may
  const seesMembers = useMay('members.read').may
  const admin = useAdmin().may
  const seesFleet = useMay('fleet.read').may
  const clusters = useQuery(clustersQuery(slug)).data ?? []
  const threads = useQuery(conversationsQuery(slug)).data ?? []
  const size = 'size-4.5'
  const page = (id: string, text: string, icon: ReactNode, run: () => void): Entry => ({ id, group: 'Page', text, icon, run })
  const params = { tenant: slug }
  return [
    page('ask', 'Ask something new', <Plus aria-hidden className={size} />, () => void navigate({ to: '/t/$tenant/chat', params })),
    page('clusters', 'Clusters', <Ship aria-hidden className={size} />, () => void navigate({ to: '/t/$tenant/clusters', params })),
    ...(seesFleet ? [page('fleet', 'Fleet', <Radar aria-hidden className={size} />, () => void navigate({ to: '/t/$tenant/fleet', params }))] : []),
    page('audit', 'Audit', <ScrollText aria-hidden className={size} />, () => void navigate({ to: '/t/$tenant/audit', params })),
    ...(seesMembers ? [page('members', 'Members', <Users aria-hidden className={size} />, () => void navigate({ to: '/t/$tenant/members', params }))] : []),
    page('tokens', 'API tokens', <KeyRound aria-hidden className={size} />, () => void navigate({ to: '/t/$tenant/tokens', params })),
    ...(admin ? [page('model', 'Model', <BrainCircuit aria-hidden className={size} />, () => void navigate({ to: '/t/$tenant/settings/model', params }))] : []),
    ...(admin ? [page('slack', 'Slack', <Hash aria-hidden className={size} />, () => void navigate({ to: '/t/$tenant/settings/slack', params }))] : []),
    ...(manage ? [page('add', 'Add a cluster', <Plus aria-hidden className={size} />, () => void navigate({ to: '/t/$tenant/clusters/new', params }))] : []),
    page('theme', 'Change between light and dark', <SunMoon aria-hidden className={size} />, () => {
      const dark = theme.get() === 'dark' || (theme.get() === 'system' && matchMedia('(prefers-color-scheme: dark)').matches)
      setTheme(dark ? 'light' : 'dark')
    }),
    ...clusters.map((c) => ({
      id: c.id,
      group: 'Cluster',
      text: c.name,
      about: `Cluster · ${stateWord[c.state]}`,
      icon: <Ship aria-hidden className={size} />,
      run: () => void navigate({ to: '/t/$tenant/clusters/$cluster', params: { ...params, cluster: c.id } }),
    })),
    ...threads.map((c) => ({
      id: c.id,
      group: 'Conversation',
      text: c.title || 'New conversation',
      about: c.cluster.name,
      icon: <MessageSquareText aria-hidden className={size} />,
      run: () => void navigate({ to: '/t/$tenant/chat/$conversation', params: { ...params, conversation: c.id } }),
    })),
  ]
}

/** Entries that have every typed word, those that begin with it first. */
function match(entries: Entry[], text: string): Entry[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  const hit = (e: Entry) => words.every((w) => `${e.text} ${e.group}`.toLowerCase().includes(w))
  const rank = (e: Entry) => (words[0] && e.text.toLowerCase().startsWith(words[0]) ? 0 : 1)
  return entries.filter(hit).toSorted((a, b) => rank(a) - rank(b))
}
