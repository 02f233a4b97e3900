import { ArrowUp, Square } from 'lucide-react'
import { useEffect, useRef, type KeyboardEvent, type ReactNode } from 'react'
import { Button } from '@/ui/Button'
import { Kbd } from '@/ui/bits'
import { load, save } from '@/util/storage'

interface Props {
  /** Where an unsent text is kept, so that a reload or a new login does not lose it. */
  draftKey: string
  text: string
  onText: (text: string) => void
  onSend: (text: string) => void
  busy?: boolean
  /** Set while a run can be stopped. */
  onStop?: (() => void) | undefined
  stopping?: boolean
  chip: ReactNode
  previous?: string | undefined
  offReason?: string | undefined
}

const longest = 4000

/** The box to ask in, with what it will be asked of beside it. */
export function Composer({ draftKey, text, onText, onSend, busy, onStop, stopping, chip, previous, offReason }: Props) {
  const box = useRef<HTMLTextAreaElement>(null)
  const setText = useRef(onText)
  useEffect(() => {
    setText.current = onText
  })
  useEffect(() => {
    const draft = load('session', `kc.draft.${draftKey}`)
    if (draft) setText.current(draft)
    if (window.matchMedia('(min-width: 768px)').matches) box.current?.focus({ preventScroll: true })
  }, [draftKey])
  const change = (next: string) => {
    onText(next)
    save('session', `kc.draft.${draftKey}`, next)
  }
  const trimmed = text.trim()
  const reason = offReason ?? (trimmed.length > longest ? `Questions have at most ${longest} characters.` : undefined)
  const send = () => {
    if (!trimmed || busy || reason) return
    onSend(trimmed)
    save('session', `kc.draft.${draftKey}`, undefined)
  }
  const key = (e: KeyboardEvent) => {
    if (e.nativeEvent.isComposing) return
    if (e.key === 'Enter' && !e.shiftKey && !e.altKey) {
      e.preventDefault()
      e.stopPropagation()
      send()
    } else if (e.key === 'ArrowUp' && text === '' && previous) {
      e.preventDefault()
      change(previous)
    }
  }
  return (
    <div className="shrink-0 px-3 pt-1 pb-3 sm:px-6 sm:pb-5">
      <form
        onSubmit={(e) => {
          e.preventDefault()
          send()
        }}
        className="mx-auto w-full max-w-4xl rounded-lg border border-edge bg-surface shadow-pop focus-within:border-sea focus-within:outline-3 focus-within:outline-sea-line/60"
      >
        <label htmlFor="ask" className="sr-only">
          Ask this cluster
        </label>
        <textarea
          ref={box}
          id="ask"
          rows={1}
          value={text}
          onChange={(e) => change(e.target.value)}
          onKeyDown={key}
          placeholder="Ask, or say what to change"
          autoComplete="off"
          className="block max-h-48 min-h-11 w-full resize-none bg-transparent px-4 pt-3 pb-1 text-md outline-none [field-sizing:content]"
        />
        <div className="flex items-center gap-3 py-2 pr-2 pl-4">
          <div className="min-w-0 flex-1 text-sm text-ink-2">{chip}</div>
          <span className="hidden items-center gap-1.5 text-sm text-ink-3 lg:inline-flex">
            <Kbd>Enter</Kbd> sends
          </span>
          {onStop && (
            <Button size="sm" onClick={onStop} busy={stopping === true} icon={<Square aria-hidden className="size-3.5 fill-current" />}>
              Stop
            </Button>
          )}
          <Button
            type="submit"
            look="primary"
            size="sm"
            busy={busy === true}
            disabledReason={reason ?? (trimmed ? undefined : 'Write a question first.')}
            icon={<ArrowUp aria-hidden className="size-4" />}
          >
            Ask
          </Button>
        </div>
      </form>
    </div>
  )
}
