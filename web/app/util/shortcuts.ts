import { load, save } from './storage'
import { createStore } from './store'

/** Keys of one letter can be turned off: speech input and shaking hands press them by mistake (WCAG 2.1.4). */
export const letterKeys = createStore(load('local', 'kc.keys') !== 'off')

export function setLetterKeys(on: boolean): void {
  letterKeys.set(on)
  save('local', 'kc.keys', on ? undefined : 'off')
}

export const isMac = (): boolean => /Mac|iPhone|iPad/.test(navigator.platform)
export const modKey = (): string => (isMac() ? '⌘' : 'Ctrl')

/** Whether a key press belongs to a control that takes text. */
export function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
}
