import { useSuspenseQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { tenantQuery } from './queries'
import type { Action, Tenant } from './types'

/** The tenant of this page, always from its address. */
export function useTenant(): Tenant {
  const { tenant } = useParams({ strict: false })
  return useSuspenseQuery(tenantQuery(tenant ?? '')).data // the route has loaded it
}

export const useSlug = (): string => useParams({ strict: false }).tenant ?? ''

/** Whether the member's role allows it, and if not, why not in words for a control's reason. */
export function useMay(action: Action): { may: boolean; reason: string | undefined } {
  const { me } = useTenant()
  const may = me.actions.includes(action)
  return { may, reason: may ? undefined : reasons[action] ?? 'Your role does not allow this. A tenant admin can change your role.' }
}

/** For what only admins see and set. */
export function useAdmin(): { may: boolean; reason: string | undefined } {
  const may = useTenant().me.role === 'tenant_admin'
  return { may, reason: may ? undefined : `Only tenant admins see and set this. ${ask}` }
}

const ask = 'Ask a tenant admin.'
const reasons: Partial<Record<Action, string>> = {
  'clusters.manage': `Only tenant admins add and revoke clusters. ${ask}`,
  'fleet.read': `Only tenant admins see the fleet. ${ask}`,
  'groups.manage': `Only tenant admins set groups. ${ask}`,
  'members.read': `Your role can't see members. ${ask}`,
  'members.manage': `Only tenant admins change members. ${ask}`,
  'commands.run': 'Viewers can look but not change. A tenant admin can make you a user.',
}
