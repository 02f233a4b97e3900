import { Link, Outlet, useLocation } from '@tanstack/react-router'
import { Menu as MenuIcon } from 'lucide-react'
import { useEffect, useState } from 'react'
import { useTenant } from '@/api/context'
import { useLive } from '@/api/live'
import { Dialog } from '@/ui/Dialog'
import { IconButton } from '@/ui/Button'
import { Mark } from '@/ui/bits'
import { rememberTenant } from '@/util/last'
import { Banner } from './Banner'
import { Keys } from './Keys'
import { ReSignIn } from './ReSignIn'
import { Sidebar } from './Sidebar'

/** The frame of every page of a tenant. */
export function Shell() {
  const tenant = useTenant()
  const pathname = useLocation({ select: (l) => l.pathname })
  const [openAt, setOpenAt] = useState<string>() // the page the menu was opened on; moving on closes it
  useLive(tenant.slug)
  useEffect(() => rememberTenant(tenant.slug), [tenant.slug])
  return (
    <div className="flex h-dvh flex-col md:flex-row">
      <a
        href="#main"
        className="absolute -top-20 left-3 z-60 rounded-md bg-sea px-3 py-2 font-medium text-on-sea focus:top-3"
        onClick={(e) => {
          e.preventDefault()
          document.getElementById('main')?.focus()
        }}
      >
        Skip to the content
      </a>
      <header className="flex h-12 shrink-0 items-center gap-2 bg-deep px-2 text-deep-ink md:hidden">
        <IconButton label="Open the menu" onClick={() => setOpenAt(pathname)} className="text-deep-ink! hover:bg-deep-2!">
          <MenuIcon aria-hidden className="size-5" />
        </IconButton>
        <Link to="/t/$tenant/chat" params={{ tenant: tenant.slug }} className="flex min-w-0 items-center gap-2 rounded-sm font-semibold focus-visible:outline-deep-ink">
          <Mark className="size-5 shrink-0" />
          <span className="truncate">{tenant.name}</span>
        </Link>
      </header>
      <Dialog open={openAt === pathname} onClose={() => setOpenAt(undefined)} title="Menu" hideTitle shape="nav">
        <Sidebar inDialog />
      </Dialog>
      <header className="hidden w-58 shrink-0 md:block">
        <Sidebar />
      </header>
      <div className="flex min-h-0 min-w-0 flex-1 flex-col">
        <Banner />
        <main id="main" tabIndex={-1} data-quiet-focus className="relative min-h-0 flex-1 overflow-y-auto">
          <Outlet />
        </main>
      </div>
      <ReSignIn />
      <Keys />
    </div>
  )
}
