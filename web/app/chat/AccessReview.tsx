import { ShieldCheck, ShieldX } from 'lucide-react'
import type { AccessData } from '@/api/types'
import { CodeBox } from '@/ui/Code'
import { Copy } from '@/ui/Copy'
import { cx } from '@/util/cx'
import { plainText } from '@/util/format'

/** What the cluster's own RBAC says. A refusal names the missing rule, and offers the role that would allow it. */
export function AccessReview({ access, cluster }: { access: AccessData; cluster: string }) {
  const Icon = access.allowed ? ShieldCheck : ShieldX
  const rules = [...new Set(access.steps.flatMap((s) => (!s.allowed && s.rule ? [s.rule] : [])))]
  return (
    <div className="flex flex-col gap-2">
      <details className="group" open={!access.allowed && rules.length === 0}>
        <summary className="flex w-fit list-none items-start gap-2 rounded-sm [&::-webkit-details-marker]:hidden">
          <Icon aria-hidden className={cx('mt-0.5 size-4.5 shrink-0', access.allowed ? 'text-ok' : 'text-bad')} />
          <span>
            <span className={cx('font-semibold', access.allowed ? 'text-ok' : 'text-bad')}>{access.allowed ? 'Allowed' : 'Not allowed'}</span> by <span className="untrusted">{cluster}</span>’s own rules
            {access.group && (
              <>
                , as group <span className="font-medium untrusted">{access.group}</span>
              </>
            )}
            .{' '}
            <span className="text-sea underline underline-offset-2">
              <span className="group-open:hidden">Details</span>
              <span className="hidden group-open:inline">Less</span>
            </span>
          </span>
        </summary>
        <Checks access={access} />
      </details>
      {rules.map((rule) => (
        <p key={rule} className="pl-6.5 untrusted">
          <span className="font-semibold">Missing:</span> {plainText(rule)}
        </p>
      ))}
      {!access.allowed && access.snippet && <Snippet text={access.snippet} />}
    </div>
  )
}

function Checks({ access }: { access: AccessData }) {
  return (
    // oxlint-disable-next-line no-noninteractive-tabindex -- what scrolls must be reachable by keyboard
    <div tabIndex={0} role="group" aria-label="Access review" className="mt-2 overflow-x-auto rounded-md border border-line bg-surface scroll-thin">
      <table className="w-full text-left text-sm">
        <thead>
          <tr className="label-caps text-ink-3 [&>th]:px-3 [&>th]:py-1.5 [&>th]:font-semibold">
            <th scope="col">Verdict</th>
            <th scope="col">Verb</th>
            <th scope="col">Object</th>
            <th scope="col">Why</th>
          </tr>
        </thead>
        <tbody>
          {access.steps.map((s, i) => (
            <tr key={i} className="[&>td]:border-t [&>td]:border-line [&>td]:px-3 [&>td]:py-1.5 [&>td]:align-top">
              <td className={cx('font-semibold whitespace-nowrap', s.allowed ? 'text-ok' : 'text-bad')}>{s.allowed ? '✓ yes' : '✕ no'}</td>
              <td className="font-mono">{s.verb}</td>
              <td className="font-mono untrusted">
                {s.resource}
                {s.name && `/${s.name}`}
                {s.namespace && <span className="text-ink-3"> in {s.namespace}</span>}
              </td>
              <td className="min-w-40 text-ink-2 untrusted">{s.reason ? plainText(s.reason) : '–'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** A role with its binding, ready to hand to whoever may apply it. */
const Snippet = ({ text }: { text: string }) => (
  <div className="overflow-hidden rounded-md border border-line">
    <div className="flex items-center gap-2 border-b border-line bg-surface py-1.5 pr-1.5 pl-3 text-sm text-ink-2">
      <span className="min-w-0 flex-1">This role would allow it. Whoever owns the cluster can apply it.</span>
      <Copy text={text} label="Copy the role" withText="Copy the role" />
    </div>
    <CodeBox label="Role and binding">
      <pre className="w-max min-w-full px-3.5 py-2 leading-5">{plainText(text).replace(/\n+$/, '')}</pre>
    </CodeBox>
  </div>
)
