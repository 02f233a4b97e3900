import { expect, it } from 'vitest'
import { foldedAtFirst, foldsOf, seenLines } from './fold'

const lines = `apiVersion: v1
metadata:
  managedFields:
  - manager: kubectl
    operation: Apply
  name: web
spec:
  containers:
  - name: a
    command: |
      one

      two
  - name: b
---
kind: Other
data: {}`.split('\n')

const folds = foldsOf(lines)
const range = (from: number) => [folds.get(from)?.from, folds.get(from)?.to]

it('folds what belongs to a key, also a list at its own depth', () => {
  expect(range(1)).toEqual([1, 5])
  expect(range(2)).toEqual([2, 4])
  expect(range(7)).toEqual([7, 13])
})

it('folds an item of a list, and a text of several lines with its blank ones', () => {
  expect(range(8)).toEqual([8, 12])
  expect(range(9)).toEqual([9, 12])
})

it('does not fold over the end of a document', () => {
  expect(folds.has(14)).toBe(false)
  expect(folds.has(16)).toBe(false)
})

it('begins with what people do not read folded, and hides its lines', () => {
  const shut = foldedAtFirst(folds)
  expect([...shut]).toEqual([2])
  expect(seenLines(lines.length, folds, shut)).not.toContain(3)
  expect(seenLines(lines.length, folds, shut)).toContain(5)
})
