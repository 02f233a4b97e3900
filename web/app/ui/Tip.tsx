import { Tooltip } from 'radix-ui'
import type { ReactNode } from 'react'

export const TipProvider = ({ children }: { children: ReactNode }) => (
  <Tooltip.Provider delayDuration={350} skipDelayDuration={200}>
    {children}
  </Tooltip.Provider>
)

/** A short text on hover and focus. With labels, the text is the control's own name and needs no reaching with the pointer. */
export function Tip({ text, children, labels = false, side = 'top' }: { text: ReactNode; children: ReactNode; labels?: boolean; side?: 'top' | 'right' | 'bottom' | 'left' }) {
  return (
    <Tooltip.Root disableHoverableContent={labels}>
      <Tooltip.Trigger asChild>{children}</Tooltip.Trigger>
      <Tooltip.Content
        side={side}
        sideOffset={6}
        collisionPadding={8}
        className="z-60 max-w-72 animate-fade rounded-md bg-deep px-2.5 py-1.5 text-left font-sans text-sm font-normal tracking-normal whitespace-normal text-deep-ink normal-case shadow-pop outline-1 outline-deep-line"
      >
        {text}
      </Tooltip.Content>
    </Tooltip.Root>
  )
}
