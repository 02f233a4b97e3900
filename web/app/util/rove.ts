import type { FocusEvent, KeyboardEvent } from 'react'

// Many like controls in a row are one stop of the Tab key, and the arrow keys move among them.

const all = (box: Element): HTMLElement[] => [...box.querySelectorAll<HTMLElement>('[data-rove]')]

/** For onKeyDownCapture of the box, before a control itself hears the key: moves the focus among its controls marked data-rove. */
export function roveKeys(e: KeyboardEvent<HTMLElement>): void {
  if (e.altKey || e.ctrlKey || e.metaKey || e.shiftKey || !(e.target instanceof HTMLElement) || e.target.dataset['rove'] === undefined) return
  const list = all(e.currentTarget)
  const at = list.indexOf(e.target)
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: list.length - 1 }[e.key]
  const next = to === undefined ? undefined : list[to]
  if (!next) return
  e.preventDefault()
  next.focus()
}

/** For onFocus of the box: the control that has the focus is the one that Tab comes back to. */
export function roveFocus(e: FocusEvent<HTMLElement>): void {
  if (!(e.target instanceof HTMLElement) || e.target.dataset['rove'] === undefined) return
  for (const el of all(e.currentTarget)) el.tabIndex = el === e.target ? 0 : -1
}

/** Until one of them had the focus, Tab finds the one that is first. */
export const roving = (first: boolean): { 'data-rove': ''; tabIndex: number } => ({ 'data-rove': '', tabIndex: first ? 0 : -1 })
