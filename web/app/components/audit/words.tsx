import { CircleCheck, CircleHelp, CircleX, LoaderCircle, ShieldX } from 'lucide-react'
import type { AuditKind, AuditRecord, Outcome } from '@/api/types'
import { useNow } from '@/ui/Time'
import { cx } from '@/util/cx'
import { plainText } from '@/util/format'
import type { AuditEntry } from '@/util/audit'

export const kindWord: Record<AuditKind, string> = { intent: 'Changes', result: 'Results', read: 'Reads', admin: 'Organisation' }

const adminWord: Record<string, string> = {
  'tenant.created': 'Made the organisation',
  'member.created': 'Added a member',
  'member.role_changed': 'Changed a role',
  'member.deactivated': 'Removed a member',
  'cluster.created': 'Added a cluster',
  'cluster.joined': 'A cluster joined',
  'cluster.revoked': 'Revoked a cluster',
  'group.set': 'Changed a group',
  'api_token.created': 'Made an API token',
  'api_token.revoked': 'Revoked an API token',
  'join_token.created': 'Made a join token',
  'join_token.revoked': 'Revoked a join token',
  'login.opened': 'Signed in',
  'login.ended': 'Signed out',
}

/** A record in a line: its command, or what it was about. */
export function sayRecord(r: AuditRecord): string {
  if (r.kind === 'admin') {
    const what = adminWord[r.action ?? ''] ?? r.action ?? 'Changed the organisation'
    const about = r.name ?? r.detail
    return plainText(about ? `${what}: ${about}` : what)
  }
  if (r.command) return plainText(r.command)
  return plainText([r.verb, objectOf(r), r.namespace && `-n ${r.namespace}`].filter(Boolean).join(' ')) || 'unknown request'
}

/** "pods/cart log": kind and name as kubectl writes them, then the part of it. */
export function objectOf(r: AuditRecord): string {
  if (r.path) return r.path
  const [kind, part] = (r.resource ?? '').split('/')
  return [[kind, r.name].filter(Boolean).join('/'), part].filter(Boolean).join(' ')
}

/** What an intent is: most change something; reading Secrets is put on record as carefully. */
export const tagOf = (r: AuditRecord): string | undefined =>
  r.kind !== 'intent' && r.kind !== 'result' ? undefined : /^(get|list|watch)$/.test(r.verb ?? '') ? 'guarded read' : 'change'

const looks: Record<Outcome, { icon: typeof CircleCheck; colour: string; word: string }> = {
  succeeded: { icon: CircleCheck, colour: 'text-ok', word: 'Succeeded' },
  failed: { icon: CircleX, colour: 'text-bad', word: 'Failed' },
  denied: { icon: ShieldX, colour: 'text-bad', word: 'Denied' },
  unknown: { icon: CircleHelp, colour: 'text-warn', word: 'Unknown' },
}

export function outcomeOf(e: AuditEntry): Outcome | undefined {
  const r = e.result ?? e.record
  if (r.outcome) return r.outcome
  if (e.record.kind === 'read' && r.httpStatus) return r.httpStatus < 400 ? 'succeeded' : r.httpStatus === 403 ? 'denied' : 'failed'
  return undefined
}

/** How it ended. A change without a result is under way, or its result is on an older page, or nobody knows. */
export function OutcomeView({ entry }: { entry: AuditEntry }) {
  const outcome = outcomeOf(entry)
  const now = useNow()
  if (!outcome) {
    if (entry.record.kind !== 'intent') return <span className="text-ink-3">–</span>
    const fresh = now - Date.parse(entry.record.at) < 60_000
    return fresh ? (
      <span className="inline-flex items-center gap-1.5 text-sea">
        <LoaderCircle aria-hidden className="size-4 animate-turn" />
        Under way
      </span>
    ) : (
      <span className="text-ink-3">No result yet</span>
    )
  }
  const { icon: Icon, colour, word } = looks[outcome]
  return (
    <span className={cx('inline-flex items-center gap-1.5', entry.record.kind === 'read' && outcome === 'succeeded' ? 'text-ink-3' : cx('font-medium', colour))}>
      <Icon aria-hidden className="size-4" />
      {entry.record.kind === 'read' && outcome === 'succeeded' ? 'Answered' : word}
    </span>
  )
}
