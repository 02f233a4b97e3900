import { Check, Copy as CopyIcon } from 'lucide-react'
import { useEffect, useState } from 'react'
import { cx } from '@/util/cx'
import { announce } from '@/util/announce'
import { Button, IconButton } from './Button'

/** Copies text; where the browser forbids it (plain http), selects nothing and says so. */
export function Copy({ text, label, size = 'sm', withText, className }: { text: string; label: string; size?: 'sm' | 'md'; withText?: string; className?: string }) {
  const [done, setDone] = useState<'yes' | 'no'>()
  useEffect(() => {
    if (!done) return
    const timer = setTimeout(() => setDone(undefined), 1800)
    return () => clearTimeout(timer)
  }, [done])
  const copy = async () => {
    const ok = await write(text)
    setDone(ok ? 'yes' : 'no')
    announce(ok ? 'Copied.' : 'Could not copy. Select the text and copy it yourself.')
  }
  const icon = done === 'yes' ? <Check aria-hidden className="size-4 text-ok" /> : <CopyIcon aria-hidden className="size-4" />
  if (withText) {
    return (
      <Button size={size} onClick={() => void copy()} icon={icon} aria-label={done ? undefined : label} className={cx('shrink-0', className)}>
        {done === 'yes' ? 'Copied' : done === 'no' ? 'Select it' : withText}
      </Button>
    )
  }
  return (
    <IconButton label={done === 'yes' ? 'Copied' : done === 'no' ? 'Could not copy: select the text' : label} size={size} onClick={() => void copy()} className={cx('shrink-0', className)}>
      {icon}
    </IconButton>
  )
}

async function write(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return false
  }
}
