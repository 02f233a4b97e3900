import type { ReactNode } from 'react'
import { cx } from '@/util/cx'

/** A key, as it is printed on it. */
export const Kbd = ({ children }: { children: ReactNode }) => (
  <kbd className="inline-flex h-5 min-w-5 items-center justify-center rounded-sm border border-line-2 bg-sunken px-1 text-xs font-medium text-ink-2">{children}</kbd>
)

/** Stands where something will be. Seen only when the answer takes longer than 150 ms. */
export const Bone = ({ className }: { className?: string }) => (
  <span aria-hidden className={cx('block animate-[late_150ms_step-end,breathe_1.6s_ease-in-out_infinite] rounded-sm bg-line', className)} />
)

export function Bones({ rows = 5, label }: { rows?: number; label: string }) {
  return (
    <div role="status" className="flex flex-col gap-3 p-4">
      <span className="sr-only">{label}</span>
      {Array.from({ length: rows }, (_, i) => (
        <span key={i} className="flex gap-4">
          <Bone className="h-4 w-1/4" />
          <Bone className={cx('h-4', i % 2 ? 'w-1/3' : 'w-2/5')} />
          <Bone className="h-4 w-1/6" />
        </span>
      ))}
    </div>
  )
}

/** A small plain label, such as a version or a role. */
export const Tag = ({ children, tone = 'plain', className }: { children: ReactNode; tone?: 'plain' | 'sea' | 'buff' | 'bad' | 'ok' | 'warn'; className?: string }) => (
  <span
    className={cx(
      'inline-flex h-5 items-center gap-1 rounded-sm border px-1.5 text-xs font-medium whitespace-nowrap',
      {
        plain: 'border-line bg-sunken text-ink-2',
        sea: 'border-sea-line bg-sea-soft text-sea-ink',
        buff: 'border-buff-line bg-buff-2 text-buff-ink',
        bad: 'border-bad-line bg-bad-soft text-bad',
        ok: 'border-transparent bg-ok-soft text-ok',
        warn: 'border-transparent bg-warn-soft text-warn',
      }[tone],
      className,
    )}
  >
    {children}
  </span>
)

/** Nothing is here: what would be, and what to do. */
export function Empty({ icon, title, children, action }: { icon?: ReactNode; title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className="mx-auto flex max-w-md flex-col items-center px-6 py-14 text-center">
      {icon && <div className="mb-4 flex size-11 items-center justify-center rounded-lg border border-line bg-surface text-sea">{icon}</div>}
      <h2 className="text-lg font-semibold text-balance">{title}</h2>
      {children && <div className="mt-1.5 text-ink-2 text-pretty">{children}</div>}
      {action && <div className="mt-5 flex flex-wrap justify-center gap-2">{action}</div>}
    </div>
  )
}

/** A message that stays: something to know about what is below or around it. */
export function Note({ tone, icon, title, children, action }: { tone: 'info' | 'warn' | 'bad' | 'ok'; icon?: ReactNode; title?: ReactNode; children?: ReactNode; action?: ReactNode }) {
  return (
    <div
      className={cx(
        'flex flex-wrap items-start gap-x-3 gap-y-2 rounded-md border px-3.5 py-2.5',
        {
          info: 'border-sea-line bg-sea-soft text-sea-ink',
          warn: 'border-buff-line bg-warn-soft text-warn',
          bad: 'border-bad-line bg-bad-soft text-bad',
          ok: 'border-transparent bg-ok-soft text-ok',
        }[tone],
      )}
    >
      {icon && <span className="mt-0.5 shrink-0 [&>svg]:size-4.5">{icon}</span>}
      <div className="min-w-0 flex-1 basis-52">
        {title && <p className="font-semibold">{title}</p>}
        {children && <div className="text-ink-2">{children}</div>}
      </div>
      {action && <div className="flex shrink-0 gap-2">{action}</div>}
    </div>
  )
}

/** The mark: a reply with a chevron that points to where it goes. */
export const Mark = ({ className }: { className?: string }) => (
  <svg aria-hidden viewBox="0 0 32 32" className={className}>
    <path fill="currentColor" d="M6 2h20a4 4 0 0 1 4 4v16a4 4 0 0 1-4 4H14l-7 5v-5H6a4 4 0 0 1-4-4V6a4 4 0 0 1 4-4z" />
    <path className="stroke-(--mark-k,var(--deep))" fill="none" strokeWidth="3.2" strokeLinecap="round" strokeLinejoin="round" d="M10.5 8v12M21 8l-7 6 7 6" />
  </svg>
)
