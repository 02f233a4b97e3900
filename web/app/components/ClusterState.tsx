import { Ban, CircleArrowUp, CircleCheck, CircleDashed, CircleQuestionMark, TriangleAlert, Unplug } from 'lucide-react'
import type { Cluster, ClusterState as State } from '@/api/types'
import { cx } from '@/util/cx'

export const stateWord: Record<State, string> = {
  pending: 'Waiting for agent',
  connected: 'Connected',
  degraded: 'Degraded',
  upgrading: 'Upgrading',
  stale: 'Not confirmed',
  offline: 'Offline',
  revoked: 'Revoked',
}

const icons = { pending: CircleDashed, connected: CircleCheck, degraded: TriangleAlert, upgrading: CircleArrowUp, stale: CircleQuestionMark, offline: Unplug, revoked: Ban }
const colours: Record<State, string> = {
  pending: 'text-sea',
  connected: 'text-ok',
  degraded: 'text-warn',
  upgrading: 'text-sea',
  stale: 'text-warn',
  offline: 'text-bad',
  revoked: 'text-ink-3',
}

/** Only the icon; the word stands beside it. */
export function StateIcon({ cluster }: { cluster: Pick<Cluster, 'state'> }) {
  const Icon = icons[cluster.state] ?? CircleDashed
  return <Icon aria-hidden className={cx('size-4 shrink-0', colours[cluster.state] ?? 'text-ink-2')} />
}

/** How a cluster is: an icon, a word and a colour. What is no longer certain is said so and loses its colour. */
export function ClusterState({ cluster, stale, brief, className }: { cluster: Pick<Cluster, 'state'>; stale?: boolean; brief?: boolean; className?: string }) {
  const Icon = icons[cluster.state] ?? CircleDashed
  const word = stateWord[cluster.state] ?? cluster.state
  return (
    <span className={cx('inline-flex items-center gap-1.5 font-medium whitespace-nowrap', stale ? 'text-ink-3' : (colours[cluster.state] ?? 'text-ink-2'), className)}>
      <Icon aria-hidden className="size-4 shrink-0" />
      <span className={brief ? 'sr-only' : ''}>{stale ? `${word}?` : word}</span>
    </span>
  )
}

export const groupWord = { viewer: 'viewer', operator: 'operator', admin: 'admin' } as const

export const roleWord = { tenant_admin: 'Admin', tenant_user: 'User', tenant_viewer: 'Viewer' } as const
