import { TriangleAlert } from 'lucide-react'
import type { ReactNode } from 'react'
import { Bones, Note } from '@/ui/bits'
import { Button } from '@/ui/Button'
import { Ago } from '@/ui/Time'
import { toProblem } from '@/api/client'
import { ProblemPage } from './Problem'

interface Query<T> {
  data: T | undefined
  error: unknown
  isFetching: boolean
  dataUpdatedAt: number
  refetch: () => unknown
}

interface Props<T> {
  query: Query<T>
  label: string
  rows?: number
  skeleton?: ReactNode
  children: (data: T) => ReactNode
}

/** Shows a query's skeleton, its failure, or its data; older data stays, muted by a note, when a newer reading fails. */
export function Loaded<T>({ query, label, rows, skeleton, children }: Props<T>) {
  const retry = () => void query.refetch()
  if (query.data === undefined) {
    if (query.error) return <ProblemPage error={query.error} retry={retry} />
    return skeleton ?? <Bones label={label} {...(rows ? { rows } : {})} />
  }
  return (
    <>
      {Boolean(query.error) && (
        <div className="px-4 pt-4">
          <Note
            tone="warn"
            icon={<TriangleAlert aria-hidden />}
            title="This may be out of date"
            action={
              <Button size="sm" onClick={retry} busy={query.isFetching}>
                Try again
              </Button>
            }
          >
            {toProblem(query.error).detail} Shown is what was read <Ago at={new Date(query.dataUpdatedAt).toISOString()} />.
          </Note>
        </div>
      )}
      {children(query.data)}
    </>
  )
}
