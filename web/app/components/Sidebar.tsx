import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { BrainCircuit, ChevronsUpDown, Hash, KeyRound, Keyboard, LogOut, MessageSquareText, Monitor, Moon, Plus, Radar, ScrollText, Ship, Sun, SunMoon, Users } from 'lucide-react'
import type { ReactNode } from 'react'
import { useAdmin, useMay, useTenant } from '@/api/context'
import { live } from '@/api/live'
import { signOut } from '@/api/mutations'
import { clustersQuery, queryClient, sessionQuery } from '@/api/queries'
import { Mark } from '@/ui/bits'
import { Menu, MenuChoice, MenuItem, MenuLabel, MenuLine } from '@/ui/Menu'
import { cx } from '@/util/cx'
import { useStore } from '@/util/store'
import { setTheme, theme, type Theme } from '@/util/theme'
import { roleWord } from './ClusterState'
import { showKeys } from './Keys'

const row =
  'flex h-8.5 items-center gap-2.5 rounded-md px-2.5 text-base text-deep-ink-2 hover:bg-deep-2 hover:text-deep-ink focus-visible:outline-deep-ink focus-visible:-outline-offset-1'

function NavLink({ to, icon, children, badge }: { to: '/t/$tenant/chat' | '/t/$tenant/clusters' | '/t/$tenant/fleet' | '/t/$tenant/audit' | '/t/$tenant/members' | '/t/$tenant/tokens' | '/t/$tenant/settings/model' | '/t/$tenant/settings/slack'; icon: ReactNode; children: ReactNode; badge?: ReactNode }) {
  const { slug } = useTenant()
  return (
    <li>
      <Link
        to={to}
        params={{ tenant: slug }}
        className={row}
        activeProps={{ className: 'bg-deep-2 text-deep-ink! font-semibold' }}
        activeOptions={{ includeSearch: false }}
      >
        {icon}
        <span className="min-w-0 flex-1 truncate">{children}</span>
        {badge}
      </Link>
    </li>
  )
}

/** Where to go, which organisation this is, and who is signed in. */
export function Sidebar({ inDialog }: { inDialog?: boolean }) {
  const tenant = useTenant()
  const members = useMay('members.read')
  const fleet = useMay('fleet.read')
  const admin = useAdmin()
  const icon = 'size-4.5 shrink-0'
  return (
    <div className={cx('flex h-full flex-col bg-deep text-deep-ink', inDialog && 'w-full')}>
      <div className="p-2.5">
        <TenantSwitcher />
      </div>
      <nav aria-label="Main" className="flex-1 overflow-y-auto px-2.5 scroll-thin">
        <ul className="flex flex-col gap-0.5">
          <NavLink to="/t/$tenant/chat" icon={<MessageSquareText aria-hidden className={icon} />}>
            Chat
          </NavLink>
          <NavLink to="/t/$tenant/clusters" icon={<Ship aria-hidden className={icon} />} badge={<Trouble />}>
            Clusters
          </NavLink>
          {fleet.may && (
            <NavLink to="/t/$tenant/fleet" icon={<Radar aria-hidden className={icon} />}>
              Fleet
            </NavLink>
          )}
          <NavLink to="/t/$tenant/audit" icon={<ScrollText aria-hidden className={icon} />}>
            Audit
          </NavLink>
        </ul>
        <h2 className="label-caps mt-6 mb-1 px-2.5 text-deep-ink-2">Organisation</h2>
        <ul className="flex flex-col gap-0.5">
          {members.may && (
            <NavLink to="/t/$tenant/members" icon={<Users aria-hidden className={icon} />}>
              Members
            </NavLink>
          )}
          <NavLink to="/t/$tenant/tokens" icon={<KeyRound aria-hidden className={icon} />}>
            API tokens
          </NavLink>
          {admin.may && (
            <NavLink to="/t/$tenant/settings/model" icon={<BrainCircuit aria-hidden className={icon} />}>
              Model
            </NavLink>
          )}
          {admin.may && (
            <NavLink to="/t/$tenant/settings/slack" icon={<Hash aria-hidden className={icon} />}>
              Slack
            </NavLink>
          )}
        </ul>
      </nav>
      {tenant.demo && <p className="mx-2.5 mb-2 rounded-md border border-deep-line px-2.5 py-1.5 text-sm text-deep-ink-2">Demo: everything runs on this machine.</p>}
      <div className="flex items-center gap-1 border-t border-deep-line p-2.5">
        <UserMenu />
        <ThemeMenu />
      </div>
    </div>
  )
}

/** How many clusters need a look; said, not only coloured. */
function Trouble() {
  const { slug } = useTenant()
  const { state } = useStore(live)
  const { data } = useQuery(clustersQuery(slug))
  const offline = data?.filter((c) => c.state === 'offline').length ?? 0
  if (offline === 0 || state === 'waiting') return null
  return <span className="rounded-sm bg-bad-soft px-1.5 text-xs font-semibold text-bad">{offline} offline</span>
}

