import { ChevronDown, ChevronRight, FoldVertical, UnfoldVertical } from 'lucide-react'
import { useMemo, useState } from 'react'
import { Button } from '@/ui/Button'
import { CodeBox } from '@/ui/Code'
import { Copy } from '@/ui/Copy'
import { yamlLine } from '@/ui/Yaml'
import { cx } from '@/util/cx'
import { plainText, plural } from '@/util/format'
import { roveFocus, roveKeys, roving } from '@/util/rove'
import { foldedAtFirst, foldsOf, seenLines } from './fold'

/** A document with its keys, strings and comments told apart. What belongs to a key folds into its line. */
export function YamlBlock({ text, label = 'YAML' }: { text: string; label?: string }) {
  const lines = useMemo(() => plainText(text).replace(/\n+$/, '').split('\n'), [text])
  const folds = useMemo(() => foldsOf(lines), [lines])
  const [folded, setFolded] = useState<ReadonlySet<number>>(() => foldedAtFirst(folds))
  const seen = seenLines(lines.length, folds, folded)
  const anyOpen = [...folds.values()].some((f) => f.depth === 0 && !folded.has(f.from))
  const press = (from: number) =>
    setFolded((now) => {
      const next = new Set(now)
      if (!next.delete(from)) next.add(from)
      return next
    })
  const firstFold = seen.find((i) => folds.has(i))
  return (
    <div className="overflow-hidden rounded-md border border-line">
      <div className="flex items-center gap-2 border-b border-line bg-surface py-1 pr-1 pl-3 text-sm text-ink-2">
        <span className="min-w-0 flex-1 truncate">
          <span className="font-medium text-ink">{label}</span> · {plural(lines.length, 'line')}
        </span>
        {folds.size > 0 && (
          <Button
            size="sm"
            look="ghost"
            onClick={() => setFolded(anyOpen ? new Set([...folds.values()].filter((f) => f.depth === 0).map((f) => f.from)) : new Set())}
            icon={anyOpen ? <FoldVertical aria-hidden className="size-4" /> : <UnfoldVertical aria-hidden className="size-4" />}
          >
            {anyOpen ? 'Fold all' : 'Unfold all'}
          </Button>
        )}
        <Copy text={`${lines.join('\n')}\n`} label="Copy the YAML" />
      </div>
      <CodeBox label={label} tall>
        {/* oxlint-disable-next-line no-noninteractive-element-interactions -- moves the focus among the buttons within */}
        <ol className="min-w-max py-2" onKeyDownCapture={roveKeys} onFocus={roveFocus}>
          {seen.map((i) => {
            const fold = folds.get(i)
            const shut = fold !== undefined && folded.has(i)
            return (
              <li key={i} className="group flex pr-4 leading-5 hover:bg-line/40">
                <span aria-hidden className="sticky left-0 w-11 shrink-0 bg-sunken pr-1.5 text-right text-ink-3 select-none">
                  {i + 1}
                </span>
                <span className="sticky left-11 w-5 shrink-0 bg-sunken">
                  {fold && (
                    <button
                      type="button"
                      {...roving(i === firstFold)}
                      aria-expanded={!shut}
                      aria-label={`${shut ? 'Unfold' : 'Fold'} ${fold.key || `line ${i + 1}`}`}
                      onClick={() => press(i)}
                      className={cx('flex size-5 items-center justify-center rounded-sm hover:bg-line hover:text-ink focus-visible:-outline-offset-2', shut ? 'text-sea' : 'text-ink-3')}
                    >
                      {shut ? <ChevronRight aria-hidden className="size-3.5" /> : <ChevronDown aria-hidden className="size-3.5" />}
                    </button>
                  )}
                </span>
                <span className="whitespace-pre">
                  {yamlLine(lines[i] ?? '')}
                  {shut && (
                    <button
                      type="button"
                      tabIndex={-1}
                      aria-hidden
                      onClick={() => press(i)}
                      className="ml-2 rounded-sm border border-line-2 bg-surface px-1 font-sans text-xs text-ink-3 hover:text-sea"
                    >
                      {plural(fold.to - fold.from, 'line')}
                    </button>
                  )}
                </span>
              </li>
            )
          })}
        </ol>
      </CodeBox>
    </div>
  )
}
