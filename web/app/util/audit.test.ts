import { describe, expect, it } from 'vitest'
import type { AuditRecord } from '@/api/types'
import { groupAudit } from './audit'

const rec = (id: string, kind: AuditRecord['kind'], intentId?: string): AuditRecord => ({ id, kind, at: '', actor: {}, ...(intentId ? { intentId } : {}) })

describe('groupAudit', () => {
  it('shows a result with its intent, once', () => {
    const out = groupAudit([rec('4', 'read'), rec('3', 'result', '1'), rec('2', 'admin'), rec('1', 'intent')])
    expect(out.map((e) => [e.id, e.result?.id])).toEqual([['4', undefined], ['2', undefined], ['1', '3']])
  })
  it('shows a result alone until its intent is loaded', () => {
    expect(groupAudit([rec('3', 'result', '1')]).map((e) => e.id)).toEqual(['3'])
  })
  it('shows an intent without a result', () => {
    expect(groupAudit([rec('1', 'intent', 'x')])[0]?.result).toBeUndefined()
  })
})
