import type { AuditRecord } from '@/api/types'

/** One line of the audit page: an intent with its result, or a record that stands alone. */
export interface AuditEntry {
  id: string
  record: AuditRecord
  result?: AuditRecord
}

const intentOf = (r: AuditRecord): string | undefined => r.intentId ?? (r.kind === 'intent' ? r.id : undefined)

/** Puts each result beside its intent. A result whose intent is not among the records yet stands alone. */
export function groupAudit(records: readonly AuditRecord[]): AuditEntry[] {
  const intents = new Set<string>()
  const results = new Map<string, AuditRecord>()
  for (const r of records) {
    const id = intentOf(r)
    if (!id) continue
    if (r.kind === 'intent') intents.add(id)
    if (r.kind === 'result' && !results.has(id)) results.set(id, r)
  }
  const out: AuditEntry[] = []
  for (const record of records) {
    const id = intentOf(record)
    if (record.kind === 'result' && id && intents.has(id)) continue
    const result = record.kind === 'intent' && id ? results.get(id) : undefined
    out.push({ id: record.id, record, ...(result ? { result } : {}) })
  }
  return out
}
