import { expect, it } from 'vitest'
import { parseUnified } from './unified'

it('tells added, removed and unchanged lines apart', () => {
  const text = '--- live\n+++ dry run\n@@ -1,3 +1,3 @@\n spec:\n-  replicas: 2\n+  replicas: 3\n   paused: false\n'
  expect(parseUnified(text)).toEqual([
    { kind: 'hunk', text: '@@ -1,3 +1,3 @@' },
    { kind: 'same', text: 'spec:' },
    { kind: 'del', text: '  replicas: 2' },
    { kind: 'add', text: '  replicas: 3' },
    { kind: 'same', text: '  paused: false' },
  ])
})

it('takes a removed line of dashes for what it is', () => {
  expect(parseUnified('@@ @@\n--- a\n')).toEqual([
    { kind: 'hunk', text: '@@ @@' },
    { kind: 'del', text: '-- a' },
  ])
})

it('is empty when nothing differs', () => {
  expect(parseUnified('')).toEqual([])
  expect(parseUnified(' spec: {}\n')).toEqual([])
})
