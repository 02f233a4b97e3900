import { CloudOff, LoaderCircle } from 'lucide-react'
import { useEffect, useSyncExternalStore } from 'react'
import { live } from '@/api/live'
import { Ago, useNow } from '@/ui/Time'
import { alarm, announce } from '@/util/announce'
import { useStore } from '@/util/store'

const online = {
  subscribe: (l: () => void) => {
    window.addEventListener('online', l)
    window.addEventListener('offline', l)
    return () => {
      window.removeEventListener('online', l)
      window.removeEventListener('offline', l)
    }
  },
  get: () => navigator.onLine,
}

export const useOnline = (): boolean => useSyncExternalStore(online.subscribe, online.get, () => true)

/** Says, above every page, when what it shows can't be fresh. */
export function Banner() {
  const isOnline = useOnline()
  const { state, retryAt, asOf } = useStore(live)
  const now = useNow()
  const lost = !isOnline || (state === 'waiting' && now - asOf > 3000)
  useEffect(() => {
    if (!lost) return
    alarm('The connection to KubeChat is lost. What you see may be out of date.')
    return () => announce('Connected again.')
  }, [lost])
  if (!lost) return null
  const wait = retryAt ? Math.max(0, Math.ceil((retryAt - now) / 1000)) : 0
  return (
    <section aria-label="Connection" className="flex shrink-0 flex-wrap items-center gap-x-3 gap-y-1 border-b border-buff-line bg-buff-2 px-4 py-2 text-buff-ink sm:px-6">
      <CloudOff aria-hidden className="size-4.5" />
      <span className="font-semibold">{isOnline ? 'No connection to KubeChat' : 'You are offline'}</span>
      <span>
        What you see is as of <Ago at={new Date(asOf).toISOString()} />. Runs go on without this page.
      </span>
      <span className="ml-auto inline-flex items-center gap-1.5">
        <LoaderCircle aria-hidden className="size-4 animate-turn" />
        {isOnline && wait > 0 ? `Trying again in ${wait} s` : 'Waiting for the network'}
      </span>
    </section>
  )
}
