import { load, save } from './storage'

/** The tenant and cluster last worked in: where the next visit and the next question start. */
export const lastTenant = (): string | undefined => load('local', 'kc.tenant')
export const rememberTenant = (slug: string): void => save('local', 'kc.tenant', slug)
export const lastCluster = (t: string): string | undefined => load('local', `kc.cluster.${t}`)
export const rememberCluster = (t: string, id: string): void => save('local', `kc.cluster.${t}`, id)
