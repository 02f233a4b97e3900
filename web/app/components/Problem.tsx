import { CloudOff, FileQuestion, GitCompareArrows, Hourglass, LockKeyhole, RotateCw, TriangleAlert } from 'lucide-react'
import type { ReactNode } from 'react'
import { toProblem } from '@/api/client'
import type { Problem } from '@/api/types'
import { Button } from '@/ui/Button'
import { Copy } from '@/ui/Copy'
import { Empty, Note } from '@/ui/bits'

function iconFor(status: number): ReactNode {
  const size = 'size-5'
  if (status === 0) return <CloudOff aria-hidden className={size} />
  if (status === 403) return <LockKeyhole aria-hidden className={size} />
  if (status === 404) return <FileQuestion aria-hidden className={size} />
  if (status === 409) return <GitCompareArrows aria-hidden className={size} />
  if (status === 410 || status === 429) return <Hourglass aria-hidden className={size} />
  return <TriangleAlert aria-hidden className={size} />
}

const granted = 'A tenant admin of your organisation can give you another role.'

/** What to do: the server's word first, then what the status alone says. */
export function fixOf(p: Problem): string | undefined {
  if (p.fix) return p.fix
  if (p.status === 403) return granted
  if (p.status === 404) return 'It may have been removed, or the address belongs to another organisation.'
  if (p.status === 409) return 'Someone or something changed it first. Look again, then decide.'
  if (p.status === 429) return 'Wait a moment, then try again.'
  return undefined
}

export const RequestId = ({ id, bare }: { id: string; bare?: boolean }) => (
  <span className="inline-flex items-center gap-1 text-sm text-ink-3">
    {!bare && 'Request '}
    <code className="untrusted">{id}</code>
    <Copy text={id} label="Copy the request id" />
  </span>
)

/** Fills a page or a panel whose data could not be read. */
export function ProblemPage({ error, retry, action }: { error: unknown; retry?: (() => void) | undefined; action?: ReactNode }) {
  const p = toProblem(error)
  const fix = fixOf(p)
  return (
    <div role="alert">
      <Empty
        icon={iconFor(p.status)}
        title={p.status === 404 ? 'Not found' : p.title}
        action={
          <>
            {retry && p.status !== 404 && p.status !== 403 && (
              <Button onClick={retry} icon={<RotateCw aria-hidden className="size-4" />}>
                Try again
              </Button>
            )}
            {action}
          </>
        }
      >
        {p.detail && <p>{p.detail}</p>}
        {fix && <p className="mt-1">{fix}</p>}
        {p.requestId && (
          <p className="mt-2">
            <RequestId id={p.requestId} />
          </p>
        )}
      </Empty>
    </div>
  )
}

/** A failed action, beside what was tried. */
export function ProblemNote({ error, action }: { error: unknown; action?: ReactNode }) {
  const p = toProblem(error)
  const fix = fixOf(p)
  return (
    <div role="alert">
      <Note tone="bad" icon={iconFor(p.status)} title={p.detail ?? p.title} action={action}>
        {fix}
        {p.requestId && (
          <div className="-mb-1">
            <RequestId id={p.requestId} />
          </div>
        )}
      </Note>
    </div>
  )
}
