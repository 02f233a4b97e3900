import { useEffect, useRef } from 'react'
import { announce } from '@/util/announce'
import { say } from './say'
import { isFinal, type RunView } from './view'

/** Tells screen readers what came, once, in sentences. What was there when the page opened is not told. */
export function useNarration(view: RunView | undefined) {
  const told = useRef<number>(undefined)
  const state = useRef(view?.state)
  useEffect(() => {
    if (!view) return
    if (told.current === undefined) {
      told.current = isFinal(view.state) ? Number.POSITIVE_INFINITY : view.lastSeq
      state.current = view.state
      return
    }
    for (const b of view.blocks) if (b.seq > told.current) announce(say(b))
    if (state.current !== view.state) {
      if (view.state === 'awaiting_approval') announce('Waiting for your decision. Press the full stop key to go to it.')
      if (view.state === 'done') announce('Done.')
      if (view.state === 'failed') announce('The run failed.')
      if (view.state === 'interrupted') announce('The run was interrupted.')
    }
    state.current = view.state
    told.current = Math.max(told.current, view.lastSeq)
  }, [view])
}
