import { useMutation } from '@tanstack/react-query'
import { Eye, EyeOff } from 'lucide-react'
import { useState, type FormEvent } from 'react'
import { isStatus, toProblem } from '@/api/client'
import { signIn } from '@/api/mutations'
import { ProblemNote } from '@/components/Problem'
import { Button, IconButton } from '@/ui/Button'
import { Field, Input } from '@/ui/Field'

interface Props {
  onDone: (slugs: string[]) => Promise<void> | void
  /** The organisation that the page needs a login for. */
  expect?: string
}

/** Takes an API token and turns it into a login of this browser. The token itself is kept nowhere. */
export function TokenForm({ onDone, expect }: Props) {
  const [token, setToken] = useState('')
  const [shown, setShown] = useState(false)
  const [wrong, setWrong] = useState<string>()
  const m = useMutation({
    mutationFn: (t: string) => signIn(t),
    onSuccess: async (session) => {
      const slugs = session.logins.map((l) => l.tenant.slug)
      if (expect && !slugs.includes(expect)) {
        setWrong('This token is for another organisation. Use one of this organisation to go on here.')
        return
      }
      setToken('')
      await onDone(slugs)
    },
  })
  const submit = (e: FormEvent) => {
    e.preventDefault()
    const t = token.trim()
    const problem = !t
      ? 'Paste an API token.'
      : t.startsWith('kcj1_')
        ? 'This is a join token: it connects a cluster. Signing in needs an API token, which starts with kcp_.'
        : /\s/.test(t)
          ? 'A token has no spaces. Copy it again, whole.'
          : undefined
    setWrong(problem)
    if (!problem) m.mutate(t)
  }
  const refused = isStatus(m.error, 401) || isStatus(m.error, 410) || isStatus(m.error, 422)
  const error = wrong ?? (refused ? (toProblem(m.error).detail ?? 'This token is not valid.') : undefined)
  return (
    <form onSubmit={submit} noValidate className="flex flex-col gap-4">
      <Field label="API token" error={error} hint="Starts with kcp_. It is exchanged for a login and not kept in this browser.">
        {(a) => (
          <span className="flex gap-1">
            <Input
              {...a}
              name="token"
              type={shown ? 'text' : 'password'}
              value={token}
              onChange={(e) => {
                setToken(e.target.value)
                setWrong(undefined)
                m.reset()
              }}
              autoComplete="off"
              autoCapitalize="off"
              spellCheck={false}
              placeholder="kcp_…"
              className="font-mono"
            />
            <IconButton label={shown ? 'Hide the token' : 'Show the token'} onClick={() => setShown(!shown)}>
              {shown ? <EyeOff aria-hidden className="size-4" /> : <Eye aria-hidden className="size-4" />}
            </IconButton>
          </span>
        )}
      </Field>
      {m.error && !refused && <ProblemNote error={m.error} />}
      <Button type="submit" look="primary" busy={m.isPending} className="w-full">
        Sign in
      </Button>
    </form>
  )
}
