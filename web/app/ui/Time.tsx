import { useSyncExternalStore } from 'react'
import { ago, fullTime, secondsBetween, timeOfDay, timeOfDaySeconds } from '@/util/format'

// One clock for the page: everything that counts time moves together, once a second, and only while someone looks.
const listeners = new Set<() => void>()
let now = Date.now()
let timer: ReturnType<typeof setInterval> | undefined

function subscribe(l: () => void): () => void {
  listeners.add(l)
  timer ??= setInterval(() => {
    now = Date.now()
    for (const each of listeners) each()
  }, 1000)
  return () => {
    listeners.delete(l)
    if (listeners.size === 0 && timer) {
      clearInterval(timer)
      timer = undefined
    }
  }
}

/** Now, in milliseconds, to the second. */
export const useNow = (): number =>
  useSyncExternalStore(
    (l) => subscribe(l),
    () => (timer ? now : (now = Math.floor(Date.now() / 1000) * 1000)),
  )

/** How long ago; the exact time on hover. */
export function Ago({ at, className }: { at: string | undefined; className?: string }) {
  const s = secondsBetween(at, useNow())
  if (!at || s === undefined) return <span className={className}>never</span>
  return (
    <time dateTime={at} title={fullTime(at)} className={className}>
      {ago(s)}
    </time>
  )
}

export const Clock = ({ at, seconds, className }: { at: string; seconds?: boolean; className?: string }) => (
  <time dateTime={at} title={fullTime(at)} className={className}>
    {seconds ? timeOfDaySeconds(at) : timeOfDay(at)}
  </time>
)
