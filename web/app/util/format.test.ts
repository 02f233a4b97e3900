import { describe, expect, it } from 'vitest'
import { path } from '@/api/client'
import { age, ago, countdown, dateName, isLinedUp, milliseconds, parseAge, plainText, plural, until } from './format'

describe('age', () => {
  it.each([
    [0, '0s'],
    [119, '119s'],
    [120, '2m'],
    [125, '2m5s'],
    [600, '10m'],
    [3 * 3600 - 1, '179m'],
    [3 * 3600, '3h'],
    [3 * 3600 + 1200, '3h20m'],
    [9 * 3600 + 1, '9h'],
    [47 * 3600, '47h'],
    [52 * 3600, '2d4h'],
    [34 * 86400, '34d'],
    [800 * 86400, '2y'],
    [-5, '0s'],
  ])('writes %d seconds as %s', (s, text) => expect(age(s)).toBe(text))

  it('is read back by parseAge, to within what it leaves out', () => {
    for (const s of [5, 119, 125, 4000, 12_000, 100_000, 500_000, 5_000_000]) {
      const back = parseAge(age(s)) ?? -1
      expect(Math.abs(back - s) / s).toBeLessThan(0.1)
    }
  })

  it('is not read from other text', () => {
    for (const t of ['', 'abc', '5', '5m ago', '<unknown>', '-5m']) expect(parseAge(t)).toBeUndefined()
  })
})

describe('times', () => {
  it('says how long ago', () => {
    expect([2, 40, 720, 3 * 3600, 30 * 3600, 5 * 86400].map(ago)).toEqual(['just now', '40 s ago', '12 min ago', '3 h ago', 'yesterday', '5 days ago'])
  })
  it('counts down', () => {
    expect([247, 0.2, 3723, -4].map(countdown)).toEqual(['4:07', '0:01', '1:02:03', '0:00'])
  })
  it('says until when', () => {
    expect([-1, 30, 240, 23 * 3600, 89 * 86400].map(until)).toEqual(['expired', 'in 30 s', 'in 4 min', 'in 23 h', 'in 89 days'])
  })
  it('names days in the zone of the person', () => {
    const now = new Date(2026, 10, 23, 12)
    expect(dateName(new Date(2026, 10, 23, 0, 5).toISOString(), now)).toBe('Today')
    expect(dateName(new Date(2026, 10, 22, 23, 55).toISOString(), now)).toBe('Yesterday')
    expect(dateName(new Date(2025, 2, 4, 12).toISOString(), now)).toContain('2025')
  })
  it('writes durations', () => {
    expect([12.4, 2340, 42_000, 75_000].map(milliseconds)).toEqual(['12 ms', '2.3 s', '42 s', '1 min 15 s'])
  })
})

describe('plainText', () => {
  it('takes terminal sequences out and leaves the words', () => {
    expect(plainText('\u001B[31mred\u001B[0m \u001B]0;title\u0007ok\u0000\tz')).toBe('red ok\tz')
  })
})

describe('isLinedUp', () => {
  it('knows columns from sentences', () => {
    expect(isLinedUp('Name:      cart\nNamespace: shop\nImage:     a')).toBe(true)
    expect(isLinedUp('One sentence.\nAnother one.\nA third.')).toBe(false)
  })
})

describe('plural', () => {
  it('counts', () => expect([plural(1, 'row'), plural(1200, 'row')]).toEqual(['1 row', '1,200 rows']))
})

describe('path', () => {
  it('escapes every part', () => expect(path`/t/${'a/b'}/clusters/${'..?x'}`).toBe('/t/a%2Fb/clusters/..%3Fx'))
})
