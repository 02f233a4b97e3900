import type { CountData } from '@/api/types'
import { Clock } from '@/ui/Time'
import { count, plainText } from '@/util/format'
import { MissingNote } from './Missing'

/** The answer to "how many": the number, of how many, and each cluster's share. */
export function CountBlock({ count: c, at }: { count: CountData; at: string }) {
  const shares = c.perCluster ?? []
  return (
    <div className="overflow-hidden rounded-md border border-line bg-surface">
      <div className="flex flex-wrap items-baseline gap-x-3 gap-y-1 px-4 py-3">
        <span className="text-2xl font-semibold">{count(c.count)}</span>
        <span className="min-w-0 text-md text-ink-2">
          {c.of > c.count && `of ${count(c.of)} `}
          <span className="untrusted">{plainText(c.what)}</span>
        </span>
        <span className="ml-auto text-sm text-ink-3">
          as of <Clock at={at} seconds />
        </span>
      </div>
      {shares.length > 0 && (
        <table className="w-full border-t border-line text-left text-sm">
          <caption className="sr-only">For each cluster</caption>
          <thead className="sr-only">
            <tr>
              <th scope="col">Cluster</th>
              <th scope="col">Count</th>
            </tr>
          </thead>
          <tbody>
            {shares.map((s) => (
              <tr key={s.cluster} className="[&>*]:border-line [&>*]:px-4 [&>*]:py-1.5 not-first:[&>*]:border-t">
                <th scope="row" className="font-medium untrusted">
                  {plainText(s.cluster)}
                </th>
                <td className="w-24 text-right font-mono">{count(s.count)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <MissingNote missing={c.missing ?? []} />
    </div>
  )
}
