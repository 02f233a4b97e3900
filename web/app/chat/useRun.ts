import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { signedOut } from '@/api/auth'
import { href } from '@/api/client'
import { conversationQuery, conversationsQuery, queryClient, runPath, runQuery } from '@/api/queries'
import { readStream, type StreamState } from '@/api/sse'
import type { Run, RunEvent } from '@/api/types'
import { useStore } from '@/util/store'
import { reduceAll } from './reducer'
import { isFinal, type RunView } from './view'

export interface LiveRun {
  view: RunView | undefined
  error: unknown
  refetch: () => void
  stream: StreamState | undefined
  retryAt: number | undefined
}

/** A run, followed until it ends. The events of one frame are applied together. */
export function useRun(t: string, run: Run): LiveRun {
  const q = useQuery(runQuery(t, run.id))
  const [stream, setStream] = useState<{ state: StreamState; retryAt?: number }>()
  const visible = useVisible()
  const out = useStore(signedOut) === t
  const loaded = q.data !== undefined
  const over = q.data ? isFinal(q.data.state) : false
  const gap = q.data?.gap ?? false

  useEffect(() => {
    if (gap) void queryClient.invalidateQueries({ queryKey: runQuery(t, run.id).queryKey })
  }, [gap, t, run.id])

  useEffect(() => {
    if (!loaded || over || !visible || out) return
    const stop = new AbortController()
    const key = runQuery(t, run.id).queryKey
    let waiting: RunEvent[] = []
    let frame = 0
    const apply = () => {
      frame = 0
      const events = waiting
      waiting = []
      queryClient.setQueryData(key, (old) => (old ? reduceAll(old, events) : old))
      const end = events.find((e) => e.type === 'end')
      if (end) {
        void queryClient.invalidateQueries({ queryKey: conversationQuery(t, run.conversationId).queryKey })
        void queryClient.invalidateQueries({ queryKey: conversationsQuery(t).queryKey })
        void queryClient.invalidateQueries({ queryKey: ['t', t, 'audit'] })
      }
    }
    const from = queryClient.getQueryData(key)?.lastSeq ?? 0
    void readStream({
      url: `${href(runPath(t, run.id))}/events?after=${from}`,
      lastEventId: from ? String(from) : '',
      signal: stop.signal,
      onState: (state, retryAt) => setStream({ state, ...(retryAt ? { retryAt } : {}) }),
      onRefused: (res) => {
        if (res.status === 401) signedOut.set(t)
        return res.status >= 400 && res.status < 500 && res.status !== 429
      },
      onMessage: (m) => {
        let e: RunEvent
        try {
          e = toEvent(m.event, m.id, m.data)
        } catch {
          return false // not ours; the next reading of the run brings it
        }
        waiting.push(e)
        if (frame === 0) frame = document.hidden ? window.setTimeout(apply) : requestAnimationFrame(apply)
        return e.type === 'end'
      },
    }).then(() => setStream(undefined))
    return () => {
      stop.abort()
      if (frame) cancelAnimationFrame(frame)
      if (waiting.length > 0) apply()
    }
  }, [t, run.id, run.conversationId, loaded, over, visible, out])

  return { view: q.data, error: q.error, refetch: () => void q.refetch(), stream: over ? undefined : stream?.state, retryAt: stream?.retryAt }
}

/** The message's data is the whole event, or only its inside with the type and seq beside it. */
export function toEvent(type: string, id: string, data: string): RunEvent {
  const parsed = JSON.parse(data) as Partial<RunEvent> & Record<string, unknown>
  if (typeof parsed.seq === 'number' && typeof parsed.type === 'string') return parsed as RunEvent
  const at = typeof parsed['at'] === 'string' ? parsed['at'] : new Date().toISOString()
  return { seq: Number(id), at, type, data: parsed } as unknown as RunEvent
}

/** A hidden tab reads no stream: it would hold one of the browser's few connections. It catches up when shown. */
function useVisible(): boolean {
  const [visible, setVisible] = useState(() => !document.hidden)
  useEffect(() => {
    const on = () => setVisible(!document.hidden)
    document.addEventListener('visibilitychange', on)
    return () => document.removeEventListener('visibilitychange', on)
  }, [])
  return visible
}
