import { ChevronRight, LoaderCircle, Telescope } from 'lucide-react'
import type { ToolData } from '@/api/types'
import { plainText, plural } from '@/util/format'

export const toolId = (run: string, id: string): string => `tool-${run}-${id}`

/** The looks into the cluster that a model took, folded: they matter when someone wants to check. */
export function Tools({ tools, run, live }: { tools: ToolData[]; run: string; live: boolean }) {
  const last = tools.at(-1)
  return (
    <details className="group rounded-md border border-line bg-surface text-sm">
      <summary className="flex list-none items-center gap-2 rounded-md px-3 py-1.5 text-ink-2 hover:text-ink [&::-webkit-details-marker]:hidden">
        {live ? <LoaderCircle aria-hidden className="size-4 shrink-0 animate-turn text-sea" /> : <Telescope aria-hidden className="size-4 shrink-0 text-ink-3" />}
        <span className="min-w-0 flex-1 truncate">
          {live && last ? (
            <>
              Looking: <span className="font-medium text-ink untrusted">{plainText(last.name)}</span> <code className="untrusted">{plainText(last.args)}</code>
            </>
          ) : (
            `Looked at the cluster ${plural(tools.length, 'time')}`
          )}
        </span>
        <ChevronRight aria-hidden className="size-4 shrink-0 text-ink-3 group-open:rotate-90" />
      </summary>
      <ol className="border-t border-line">
        {tools.map((t, i) => (
          <li
            key={i}
            {...(t.id && { id: toolId(run, t.id), tabIndex: -1 })}
            className="flex gap-x-3 border-line px-3 py-2 not-first:border-t focus:bg-sea-soft focus:outline-2 focus:-outline-offset-2 focus:outline-sea"
          >
            <div className="min-w-0 flex-1">
              <p className="untrusted">
                <span className="font-medium">{plainText(t.name)}</span> <code className="text-ink-2">{plainText(t.args)}</code>
              </p>
              <p className="text-ink-2 untrusted">{plainText(t.summary)}</p>
            </div>
            {t.id && <span className="shrink-0 text-xs text-ink-3">{t.id}</span>}
          </li>
        ))}
      </ol>
    </details>
  )
}
