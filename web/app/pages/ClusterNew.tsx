import { useMutation } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { ChevronLeft } from 'lucide-react'
import { useState, type FormEvent } from 'react'
import { isStatus, toProblem } from '@/api/client'
import { useMay, useSlug } from '@/api/context'
import { createCluster } from '@/api/mutations'
import type { NewCluster } from '@/api/types'
import { Page, PageTitle, Panel } from '@/components/Page'
import { ProblemNote, ProblemPage } from '@/components/Problem'
import { Connect } from '@/components/Connect'
import { ApiError } from '@/api/client'
import { Button } from '@/ui/Button'
import { Field, Input } from '@/ui/Field'
import { newKey } from '@/util/format'

/** Adds a cluster: a name, one command to run, and the moment it connects. */
export function ClusterNew() {
  const slug = useSlug()
  const manage = useMay('clusters.manage')
  const [made, setMade] = useState<NewCluster>()
  if (!manage.may) {
    return (
      <>
        <PageTitle title="Add a cluster" className="sr-only" />
        <ProblemPage
          error={new ApiError({ type: 'about:blank', title: 'Adding clusters is for admins', status: 403, ...(manage.reason ? { detail: manage.reason } : {}) })}
        />
      </>
    )
  }
  return (
    <Page
      narrow
      title={made ? `Connect ${made.cluster.name}` : 'Add a cluster'}
      back={
        <Link to="/t/$tenant/clusters" params={{ tenant: slug }} className="mb-2 inline-flex items-center gap-1 rounded-sm text-sm text-sea hover:underline">
          <ChevronLeft aria-hidden className="size-4" />
          All clusters
        </Link>
      }
    >
      {made ? <Connect id={made.cluster.id} join={made.join} onAnother={() => setMade(undefined)} /> : <NameForm onMade={setMade} />}
    </Page>
  )
}

function NameForm({ onMade }: { onMade: (c: NewCluster) => void }) {
  const slug = useSlug()
  const [name, setName] = useState('')
  const [wrong, setWrong] = useState<string>()
  const [key] = useState(newKey)
  const m = useMutation({ mutationFn: (n: string) => createCluster(slug, n, `${key}-${n}`), onSuccess: onMade })
  const refused = isStatus(m.error, 409) || isStatus(m.error, 422)
  const submit = (e: FormEvent) => {
    e.preventDefault()
    const problem = nameProblem(name.trim())
    setWrong(problem)
    if (!problem) m.mutate(name.trim())
  }
  return (
    <Panel>
      <form onSubmit={submit} noValidate className="flex flex-col gap-4">
        <Field
          label="Name"
          hint="As people say it, such as staging-eu. It is shown beside every command, and can’t be changed later."
          error={wrong ?? (refused ? (toProblem(m.error).detail ?? 'This name can’t be used.') : undefined)}
        >
          {(a) => (
            <Input
              {...a}
              // oxlint-disable-next-line no-autofocus -- the only control of a page that was opened to fill it in
              autoFocus
              value={name}
              onChange={(e) => {
                setName(e.target.value)
                setWrong(undefined)
                m.reset()
              }}
              maxLength={80}
              autoComplete="off"
              autoCapitalize="off"
              spellCheck={false}
              className="max-w-sm font-mono"
            />
          )}
        </Field>
        {m.error && !refused && <ProblemNote error={m.error} />}
        <div>
          <Button type="submit" look="primary" busy={m.isPending}>
            Create and show the command
          </Button>
        </div>
      </form>
    </Panel>
  )
}

/** What is wrong with a name, if anything: the server takes DNS labels. */
export function nameProblem(name: string): string | undefined {
  if (!name) return 'Give the cluster a name.'
  if (name.length > 63) return 'A name has at most 63 characters.'
  if (/[A-Z]/.test(name)) return 'Names have small letters only.'
  if (!/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(name)) return 'Use a-z, 0-9 and “-”; begin and end with a letter or a digit.'
  return undefined
}
