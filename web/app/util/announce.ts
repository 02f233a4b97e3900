// What screen readers are told besides what is on the page. One polite and one assertive region, made once, filled with
// text that was gathered for a moment: a stream of many small pieces is read as sentences, not as stutter.

const gather = 700
const regions: Partial<Record<'polite' | 'assertive', HTMLElement>> = {}
let waiting: string[] = []
let timer: ReturnType<typeof setTimeout> | undefined

function region(kind: 'polite' | 'assertive'): HTMLElement {
  let el = regions[kind]
  if (!el?.isConnected) {
    el = document.createElement('div')
    el.setAttribute('aria-live', kind)
    el.setAttribute('role', kind === 'polite' ? 'status' : 'alert')
    el.className = 'sr-only'
    el.dataset['announcer'] = kind
    document.body.append(el)
    regions[kind] = el
  }
  return el
}

/** Says the text when the reader has a pause; what comes within the next moment is said with it. */
export function announce(text: string): void {
  if (!text || waiting.includes(text)) return
  waiting.push(text)
  timer ??= setTimeout(() => {
    const say = waiting.join(' ')
    waiting = []
    timer = undefined
    const el = region('polite')
    el.textContent = ''
    requestAnimationFrame(() => (el.textContent = say))
  }, gather)
}

/** Says the text at once: only for what a person must not miss, such as a lost connection. */
export function alarm(text: string): void {
  const el = region('assertive')
  el.textContent = ''
  requestAnimationFrame(() => (el.textContent = text))
}
