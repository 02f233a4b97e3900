import { createStore } from '@/util/store'

/** The tenant whose login ended while its page was open; the page asks to sign in again and keeps what was typed. */
export const signedOut = createStore<string | undefined>(undefined)

/** Told to the other tabs of this browser, which then notice at once that a login ended. */
const channel = typeof BroadcastChannel === 'undefined' ? undefined : new BroadcastChannel('kc.login')

export function announceSignOut(slug: string): void {
  channel?.postMessage(slug)
}

channel?.addEventListener('message', (e: MessageEvent<unknown>) => {
  if (typeof e.data === 'string' && location.pathname.startsWith(`/t/${e.data}`)) signedOut.set(e.data)
})

/** The tenant an address belongs to: it is always the part after /t/. */
export const tenantOf = (pathname: string): string | undefined => /^\/t\/([^/]+)/.exec(pathname)?.[1]
