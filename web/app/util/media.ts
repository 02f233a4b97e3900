import { useSyncExternalStore } from 'react'

const lists = new Map<string, MediaQueryList>()

function list(query: string): MediaQueryList {
  let l = lists.get(query)
  if (!l) lists.set(query, (l = window.matchMedia(query)))
  return l
}

/** Whether the window is as the query says; for what is placed elsewhere on a narrow one, which CSS alone would show twice. */
export const useMedia = (query: string): boolean =>
  useSyncExternalStore(
    (l) => {
      list(query).addEventListener('change', l)
      return () => list(query).removeEventListener('change', l)
    },
    () => list(query).matches,
  )

/** Wide enough for a table of several columns. */
export const useWide = (): boolean => useMedia('(min-width: 40rem)')
