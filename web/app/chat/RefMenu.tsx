import { CornerDownRight } from 'lucide-react'
import type { ComponentProps, ReactNode } from 'react'
import { Menu, MenuItem, MenuLabel } from '@/ui/Menu'
import { cx } from '@/util/cx'
import { plainText } from '@/util/format'
import { useAsking } from './asking'
import { aboutRef, type Ref } from './followups'

interface Props extends Omit<ComponentProps<'button'>, 'ref'> {
  of: Ref
  /** Named when it is not the conversation's own. */
  cluster?: string | undefined
  children: ReactNode
}

/** An object that can be asked about: pressing it offers what people ask next. */
export function RefMenu({ of, cluster, children, className, ...rest }: Props) {
  const { ask } = useAsking()
  return (
    <Menu
      trigger={
        <button
          {...rest}
          type="button"
          className={cx('rounded-sm text-left underline decoration-line-2 decoration-dotted underline-offset-3 hover:text-sea hover:decoration-sea data-[state=open]:text-sea', className)}
        >
          {children}
        </button>
      }
    >
      <MenuLabel>
        <span className="normal-case untrusted">{plainText(`${of.kind} ${of.name}`)}</span>
      </MenuLabel>
      {aboutRef(of, cluster).map((s) => (
        <MenuItem key={s.label} icon={<CornerDownRight aria-hidden className="size-4 text-sea" />} onSelect={() => ask(s.text)}>
          {s.label}
        </MenuItem>
      ))}
    </Menu>
  )
}
