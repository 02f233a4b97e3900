import { describe, expect, it } from 'vitest'
import { readStream, sseParser, type SseMessage } from './sse'

const parse = (chunks: string[]): SseMessage[] => {
  const out: SseMessage[] = []
  const feed = sseParser((m) => out.push(m))
  for (const c of chunks) feed(c)
  return out
}

describe('sseParser', () => {
  const text = '\uFEFF: hello\r\nid: 1\r\nevent: plan\r\ndata: {"a":1}\r\n\r\n:\n\nid: 2\ndata: one\ndata:two\n\ndata\n\n'
  const want = [
    { id: '1', event: 'plan', data: '{"a":1}' },
    { id: '2', event: 'message', data: 'one\ntwo' },
    { id: '2', event: 'message', data: '' },
  ]

  it('reads a stream', () => {
    expect(parse([text])).toEqual(want)
  })

  it('reads the same in pieces of any size', () => {
    for (let size = 1; size < text.length; size++) {
      const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, i) => text.slice(i * size, (i + 1) * size))
      expect(parse(pieces)).toEqual(want)
    }
  })

  it('gives no message that did not end', () => {
    expect(parse(['id: 1\ndata: half\n'])).toEqual([])
  })

  it('keeps an id that has a NUL out', () => {
    expect(parse(['id: a\0b\ndata: x\n\n'])[0]?.id).toBe('')
  })
})

const body = (text: string) => new Response(new TextEncoder().encode(text), { status: 200 })

describe('readStream', () => {
  it('resumes after the last message it saw, and stops when told', async () => {
    const asked: (string | null)[] = []
    const answers = [() => body('id: 1\ndata: a\n\nid: 2\ndata: b\n\n'), () => Promise.reject(new Error('network')), () => body('id: 3\ndata: end\n\n')]
    const seen: string[] = []
    await readStream({
      url: '/x',
      lastEventId: '0',
      signal: new AbortController().signal,
      fetch: async (_url, init) => {
        asked.push(new Headers(init?.headers).get('Last-Event-ID'))
        return (answers.shift() as () => Response | Promise<Response>)()
      },
      wait: async () => {},
      onMessage: (m) => {
        seen.push(m.data)
        return m.data === 'end'
      },
      onRefused: () => true,
    })
    expect(seen).toEqual(['a', 'b', 'end'])
    expect(asked).toEqual(['0', '2', '2'])
  })

  it('gives a refusal to the caller, who decides', async () => {
    let tries = 0
    await readStream({
      url: '/x',
      signal: new AbortController().signal,
      fetch: async () => new Response('', { status: ++tries < 3 ? 503 : 404 }),
      wait: async () => {},
      onMessage: () => {},
      onRefused: (res) => res.status === 404,
    })
    expect(tries).toBe(3)
  })

  it('waits longer the more often it fails, and not for ever', async () => {
    const waits: number[] = []
    await readStream({
      url: '/x',
      fetch: async () => Promise.reject(new Error('down')),
      random: () => 1,
      wait: async (ms) => {
        waits.push(ms)
      },
      onMessage: () => {},
      onRefused: () => true,
      ...stopAfter(waits, 8),
    })
    expect(waits[0]).toBe(250)
    expect(Math.max(...waits)).toBeLessThanOrEqual(20_500)
    expect(waits.slice(1)).toEqual(waits.slice(1).toSorted((a, b) => a - b))
  })
})

function stopAfter(waits: number[], n: number) {
  const stop = new AbortController()
  return {
    signal: stop.signal,
    onState: () => {
      if (waits.length >= n) stop.abort()
    },
  }
}
