import { load, save } from './storage'
import { createStore } from './store'

export type Theme = 'system' | 'light' | 'dark'

const initial = load('local', 'kc.theme')

export const theme = createStore<Theme>(initial === 'light' || initial === 'dark' ? initial : 'system')

/** Changes the theme at once and for the next visit; public/theme.js applies it before the first paint. */
export function setTheme(next: Theme): void {
  theme.set(next)
  save('local', 'kc.theme', next === 'system' ? undefined : next)
  if (next === 'system') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = next
}
