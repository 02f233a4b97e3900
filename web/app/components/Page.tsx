import { useLocation } from '@tanstack/react-router'
import { useEffect, useRef, type ReactNode } from 'react'
import { announce } from '@/util/announce'

/** The heading that gets the focus after a move to another page, so that reading starts there. */
export function PageTitle({ title, children, className }: { title: string; children?: ReactNode; className?: string }) {
  const ref = useRef<HTMLHeadingElement>(null)
  const pathname = useLocation({ select: (l) => l.pathname })
  useEffect(() => {
    document.title = `${title} · KubeChat`
  }, [title])
  useEffect(() => {
    const h = ref.current
    if (!h || lastPath === pathname) return
    const first = lastPath === undefined
    lastPath = pathname
    if (first) return
    announce(h.textContent ?? '')
    if (document.activeElement === document.body || !document.activeElement?.closest('textarea, input, dialog')) h.focus({ preventScroll: true })
  }, [pathname])
  return (
    <h1 ref={ref} tabIndex={-1} className={className ?? 'text-xl font-semibold text-balance'}>
      {children ?? title}
    </h1>
  )
}

let lastPath: string | undefined

/** A page with a heading, what can be done on it, and its content. */
export function Page({ title, back, lead, actions, children, narrow }: { title: string; back?: ReactNode; lead?: ReactNode; actions?: ReactNode; children: ReactNode; narrow?: boolean }) {
  return (
    <div className={`mx-auto w-full px-4 pt-6 pb-16 sm:px-8 ${narrow ? 'max-w-3xl' : 'max-w-6xl'}`}>
      <header className="mb-5 flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
        <div className="min-w-0 max-w-2xl">
          {back}
          <PageTitle title={title} />
          {lead && <div className="mt-1 text-ink-2 text-pretty">{lead}</div>}
        </div>
        {actions && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
      </header>
      {children}
    </div>
  )
}

/** A framed part of a page. */
export function Panel({ title, lead, actions, children, flush }: { title?: string; lead?: ReactNode; actions?: ReactNode; children: ReactNode; flush?: boolean }) {
  return (
    <section className="rounded-lg border border-line bg-surface">
      {title && (
        <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2 border-b border-line px-4 py-3">
          <div className="min-w-0">
            <h2 className="text-md font-semibold">{title}</h2>
            {lead && <div className="text-sm text-ink-2">{lead}</div>}
          </div>
          {actions}
        </div>
      )}
      <div className={flush ? '' : 'p-4'}>{children}</div>
    </section>
  )
}

export const tableClass = 'w-full text-left text-base'
export const thClass = 'label-caps h-9 border-b border-line px-3 text-left font-semibold text-ink-3 sm:px-4 whitespace-nowrap'
export const tdClass = 'border-b border-line px-3 py-2.5 align-middle sm:px-4'
