import { useMutation } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { LockKeyhole } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { useMay, useSlug } from '@/api/context'
import { unlockCluster } from '@/api/mutations'
import type { Cluster } from '@/api/types'
import { ProblemNote } from '@/components/Problem'
import { Button, buttonClass } from '@/ui/Button'
import { Dialog, DialogBody, DialogFoot } from '@/ui/Dialog'
import { Check } from '@/ui/Field'
import { Ago } from '@/ui/Time'
import { announce } from '@/util/announce'

/** Why the cluster is locked, what that means, and the two ways on. */
export function Locked({ cluster: c }: { cluster: Cluster }) {
  const slug = useSlug()
  const manage = useMay('clusters.manage')
  const [open, setOpen] = useState(false)
  return (
    <section aria-labelledby="locked" className="rounded-lg border border-bad-line bg-surface">
      <div className="flex gap-3 rounded-t-lg border-b border-bad-line bg-bad-soft px-4 py-3">
        <LockKeyhole aria-hidden className="mt-0.5 size-4.5 shrink-0 text-bad" />
        <div className="min-w-0">
          <h2 id="locked" className="text-md font-semibold text-bad text-balance">
            Locked: its identity seems to be in two hands
          </h2>
          <p className="text-ink-2 text-pretty untrusted">
            {c.lockReason || 'Two parties showed this cluster’s identity.'}{' '}
            <span className="whitespace-nowrap">
              Seen <Ago at={c.lockedAt} />.
            </span>
          </p>
        </div>
      </div>
      <div className="flex flex-col gap-3 p-4">
        <p className="max-w-2xl text-ink-2 text-pretty">
          Nobody can tell the copy from the original, so neither may connect: its tunnels are closed, and questions and kubectl to it fail. Nothing inside the cluster was touched. Someone has to look, and decide.
        </p>
        {manage.may ? (
          <div className="grid gap-3 sm:grid-cols-2">
            <Way
              title="There may be a copy, or you can’t tell"
              action={
                <Link to="/t/$tenant/clusters/$cluster" params={{ tenant: slug, cluster: c.id }} search={{ tab: 'tokens' }} className={buttonClass('primary')}>
                  Make a new join token
                </Link>
              }
            >
              Install the agent with it. Whatever was held before, copies included, is void from then on.
            </Way>
            <Way title="You know what it was" action={<Button onClick={() => setOpen(true)}>Unlock {c.name}</Button>}>
              A backup of its Secret was restored, or the agent was moved, and nobody else has it. The agent connects again by itself.
            </Way>
          </div>
        ) : (
          <p className="text-ink-2">Only tenant admins unlock it, or make a new join token for it. Ask a tenant admin.</p>
        )}
      </div>
      <Unlock cluster={c} open={open} onClose={() => setOpen(false)} />
    </section>
  )
}

const Way = ({ title, children, action }: { title: string; children: string; action: React.ReactNode }) => (
  <div className="flex flex-col items-start gap-3 rounded-md border border-line px-3.5 py-3">
    <div className="flex-1">
      <h3 className="font-semibold">{title}</h3>
      <p className="mt-0.5 text-ink-2 text-pretty">{children}</p>
    </div>
    {action}
  </div>
)

/** What was pressed is gone with the lock. */
const toHeading = () => document.querySelector('h1')?.focus()

function Unlock({ cluster: c, open, onClose }: { cluster: Cluster; open: boolean; onClose: () => void }) {
  const slug = useSlug()
  const [looked, setLooked] = useState(false)
  const [keys, setKeys] = useState(false)
  const unlocked = useRef(false)
  const close = () => {
    setLooked(false)
    setKeys(false)
    m.reset()
    onClose()
  }
  const m = useMutation({
    mutationFn: () => unlockCluster(slug, c.id, keys),
    onSuccess: () => {
      announce(`${c.name} is unlocked. Its agent connects again by itself.`)
      unlocked.current = true
      toHeading() // if the page has heard of it already, and this dialog is gone
    },
  })
  useEffect(() => () => {
    if (unlocked.current) toHeading() // while the dialog stood, nothing outside it took the focus
  }, [])
  return (
    <Dialog open={open} onClose={close} title={`Unlock ${c.name}?`} description="Its newest certificate is good again, in every hand that holds it.">
      <form
        onSubmit={(e) => {
          e.preventDefault()
          if (looked && !m.isPending) m.mutate()
        }}
      >
        <DialogBody className="flex flex-col gap-4">
          <Check checked={looked} onChange={setLooked} label="I know why this happened, and nobody else holds its identity" />
          <Check
            checked={keys}
            onChange={setKeys}
            label="Learn the cluster’s own signing keys anew"
            hint="Only if its control plane was restored or rebuilt, so that its API server signs with other keys. Otherwise leave it off: by these keys a copy is seen."
          />
          {m.error && <ProblemNote error={m.error} />}
        </DialogBody>
        <DialogFoot>
          <Button onClick={close}>Cancel</Button>
          <Button type="submit" look="primary" busy={m.isPending} disabledReason={looked ? undefined : 'Say first that you have looked.'}>
            Unlock
          </Button>
        </DialogFoot>
      </form>
    </Dialog>
  )
}
