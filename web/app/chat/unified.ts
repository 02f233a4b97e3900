export interface DiffLine {
  kind: 'add' | 'del' | 'same' | 'hunk'
  text: string
}

/** The lines of a unified diff, without the file names at its head. */
export function parseUnified(text: string): DiffLine[] {
  const out: DiffLine[] = []
  let inHunk = false
  for (const l of text.replace(/\n$/, '').split('\n')) {
    if (l.startsWith('@@')) {
      inHunk = true
      out.push({ kind: 'hunk', text: l })
    } else if (!inHunk && (l.startsWith('--- ') || l.startsWith('+++ '))) continue
    else if (l.startsWith('\\')) continue // "No newline at end of file"
    else if (l.startsWith('+')) out.push({ kind: 'add', text: l.slice(1) })
    else if (l.startsWith('-')) out.push({ kind: 'del', text: l.slice(1) })
    else if (l !== '' || out.length > 0) out.push({ kind: 'same', text: l.startsWith(' ') ? l.slice(1) : l })
  }
  return out.some((l) => l.kind === 'add' || l.kind === 'del') ? out : []
}
