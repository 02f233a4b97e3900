// Preferences and drafts only: never a token, never anything a cluster answered.

function area(kind: 'local' | 'session'): Storage | undefined {
  try {
    return kind === 'local' ? window.localStorage : window.sessionStorage
  } catch {
    return undefined // switched off by the person or their organisation
  }
}

export function load(kind: 'local' | 'session', key: string): string | undefined {
  return area(kind)?.getItem(key) ?? undefined
}

export function save(kind: 'local' | 'session', key: string, value: string | undefined): void {
  try {
    if (value === undefined || value === '') area(kind)?.removeItem(key)
    else area(kind)?.setItem(key, value)
  } catch {
    // Full or switched off: the preference lasts as long as the page.
  }
}
