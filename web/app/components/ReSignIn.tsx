import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { signedOut } from '@/api/auth'
import { useSlug } from '@/api/context'
import { TokenForm } from '@/forms/TokenForm'
import { Dialog, DialogBody } from '@/ui/Dialog'
import { useStore } from '@/util/store'

/** Asks to sign in again over the page that noticed, which keeps everything that was typed in it. */
export function ReSignIn() {
  const slug = useSlug()
  const out = useStore(signedOut)
  const client = useQueryClient()
  const navigate = useNavigate()
  const back = async (slugs: string[]) => {
    if (!slugs.includes(slug)) {
      signedOut.set(undefined)
      await navigate({ to: '/' }) // a token of another organisation: this page is not theirs
      return
    }
    signedOut.set(undefined)
    await client.invalidateQueries({ queryKey: ['t', slug] })
  }
  return (
    <Dialog open={out === slug} onClose={() => {}} title="Sign in again" description="Your login has ended. What you typed on this page is kept." modalOnly>
      <DialogBody>
        <TokenForm onDone={back} expect={slug} />
      </DialogBody>
    </Dialog>
  )
}
