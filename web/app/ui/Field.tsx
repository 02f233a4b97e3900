import { CircleAlert } from 'lucide-react'
import { useId, type ComponentProps, type ReactNode } from 'react'
import { cx } from '@/util/cx'

export const inputClass =
  'w-full rounded-md border border-edge bg-surface px-2.5 text-base text-ink transition-colors hover:border-ink-3 focus-visible:outline-offset-0 aria-invalid:border-bad'

interface FieldProps {
  label: string
  hint?: ReactNode
  error?: string | undefined
  hideLabel?: boolean
  className?: string
  children: (a: { id: string; 'aria-describedby': string | undefined; 'aria-invalid': true | undefined }) => ReactNode
}

/** A label, its control, and what to know or what is wrong. */
export function Field({ label, hint, error, hideLabel, className, children }: FieldProps) {
  const id = useId()
  const about = error ? `${id}-e` : hint ? `${id}-h` : undefined
  return (
    <div className={className}>
      <label htmlFor={id} className={hideLabel ? 'sr-only' : 'mb-1 block text-sm font-semibold text-ink'}>
        {label}
      </label>
      {children({ id, 'aria-describedby': about, 'aria-invalid': error ? true : undefined })}
      {error ? (
        <p id={`${id}-e`} role="alert" className="mt-1.5 flex gap-1.5 text-sm text-bad">
          <CircleAlert aria-hidden className="mt-0.5 size-4 shrink-0" />
          <span>{error}</span>
        </p>
      ) : (
        hint && (
          <p id={`${id}-h`} className="mt-1.5 text-sm text-ink-3">
            {hint}
          </p>
        )
      )}
    </div>
  )
}

export const Input = ({ className, ...rest }: ComponentProps<'input'>) => <input {...rest} className={cx(inputClass, 'h-8.5', className)} />

/** The system's own list: right on phones, with screen readers and at any zoom. */
export function Select({ className, size = 'md', children, ...rest }: Omit<ComponentProps<'select'>, 'size'> & { size?: 'sm' | 'md' }) {
  return (
    <span className={cx('relative inline-flex', className)}>
      <select {...rest} className={cx(inputClass, 'w-full appearance-none pr-8!', size === 'sm' ? 'h-7 text-sm!' : 'h-8.5')}>
        {children}
      </select>
      <svg aria-hidden viewBox="0 0 12 12" className="pointer-events-none absolute top-1/2 right-2.5 size-3 -translate-y-1/2 fill-none stroke-ink-3 stroke-[1.6]">
        <path d="M2.5 4.5 6 8l3.5-3.5" />
      </svg>
    </span>
  )
}

export const Check = ({ checked, onChange, label, hint }: { checked: boolean; onChange: (on: boolean) => void; label: ReactNode; hint?: string }) => (
  <label className="flex items-start gap-2.5">
    <input type="checkbox" checked={checked} onChange={(e) => onChange(e.target.checked)} className="mt-0.5 size-4.5 shrink-0 accent-sea" />
    <span>
      <span className="font-medium">{label}</span>
      {hint && <span className="mt-0.5 block text-sm text-ink-3 text-pretty">{hint}</span>}
    </span>
  </label>
)
