import { LoaderCircle } from 'lucide-react'
import type { ComponentProps, MouseEvent, ReactNode } from 'react'
import { cx } from '@/util/cx'
import { Tip } from './Tip'

export type ButtonLook = 'primary' | 'plain' | 'ghost' | 'danger' | 'danger-plain' | 'decide'

const looks: Record<ButtonLook, string> = {
  primary: 'bg-sea text-on-sea border-transparent hover:bg-sea-strong shadow-low',
  decide: 'bg-sea text-on-sea border-transparent hover:bg-sea-strong shadow-low',
  plain: 'bg-surface text-ink border-line-2 hover:border-edge hover:bg-raised shadow-low',
  ghost: 'bg-transparent text-ink-2 border-transparent hover:bg-sea-soft hover:text-ink',
  danger: 'bg-bad text-on-bad border-transparent hover:bg-bad-strong shadow-low',
  'danger-plain': 'bg-transparent text-bad border-bad-line hover:bg-bad-soft',
}

export const buttonClass = (look: ButtonLook = 'plain', size: 'sm' | 'md' = 'md', square = false): string =>
  cx(
    'inline-flex items-center justify-center gap-1.5 rounded-md border font-medium whitespace-nowrap select-none transition-colors duration-100',
    size === 'sm' ? 'h-7 text-sm' : 'h-8.5 text-base',
    square ? (size === 'sm' ? 'w-7' : 'w-8.5') : size === 'sm' ? 'px-2.5' : 'px-3.5',
    looks[look],
  )

interface Props extends Omit<ComponentProps<'button'>, 'disabled'> {
  look?: ButtonLook
  size?: 'sm' | 'md'
  /** Shows that the press is being worked on; further presses do nothing. */
  busy?: boolean
  /** Why the button can't be pressed. It stays focusable, so that everyone can find out. */
  disabledReason?: string | undefined
  icon?: ReactNode
}

export function Button({ look = 'plain', size = 'md', busy, disabledReason, icon, className, children, onClick, type = 'button', ...rest }: Props) {
  const off = busy === true || Boolean(disabledReason)
  const press = (e: MouseEvent<HTMLButtonElement>) => {
    if (off) {
      e.preventDefault()
      return
    }
    onClick?.(e)
  }
  const button = (
    <button
      {...rest}
      type={type}
      onClick={press}
      aria-disabled={off || undefined}
      aria-busy={busy || undefined}
      className={cx(buttonClass(look, size, !children), disabledReason && 'cursor-not-allowed! border-line-2! bg-sunken! text-ink-3! shadow-none!', className)}
    >
      {busy ? <LoaderCircle aria-hidden className="size-4 animate-turn" /> : icon}
      {children}
    </button>
  )
  return disabledReason ? <Tip text={disabledReason}>{button}</Tip> : button
}

interface IconProps extends Omit<Props, 'children' | 'icon'> {
  label: string
  children: ReactNode
}

/** A button of one icon; its label is read out and shown on hover. */
export function IconButton({ label, look = 'ghost', children, disabledReason, ...rest }: IconProps) {
  if (disabledReason) return <Button {...rest} look={look} aria-label={label} icon={children} disabledReason={disabledReason} />
  return (
    <Tip text={label} labels>
      <Button {...rest} look={look} aria-label={label} icon={children} />
    </Tip>
  )
}
