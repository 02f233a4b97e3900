import { CornerDownRight } from 'lucide-react'
import { Tip } from '@/ui/Tip'
import { cx } from '@/util/cx'
import { plainText } from '@/util/format'

/** A question back. Choosing asks the whole question that the choice stands for. */
export function Clarify({ message, choices, onChoose, offReason }: { message: string; choices: { label: string; text: string }[]; onChoose: (text: string) => void; offReason?: string | undefined }) {
  return (
    <div className="rounded-md border border-sea-line bg-surface">
      <p className="px-4 py-3 text-md text-pretty untrusted">{plainText(message)}</p>
      {choices.length > 0 && (
        <ul className="border-t border-line">
          {choices.map((c) => {
            const button = (
              <button
                type="button"
                aria-disabled={offReason ? true : undefined}
                onClick={() => !offReason && onChoose(c.text)}
                className={cx('flex w-full items-start gap-2.5 px-4 py-2 text-left focus-visible:-outline-offset-2', offReason ? 'cursor-not-allowed! text-ink-3' : 'hover:bg-sea-soft')}
              >
                <CornerDownRight aria-hidden className="mt-0.5 size-4 shrink-0 text-sea" />
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
        </ul>
      )}
    </div>
  )
}
