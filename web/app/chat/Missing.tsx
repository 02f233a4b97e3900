import { Unplug } from 'lucide-react'
import type { Missing } from '@/api/types'
import { plainText } from '@/util/format'

/** Which clusters an answer is without, and why: an answer with a hole must not look whole. */
export function MissingNote({ missing }: { missing: Missing[] }) {
  if (missing.length === 0) return null
  return (
    <div className="flex gap-2 border-t border-line bg-warn-soft px-3.5 py-2 text-sm text-warn">
      <Unplug aria-hidden className="mt-0.5 size-4 shrink-0" />
      <div className="min-w-0">
        <p className="font-semibold">{missing.length === 1 ? 'One cluster did not answer' : `${missing.length} clusters did not answer`}</p>
        <ul className="text-ink-2">
          {missing.map((m) => (
            <li key={m.cluster} className="untrusted">
              <span className="font-medium text-ink">{plainText(m.cluster)}</span>: {plainText(m.why)}
            </li>
          ))}
        </ul>
      </div>
    </div>
  )
}
