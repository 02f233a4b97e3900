import { expect, it } from 'vitest'
import { auditSearch, clusterSearch, signInSearch } from './search'

it('never goes to another site after signing in', () => {
  for (const next of ['https://evil.example/', '//evil.example/t/x', '/\\evil.example', 'javascript:alert(1)', '/sign-in']) expect(signInSearch({ next })).toEqual({})
  expect(signInSearch({ next: '/t/halyard/audit?kind=read' })).toEqual({ next: '/t/halyard/audit?kind=read' })
})

it('takes from an address only what it knows', () => {
  expect(auditSearch({ kind: 'everything', cluster: 7, member: { a: 1 }, x: 'y' })).toEqual({ cluster: '7' })
  expect(clusterSearch({ tab: '<script>' })).toEqual({})
})
