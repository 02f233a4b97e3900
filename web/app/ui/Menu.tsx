import { Check } from 'lucide-react'
import { DropdownMenu } from 'radix-ui'
import type { ReactNode } from 'react'
import { cx } from '@/util/cx'

interface Props {
  trigger: ReactNode
  children: ReactNode
  align?: 'start' | 'end'
  side?: 'top' | 'bottom'
}

/**
 * A menu that drops from its trigger. Not modal: a modal one writes a style element, which the page's policy refuses. No
 * portal either: from within a dialog the body cannot be reached, and outside a landmark it is hard to find.
 */
export function Menu({ trigger, children, align = 'start', side = 'bottom' }: Props) {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Content
        align={align}
        side={side}
        sideOffset={6}
        collisionPadding={8}
        className="z-50 min-w-52 animate-fade rounded-lg border border-line bg-raised p-1 text-ink shadow-pop"
      >
        {children}
      </DropdownMenu.Content>
    </DropdownMenu.Root>
  )
}

const item =
  'flex min-h-8 w-full items-center gap-2.5 rounded-md px-2.5 py-1 text-base outline-none select-none data-highlighted:bg-sea-soft data-highlighted:text-sea-ink'

export const MenuItem = ({ icon, children, onSelect, danger }: { icon?: ReactNode; children: ReactNode; onSelect: () => void; danger?: boolean }) => (
  <DropdownMenu.Item onSelect={onSelect} className={cx(item, danger && 'text-bad data-highlighted:bg-bad-soft data-highlighted:text-bad')}>
    {icon}
    <span className="min-w-0 flex-1">{children}</span>
  </DropdownMenu.Item>
)

export const MenuChoice = ({ icon, children, checked, onSelect }: { icon?: ReactNode; children: ReactNode; checked: boolean; onSelect: () => void }) => (
  <DropdownMenu.CheckboxItem checked={checked} onSelect={onSelect} className={item}>
    {icon}
    <span className="min-w-0 flex-1">{children}</span>
    <Check aria-hidden className={cx('size-4 text-sea', !checked && 'invisible')} />
  </DropdownMenu.CheckboxItem>
)

export const MenuLabel = ({ children }: { children: ReactNode }) => (
  <DropdownMenu.Label className="label-caps px-2.5 pt-2 pb-1 text-ink-3">{children}</DropdownMenu.Label>
)

export const MenuLine = () => <DropdownMenu.Separator className="mx-1 my-1 h-px bg-line" />
