// Server-sent events over fetch: unlike EventSource it sees the status of a refused stream, and it can be stopped.

export interface SseMessage {
  id: string
  event: string
  data: string
}

/** Takes the stream's text in pieces of any size and calls back once per whole message. */
export function sseParser(onMessage: (m: SseMessage) => void): (chunk: string) => void {
  let rest = ''
  let data: string[] = []
  let event = ''
  let lastId = ''
  let started = false
  const line = (l: string) => {
    if (l === '') {
      if (data.length > 0) onMessage({ id: lastId, event: event || 'message', data: data.join('\n') })
      data = []
      event = ''
      return
    }
    if (l.startsWith(':')) return // a comment; the server's heartbeat
    const colon = l.indexOf(':')
    const field = colon < 0 ? l : l.slice(0, colon)
    let value = colon < 0 ? '' : l.slice(colon + 1)
    if (value.startsWith(' ')) value = value.slice(1)
    if (field === 'data') data.push(value)
    else if (field === 'event') event = value
    else if (field === 'id' && !value.includes('\0')) lastId = value
  }
  return (chunk) => {
    if (!started && chunk !== '') {
      started = true
      if (chunk.startsWith('\uFEFF')) chunk = chunk.slice(1)
    }
    rest += chunk
    for (;;) {
      const end = rest.search(/[\r\n]/)
      if (end < 0) return
      // A \r at the very end may be half of \r\n; wait for the next piece to know.
      if (rest[end] === '\r' && end === rest.length - 1) return
      line(rest.slice(0, end))
      rest = rest.slice(rest[end] === '\r' && rest[end + 1] === '\n' ? end + 2 : end + 1)
    }
  }
}

export type StreamState = 'connecting' | 'open' | 'waiting'

export interface StreamOptions {
  url: string
  /** The last message already seen; sent as Last-Event-ID. */
  lastEventId?: string
  signal: AbortSignal
  /** Returning true ends the stream for good. */
  onMessage: (m: SseMessage) => boolean | void
  /** retryAt is when the next attempt starts, while waiting. */
  onState?: (state: StreamState, retryAt?: number) => void
  /** Called with the answer to a stream that the server refused; returning true stops trying. */
  onRefused: (res: Response) => boolean
  fetch?: typeof fetch
  wait?: (ms: number, signal: AbortSignal) => Promise<void>
  random?: () => number
}

/** Longest silence of a live stream: the server sends a comment every 15 s. */
const silence = 40_000

/**
 * Reads the stream until onMessage or onRefused says enough, or the signal stops it; in between it reconnects after a
 * pause with full jitter, from where it was.
 */
export async function readStream(o: StreamOptions): Promise<void> {
  const doFetch = o.fetch ?? fetch
  const wait = o.wait ?? pause
  const random = o.random ?? Math.random
  let lastId = o.lastEventId ?? ''
  for (let attempt = 0; !o.signal.aborted; attempt++) {
    if (attempt > 0) {
      const ms = attempt === 1 ? 250 : 500 + random() * Math.min(20_000, 1000 * 2 ** Math.min(attempt, 6))
      o.onState?.('waiting', Date.now() + ms)
      await wait(ms, o.signal)
      if (o.signal.aborted) return
    }
    o.onState?.('connecting')
    const quiet = new AbortController()
    const abort = () => quiet.abort()
    o.signal.addEventListener('abort', abort, { once: true })
    let watchdog = setTimeout(abort, silence)
    try {
      const headers: Record<string, string> = { Accept: 'text/event-stream' }
      if (lastId) headers['Last-Event-ID'] = lastId
      const res = await doFetch(o.url, { headers, credentials: 'same-origin', cache: 'no-store', signal: quiet.signal })
      if (!res.ok || !res.body) {
        if (o.onRefused(res)) return
        continue
      }
      o.onState?.('open')
      attempt = 0
      let done = false
      const feed = sseParser((m) => {
        if (done) return
        if (m.id) lastId = m.id
        done = o.onMessage(m) === true
      })
      const reader = res.body.pipeThrough(new TextDecoderStream()).getReader()
      for (;;) {
        const piece = await reader.read()
        if (piece.done) break
        clearTimeout(watchdog)
        watchdog = setTimeout(abort, silence)
        feed(piece.value)
        if (done) {
          void reader.cancel().catch(() => {}) // the stream has nothing more for us, however it closes
          return
        }
      }
    } catch {
      // Lost, or silent for too long: the loop tries again, unless the reader asked to stop.
    } finally {
      clearTimeout(watchdog)
      o.signal.removeEventListener('abort', abort)
    }
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      window.removeEventListener('online', done)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    window.addEventListener('online', done, { once: true }) // no need to wait once the network is back
    signal.addEventListener('abort', done, { once: true })
  })
}