function TenantSwitcher() {
  const tenant = useTenant()
  const navigate = useNavigate()
  const { data } = useQuery(sessionQuery)
  return (
    <Menu
      trigger={
        <button type="button" className="flex w-full items-center gap-2.5 rounded-md px-2 py-1.5 text-left hover:bg-deep-2 focus-visible:outline-deep-ink data-[state=open]:bg-deep-2">
          <Mark className="size-7 shrink-0 text-deep-ink" />
          <span className="min-w-0 flex-1">
            <span className="block text-xs text-deep-ink-2">KubeChat</span>
            <span className="block truncate font-semibold untrusted">{tenant.name}</span>
          </span>
          <ChevronsUpDown aria-hidden className="size-4 shrink-0 text-deep-ink-2" />
          <span className="sr-only">Change organisation</span>
        </button>
      }
    >
      <MenuLabel>Signed in to</MenuLabel>
      {(data?.logins ?? []).map((l) => (
        <MenuChoice key={l.tenant.id} checked={l.tenant.slug === tenant.slug} onSelect={() => void navigate({ to: '/t/$tenant', params: { tenant: l.tenant.slug } })}>
          <span className="block truncate">{l.tenant.name}</span>
          <span className="block text-xs text-ink-3">
            {l.member.email} · {roleWord[l.role]}
          </span>
        </MenuChoice>
      ))}
      <MenuLine />
      <MenuItem icon={<Plus aria-hidden className="size-4" />} onSelect={() => void navigate({ to: '/sign-in' })}>
        Sign in to another
      </MenuItem>
    </Menu>
  )
}

function UserMenu() {
  const tenant = useTenant()
  const navigate = useNavigate()
  const leave = async () => {
    const session = await signOut(tenant.slug).catch(() => undefined)
    const next = session?.logins[0]?.tenant.slug
    await (next ? navigate({ to: '/t/$tenant', params: { tenant: next } }) : navigate({ to: '/sign-in' }))
    if (session) queryClient.removeQueries({ queryKey: ['t', tenant.slug] })
  }
  return (
    <Menu
      side="top"
      trigger={
        <button type="button" className="flex min-w-0 flex-1 items-center gap-2.5 rounded-md px-2 py-1 text-left hover:bg-deep-2 focus-visible:outline-deep-ink data-[state=open]:bg-deep-2">
          <span aria-hidden className="flex size-7 shrink-0 items-center justify-center rounded-full border border-deep-line bg-deep-2 text-xs font-semibold">
            {initials(tenant.me.name || tenant.me.email)}
          </span>
          <span className="min-w-0">
            <span className="block truncate text-sm font-medium untrusted">{tenant.me.name || tenant.me.email}</span>
            <span className="block text-xs text-deep-ink-2">{roleWord[tenant.me.role]}</span>
          </span>
          <span className="sr-only">, your menu</span>
        </button>
      }
    >
      <MenuLabel>{tenant.me.email}</MenuLabel>
      <MenuItem icon={<Keyboard aria-hidden className="size-4" />} onSelect={() => showKeys.set(true)}>
        Keyboard shortcuts
      </MenuItem>
      <MenuLine />
      <MenuItem icon={<LogOut aria-hidden className="size-4" />} onSelect={() => void leave()}>
        Sign out of {tenant.name}
      </MenuItem>
    </Menu>
  )
}

const themes: { value: Theme; word: string; icon: typeof Sun }[] = [
  { value: 'system', word: 'As the system', icon: Monitor },
  { value: 'light', word: 'Light', icon: Sun },
  { value: 'dark', word: 'Dark', icon: Moon },
]

export function ThemeMenu({ className }: { className?: string }) {
  const current = useStore(theme)
  return (
    <Menu
      side="top"
      align="end"
      trigger={
        <button
          type="button"
          aria-label="Theme"
          className={cx('flex size-8.5 shrink-0 items-center justify-center rounded-md', className ?? 'text-deep-ink-2 hover:bg-deep-2 hover:text-deep-ink focus-visible:outline-deep-ink')}
        >
          <SunMoon aria-hidden className="size-4.5" />
        </button>
      }
    >
      <MenuLabel>Theme</MenuLabel>
      {themes.map(({ value, word, icon: Icon }) => (
        <MenuChoice key={value} icon={<Icon aria-hidden className="size-4" />} checked={current === value} onSelect={() => setTheme(value)}>
          {word}
        </MenuChoice>
      ))}
    </Menu>
  )
}

function initials(name: string): string {
  const parts = name.split(/[\s@._-]+/).filter(Boolean)
  return ((parts[0]?.[0] ?? '?') + (parts.length > 1 ? (parts[1]?.[0] ?? '') : '')).toUpperCase()
}
