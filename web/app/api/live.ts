// The tenant's event stream, read once per browser: the tab that holds a lock reads it and tells the others. One stream
// per tab would use up the browser's six connections to an HTTP/1.1 server and hang the seventh tab.

import { useEffect } from 'react'
import { createStore, useStore } from '@/util/store'
import { signedOut } from './auth'
import { href, path } from './client'
import { putCluster } from './mutations'
import { queryClient } from './queries'
import { readStream, type StreamState } from './sse'
import type { Cluster } from './types'

export interface LiveState {
  state: StreamState
  retryAt?: number
  /** When the stream was last known to be open. */
  asOf: number
}

/** How fresh what the page shows can be. */
export const live = createStore<LiveState>({ state: 'connecting', asOf: Date.now() })

type Note = { kind: 'event'; event: string; data: string } | { kind: 'state'; state: StreamState; retryAt?: number } | { kind: 'ask' }

function onEvent(t: string, event: string, data: string): void {
  if (event === 'cluster') {
    try {
      putCluster(t, JSON.parse(data) as Cluster)
    } catch {
      void queryClient.invalidateQueries({ queryKey: ['t', t, 'clusters'] }) // not what we understand: ask
    }
    return
  }
  if (event === 'resync') void queryClient.invalidateQueries({ queryKey: ['t', t] })
}

function onState(state: StreamState, retryAt?: number): void {
  const before = live.get()
  const asOf = state === 'open' || before.state === 'open' ? Date.now() : before.asOf
  live.set({ state, asOf, ...(retryAt ? { retryAt } : {}) })
}

/** Follows the tenant's events while the component is there. */
export function useLive(t: string): void {
  const out = useStore(signedOut) === t
  useEffect(() => {
    if (out) return
    const stop = new AbortController()
    const channel = typeof BroadcastChannel === 'undefined' ? undefined : new BroadcastChannel(`kc.live.${t}`)
    let leading = false
    let wasLost = false
    const takeState = (state: StreamState, retryAt?: number) => {
      onState(state, retryAt)
      if (state === 'waiting') wasLost = true
      if (state === 'open' && wasLost) {
        wasLost = false
        void queryClient.invalidateQueries({ queryKey: ['t', t, 'clusters'] }) // what happened meanwhile
      }
    }
    if (channel) {
      channel.addEventListener('message', (e: MessageEvent<Note>) => {
        const note = e.data
        if (note.kind === 'event') onEvent(t, note.event, note.data)
        else if (note.kind === 'state') takeState(note.state, note.retryAt)
        else if (leading) channel.postMessage({ kind: 'state', ...live.get() } satisfies Note)
      })
      channel.postMessage({ kind: 'ask' } satisfies Note)
    }
    const lead = async () => {
      leading = true
      await readStream({
        url: href(path`/t/${t}/events`),
        signal: stop.signal,
        onMessage: (m) => {
          onEvent(t, m.event, m.data)
          channel?.postMessage({ kind: 'event', event: m.event, data: m.data } satisfies Note)
        },
        onState: (state, retryAt) => {
          takeState(state, retryAt)
          channel?.postMessage({ kind: 'state', state, ...(retryAt ? { retryAt } : {}) } satisfies Note)
        },
        onRefused: (res) => {
          if (res.status === 401) signedOut.set(t)
          return res.status >= 400 && res.status < 500 && res.status !== 429
        },
      })
    }
    if (navigator.locks) {
      navigator.locks.request(`kc.live.${t}`, { signal: stop.signal }, lead).catch(() => {}) // the page left before its turn
    } else void lead() // plain http on another host: no locks there
    return () => {
      stop.abort()
      channel?.close()
    }
  }, [t, out])
}
