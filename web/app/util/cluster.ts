import type { ClusterState } from '@/api/types'

/** Every state, what needs a person most first. */
export const states: readonly ClusterState[] = ['offline', 'stale', 'degraded', 'upgrading', 'pending', 'connected', 'revoked']

/** Whether questions and commands reach a cluster in this state. */
export const isUp = (state: ClusterState): boolean => state === 'connected' || state === 'degraded' || state === 'upgrading'
