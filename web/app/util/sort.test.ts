import { describe, expect, it } from 'vitest'
import { numberOf, sortRows } from './sort'
import { toneOf } from './status'

describe('sortRows', () => {
  const column = (kind: 'text' | 'age' | 'number', cells: (string | number | null)[], desc = false) =>
    sortRows(cells.map((c) => [c]), (r) => r, 0, kind, desc, Date.UTC(2026, 10, 23)).map((r) => r[0])

  it('orders names as people count', () => {
    expect(column('text', ['api-10', 'api-9', 'API-1'])).toEqual(['API-1', 'api-9', 'api-10'])
  })
  it('orders ages by length, not by letters', () => {
    expect(column('age', ['2d', '45s', '3h20m', '2026-11-22T23:00:00Z'])).toEqual(['45s', '2026-11-22T23:00:00Z', '3h20m', '2d'])
  })
  it('orders quantities by size', () => {
    expect(column('number', ['1Gi', '900Mi', '2', '250m'])).toEqual(['250m', '2', '900Mi', '1Gi'])
  })
  it('puts what is missing last in both directions', () => {
    expect(column('number', [null, 2, 1])).toEqual([1, 2, null])
    expect(column('number', [null, 2, 1], true)).toEqual([2, 1, null])
  })
})

describe('numberOf', () => {
  it('reads ratios by their first part', () => expect(numberOf('2/3')).toBeLessThan(numberOf('3/3') ?? 0))
  it('reads no number in words', () => expect(numberOf('nginx')).toBeUndefined())
})

describe('toneOf', () => {
  it.each([
    ['Running', 'ok'],
    ['CrashLoopBackOff', 'bad'],
    ['Init:CrashLoopBackOff', 'bad'],
    ['Init:0/2', 'busy'],
    ['ImagePullBackOff', 'bad'],
    ['Pending', 'busy'],
    ['Completed', 'done'],
    ['NotReady', 'bad'],
    ['2/3', 'busy'],
    ['0/3', 'bad'],
    ['3/3', 'ok'],
    ['ClusterIP', 'none'],
  ])('%s is %s', (text, tone) => expect(toneOf(text)).toBe(tone))
})
