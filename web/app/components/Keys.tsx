import { useNavigate } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { useAdmin, useSlug } from '@/api/context'
import { Dialog, DialogBody } from '@/ui/Dialog'
import { Kbd } from '@/ui/bits'
import { announce } from '@/util/announce'
import { isTyping, letterKeys, modKey, setLetterKeys } from '@/util/shortcuts'
import { createStore, useStore } from '@/util/store'
import { Palette } from './Palette'

export const showKeys = createStore(false)

const places = { c: '/t/$tenant/chat', k: '/t/$tenant/clusters', f: '/t/$tenant/fleet', a: '/t/$tenant/audit', m: '/t/$tenant/members', t: '/t/$tenant/tokens', o: '/t/$tenant/settings/model' } as const

/** The keyboard's ways through the application. */
export function Keys() {
  const slug = useSlug()
  const navigate = useNavigate()
  const open = useStore(showKeys)
  const letters = useStore(letterKeys)
  const [palette, setPalette] = useState(false)
  useEffect(() => {
    let leader = 0
    const on = (e: KeyboardEvent) => {
      if (e.defaultPrevented || e.isComposing) return
      if ((e.metaKey || e.ctrlKey) && !e.altKey && !e.shiftKey && e.key.toLowerCase() === 'k') {
        e.preventDefault()
        setPalette((p) => !p)
        return
      }
      if (!letterKeys.get() || e.metaKey || e.ctrlKey || e.altKey || isTyping(e.target) || document.querySelector('dialog[open]')) return
      if (e.key === '?') {
        e.preventDefault()
        showKeys.set(true)
      } else if (e.key === '/') {
        const box = document.getElementById('ask') ?? document.getElementById('search')
        if (!box) return
        e.preventDefault()
        box.focus()
      } else if (e.key === 'h') {
        const find = [...document.querySelectorAll<HTMLElement>('[data-find]')].find((el) => el.checkVisibility())
        if (!find) return
        e.preventDefault()
        find.focus()
      } else if (e.key === '.') {
        const cards = [...document.querySelectorAll<HTMLElement>('[data-decide]')]
        const card = cards[(cards.findIndex((c) => c.contains(document.activeElement)) + 1) % cards.length] // again: the next one
        if (!card) return announce('Nothing waits for your decision here.')
        e.preventDefault()
        card.focus()
        card.scrollIntoView({ block: 'center' })
      } else if (e.key === 'g') leader = e.timeStamp
      else if (leader && e.timeStamp - leader < 1500 && e.key in places) {
        e.preventDefault()
        leader = 0
        void navigate({ to: places[e.key as keyof typeof places], params: { tenant: slug } })
      } else leader = 0
    }
    window.addEventListener('keydown', on)
    return () => window.removeEventListener('keydown', on)
  }, [navigate, slug])
  const mod = modKey()
  const settings = useAdmin()
  const rows: [string, string[]][] = [
    ['Go to anything', [mod, 'K']],
    ['Ask (or search the list)', ['/']],
    ['Search the conversations', ['h']],
    ['Choose an answer to a question back', ['1', '…', '5']],
    ['Send the question', ['Enter']],
    ['New line in the question', ['Shift', 'Enter']],
    ['Bring back your last question', ['↑']],
    ['Go to what waits for your decision', ['.']],
    ['Approve it, from inside its card', [mod, 'Enter']],
    ['Go to chat', ['g', 'c']],
    ['Go to clusters', ['g', 'k']],
    ['Go to the fleet', ['g', 'f']],
    ['Go to audit', ['g', 'a']],
    ['Go to members', ['g', 'm']],
    ['Go to API tokens', ['g', 't']],
    ...(settings.may ? [['Go to the model', ['g', 'o']] as [string, string[]]] : []),
    ['This list', ['?']],
  ]
  return (
    <>
      <Palette open={palette} onClose={() => setPalette(false)} />
      <Dialog open={open} onClose={() => showKeys.set(false)} title="Keyboard shortcuts">
        <DialogBody>
          <dl className="grid grid-cols-[1fr_auto] gap-x-6 gap-y-2">
            {rows.map(([what, keys]) => (
              <div key={what} className="contents">
                <dt>{what}</dt>
                <dd className="flex justify-end gap-1">
                  {keys.map((k) => (
                    <Kbd key={k}>{k}</Kbd>
                  ))}
                </dd>
              </div>
            ))}
          </dl>
          <label className="mt-5 flex items-start gap-2.5 border-t border-line pt-4">
            <input type="checkbox" checked={letters} onChange={(e) => setLetterKeys(e.target.checked)} className="mt-0.5 size-4.5 accent-sea" />
            <span>
              Shortcuts of single keys
              <span className="block text-sm text-ink-3">Turn them off if they get pressed by mistake, for example by speech input.</span>
            </span>
          </label>
        </DialogBody>
      </Dialog>
    </>
  )
}
