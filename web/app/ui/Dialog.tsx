import { X } from 'lucide-react'
import { useEffect, useId, useRef, type ReactNode, type SyntheticEvent } from 'react'
import { cx } from '@/util/cx'
import { IconButton } from './Button'

interface Props {
  open: boolean
  onClose: () => void
  title: string
  description?: ReactNode
  children: ReactNode
  /** drawer slides in at the right, nav at the left, sheet stands in the middle. */
  shape?: 'sheet' | 'drawer' | 'nav' | 'palette'
  wide?: boolean
  /** Must be answered: no close button and no way round. */
  modalOnly?: boolean
  hideTitle?: boolean
}

const shapes = {
  sheet: 'm-auto w-[min(32rem,calc(100vw-1.5rem))] max-h-[calc(100dvh-2rem)] rounded-lg border border-line',
  drawer: 'ml-auto mr-0 my-0 h-dvh max-h-dvh w-[min(34rem,100vw)] border-l border-line',
  nav: 'mr-auto ml-0 my-0 h-dvh max-h-dvh w-[min(17rem,88vw)]',
  palette: 'mx-auto mt-[12vh] mb-auto w-[min(36rem,calc(100vw-1.5rem))] rounded-lg border border-line',
}

/** The browser's own dialog: it traps focus, makes the rest inert, closes on Escape and gives focus back. */
export function Dialog({ open, onClose, title, description, children, shape = 'sheet', wide, modalOnly, hideTitle }: Props) {
  const ref = useRef<HTMLDialogElement>(null)
  const titleId = useId()
  useEffect(() => {
    const d = ref.current
    if (!d) return
    if (open && !d.open) {
      d.showModal()
      // Not the close button, which comes first: what the dialog is for, or else its title.
      const first = d.querySelector<HTMLElement>('input:not([type=checkbox]), textarea, select') ?? d.querySelector<HTMLElement>('h2')
      first?.focus()
    }
    if (!open && d.open) d.close()
  }, [open])
  const cancel = (e: SyntheticEvent) => {
    if (e.target !== e.currentTarget) return
    e.preventDefault()
    if (!modalOnly) onClose()
  }
  return (
    // oxlint-disable-next-line click-events-have-key-events, no-noninteractive-element-interactions -- a press beside the dialog; Escape does the same
    <dialog
      ref={ref}
      aria-labelledby={titleId}
      onCancel={cancel}
      onClose={() => open && !modalOnly && onClose()}
      onMouseDown={(e) => {
        if (e.target === e.currentTarget && !modalOnly) onClose()
      }}
      className={cx('fixed inset-0 bg-raised text-ink shadow-pop open:animate-rise open:flex flex-col overflow-hidden', shapes[shape], wide && 'w-[min(46rem,calc(100vw-1.5rem))]!')}
    >
      {open && (
        <>
          <div className={hideTitle ? 'sr-only' : 'flex items-start gap-3 border-b border-line px-5 pt-4 pb-3.5'}>
            <div className="min-w-0 flex-1">
              <h2 id={titleId} tabIndex={-1} data-quiet-focus className="text-lg font-semibold">
                {title}
              </h2>
              {description && <div className="mt-0.5 text-base text-ink-2">{description}</div>}
            </div>
            {!modalOnly && !hideTitle && (
              <IconButton label="Close" size="sm" onClick={onClose} className="-mr-1.5">
                <X aria-hidden className="size-4" />
              </IconButton>
            )}
          </div>
          {children}
        </>
      )}
    </dialog>
  )
}

/** What scrolls in a dialog. One that may hold nothing to press has a label, by which it can be reached with the keyboard. */
export const DialogBody = ({ children, className, label }: { children: ReactNode; className?: string; label?: string }) => (
  <div {...(label && { role: 'region', 'aria-label': label, tabIndex: 0 })} className={cx('min-h-0 flex-1 overflow-y-auto px-5 py-4', className)}>
    {children}
  </div>
)

export const DialogFoot = ({ children }: { children: ReactNode }) => (
  <div className="flex flex-wrap items-center justify-end gap-2 border-t border-line bg-surface px-5 py-3">{children}</div>
)
