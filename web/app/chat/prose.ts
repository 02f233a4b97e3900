// The small part of Markdown that a model's answer may use: paragraphs, lists, code in a line, and names that the server
// struck out. Everything else stays the text it is: no links, no pictures, no HTML, no headings.

import type { AnswerSentence } from '@/api/types'

export type Inline = { kind: 'text'; text: string } | { kind: 'code'; text: string } | { kind: 'struck'; text: string } | { kind: 'mark'; sentence: AnswerSentence }

export type ProseBlock = { kind: 'p'; inlines: Inline[] } | { kind: 'list'; ordered: boolean; items: Inline[][] }

const item = /^\s*(?:[-*•]|(\d{1,3})[.)])\s+/

/** Puts sentences into paragraphs and lists; each sentence's mark stands where it ends. */
export function prose(sentences: readonly AnswerSentence[]): ProseBlock[] {
  const out: ProseBlock[] = []
  let here: Inline[] | undefined // where the next words go
  const paragraph = () => {
    here = []
    out.push({ kind: 'p', inlines: here })
    return here
  }
  const listItem = (ordered: boolean) => {
    const last = out.at(-1)
    here = []
    if (last?.kind === 'list' && last.ordered === ordered) last.items.push(here)
    else out.push({ kind: 'list', ordered, items: [here] })
    return here
  }
  for (const sentence of sentences) {
    const lines = sentence.text.replace(/\r\n?/g, '\n').split('\n')
    let into: Inline[] | undefined
    lines.forEach((line, n) => {
      const marker = item.exec(line)
      if (marker) into = listItem(marker[1] !== undefined)
      else if (line.trim() === '') {
        if (n > 0 || lines.length > 1) here = undefined
        return
      } else if (!here || (n > 0 && out.at(-1)?.kind === 'list' && !/^\s/.test(line))) into = paragraph()
      else into = here
      const words = marker ? line.slice(marker[0].length) : line.trim()
      if (into.length > 0) into.push({ kind: 'text', text: ' ' })
      into.push(...inline(words))
    })
    into?.push({ kind: 'mark', sentence })
    if (/\n\s*$/.test(sentence.text)) here = undefined
  }
  return out
}

/** Splits off what stands between backquotes, or is struck out. */
export function inline(text: string): Inline[] {
  return text
    .split(/(`[^`\n]+`|~~[^~\n]+~~)/)
    .filter(Boolean)
    .map((t) => {
      if (/^`[^`]+`$/.test(t)) return { kind: 'code', text: t.slice(1, -1) }
      if (/^~~[^~]+~~$/.test(t)) return { kind: 'struck', text: t.slice(2, -2) }
      return { kind: 'text', text: t }
    })
}
