import { useEffect } from 'react'
import { Kbd } from '@/ui/bits'
import { Tip } from '@/ui/Tip'
import { cx } from '@/util/cx'
import { plainText } from '@/util/format'
import { isTyping, letterKeys } from '@/util/shortcuts'
import { useAsking } from './asking'

interface Choice {
  label: string
  text: string
}

/** As many as a question back offers, and as there are keys for. */
export const mostChoices = 5

/** A question back. Choosing asks the whole question that the choice stands for; so does its number. */
export function Clarify({ message, choices, offReason }: { message: string; choices: Choice[]; offReason?: string | undefined }) {
  const { ask } = useAsking()
  const shown = choices.slice(0, mostChoices)
  useNumbers(offReason ? [] : shown, ask)
  return (
    <div role="group" aria-label="A question back" className="rounded-md border border-sea-line bg-surface">
      <p className="px-4 py-3 text-md text-pretty untrusted">{plainText(message)}</p>
      {shown.length > 0 && (
        <ol className="border-t border-line">
          {shown.map((c, i) => {
            const button = (
              <button
                type="button"
                aria-disabled={offReason ? true : undefined}
                aria-keyshortcuts={offReason ? undefined : String(i + 1)}
                onClick={() => !offReason && ask(c.text)}
                className={cx('flex w-full items-start gap-3 px-4 py-2 text-left focus-visible:-outline-offset-2', offReason ? 'cursor-not-allowed! text-ink-3' : 'hover:bg-sea-soft')}
              >
                <span aria-hidden className="shrink-0 pt-px">
                  <Kbd>{i + 1}</Kbd>
                </span>
                <span className="min-w-0">
                  <span className="font-medium untrusted">{plainText(c.label)}</span>
                  {c.text !== c.label && <span className="block text-sm text-ink-3 untrusted">{plainText(c.text)}</span>}
                </span>
              </button>
            )
            return (
              <li key={c.label + c.text} className="border-line not-first:border-t">
                {offReason ? <Tip text={offReason}>{button}</Tip> : button}
              </li>
            )
          })}
        </ol>
      )}
      {!offReason && <p className="border-t border-line px-4 py-1.5 text-sm text-ink-3">{shown.length > 0 ? 'Choose by its number, or answer in your own words.' : 'Answer in your own words.'}</p>}
    </div>
  )
}

/** The number of a choice picks it, wherever nothing is being typed. In the box it is typed and sent. */
function useNumbers(choices: Choice[], ask: (text: string) => void) {
  useEffect(() => {
    if (choices.length === 0) return
    const on = (e: KeyboardEvent) => {
      if (e.defaultPrevented || e.metaKey || e.ctrlKey || e.altKey || !letterKeys.get() || isTyping(e.target) || document.querySelector('dialog[open]')) return
      const choice = /^[1-9]$/.test(e.key) ? choices[Number(e.key) - 1] : undefined
      if (!choice) return
      e.preventDefault()
      ask(choice.text)
    }
    window.addEventListener('keydown', on)
    return () => window.removeEventListener('keydown', on)
  }, [choices, ask])
}

/** What a sent text means while a question back is open: "2" is its second choice. */
export const meant = (text: string, choices: readonly Choice[] | undefined): string =>
  (/^[1-9]$/.test(text.trim()) ? choices?.slice(0, mostChoices)[Number(text.trim()) - 1]?.text : undefined) ?? text
