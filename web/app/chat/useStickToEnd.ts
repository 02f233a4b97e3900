import { useCallback, useEffect, useRef, useState } from 'react'

/** Keeps the end in view while things are added, unless the reader went up to read. */
export function useStickToEnd(startAt: string | undefined) {
  const ref = useRef<HTMLDivElement>(null)
  const inner = useRef<HTMLDivElement>(null)
  const stuck = useRef(true)
  const [away, setAway] = useState(false)
  const toEnd = useCallback(() => {
    stuck.current = true
    const el = ref.current
    if (el) el.scrollTop = el.scrollHeight
  }, [])
  useEffect(() => {
    const el = ref.current
    if (!el || !inner.current) return
    let aimed = -1 // where following put it: being there is no sign that the reader went away
    const onScroll = () => {
      const gap = el.scrollHeight - el.scrollTop - el.clientHeight
      stuck.current = gap < 48 || Math.abs(el.scrollTop - aimed) < 2
      setAway(gap > 400)
    }
    el.addEventListener('scroll', onScroll, { passive: true })
    const follow = () => {
      if (!stuck.current) return
      // What was asked last and waits for a decision is read from its top; its buttons stay in view at the bottom.
      const last = [...el.querySelectorAll('[id^="run-"]')].at(-1)
      const card = last?.querySelector<HTMLElement>('[data-decide-from], [data-decide]')
      const end = el.scrollHeight - el.clientHeight
      const top = card ? el.scrollTop + card.getBoundingClientRect().top - el.getBoundingClientRect().top - 12 : end
      el.scrollTop = Math.min(end, top)
      aimed = el.scrollTop
    }
    const grow = new ResizeObserver(follow)
    grow.observe(inner.current)
    const start = startAt ? document.getElementById(`run-${startAt}`) : null
    if (start) {
      stuck.current = false // came to look at this one
      start.scrollIntoView()
    } else follow()
    return () => {
      el.removeEventListener('scroll', onScroll)
      grow.disconnect()
    }
  }, [startAt])
  const stick = useCallback(() => {
    stuck.current = true
  }, [])
  return { ref, inner, away, toEnd, stick }
}
