import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useSlug } from '@/api/context'
import { runQuery } from '@/api/queries'
import { useQuery } from '@tanstack/react-query'
import { personName } from '@/chat/reducer'
import { RequestId } from '@/components/Problem'
import { Tag } from '@/ui/bits'
import { buttonClass } from '@/ui/Button'
import { Command } from '@/ui/Code'
import { Dialog, DialogBody } from '@/ui/Dialog'
import { fullTime, milliseconds, plainText } from '@/util/format'
import type { AuditEntry } from '@/util/audit'
import { objectOf, OutcomeView, sayRecord, tagOf } from './words'

/** Everything on record about one change or read. */
export function AuditDrawer({ entry, onClose }: { entry: AuditEntry | undefined; onClose: () => void }) {
  const tag = entry && tagOf(entry.record)
  const title = entry?.record.kind === 'admin' ? 'Change to the organisation' : tag === 'change' ? 'Change' : tag ? 'Guarded read' : 'Read'
  return (
    <Dialog open={entry !== undefined} onClose={onClose} title={title} shape="drawer" description={entry && <OutcomeView entry={entry} />}>
      {entry && (
        <DialogBody>
          <Body entry={entry} />
        </DialogBody>
      )}
    </Dialog>
  )
}

function Body({ entry }: { entry: AuditEntry }) {
  const slug = useSlug()
  const r = entry.record
  const res = entry.result ?? (r.kind === 'intent' ? undefined : r)
  const run = useQuery({ ...runQuery(slug, r.runId ?? ''), enabled: Boolean(r.runId) }).data
  return (
    <div className="flex flex-col gap-5">
      {r.kind !== 'admin' ? <Command text={sayRecord(r)} /> : <p className="text-md untrusted">{sayRecord(r)}</p>}
      <dl className="grid grid-cols-[7.5rem_minmax(0,1fr)] gap-x-3 gap-y-2.5 [&>dt]:text-ink-3">
        <Row term={r.kind === 'intent' ? 'On record' : 'Time'}>{fullTime(r.at)}</Row>
        <Row term="Who">
          {personName(r.actor) || '–'}
          {r.actor.email && r.actor.email !== personName(r.actor) && <span className="block text-sm text-ink-3 untrusted">{r.actor.email}</span>}
        </Row>
        {r.approvedBy && <Row term="Approved by">{personName(r.approvedBy)}</Row>}
        {r.cluster && (
          <Row term="Cluster">
            <Link to="/t/$tenant/clusters/$cluster" params={{ tenant: slug, cluster: r.cluster.id }} className="font-medium text-sea underline underline-offset-2 untrusted">
              {r.cluster.name}
            </Link>
          </Row>
        )}
        {r.group && (
          <Row term="As group">
            <Tag>{r.group}</Tag>
          </Row>
        )}
        {r.verb && r.kind !== 'admin' && (
          <Row term="Request">
            <code className="text-sm untrusted">
              {r.verb} {objectOf(r)}
              {r.namespace && ` in ${r.namespace}`}
            </code>
          </Row>
        )}
        {res && (
          <>
            {entry.result && <Row term="Ended">{fullTime(entry.result.at)}</Row>}
            {res.durationMs !== undefined && <Row term="Took">{milliseconds(res.durationMs)}</Row>}
            {res.httpStatus !== undefined && res.httpStatus > 0 && <Row term="HTTP status">{res.httpStatus}</Row>}
            {res.detail && r.kind !== 'admin' && <Row term="Answer">{plainText(res.detail)}</Row>}
          </>
        )}
        {r.requestId && (
          <Row term="Request id">
            <RequestId id={r.requestId} bare />
          </Row>
        )}
        {r.intentId && r.kind !== 'read' && (
          <Row term="Intent">
            <code className="text-sm untrusted">{r.intentId}</code>
          </Row>
        )}
      </dl>
      {res?.outcome === 'unknown' && (
        <p className="rounded-md border border-buff-line bg-buff px-4 py-3 text-buff-ink">The change was sent and its answer was lost. It may or may not have been made; it was not sent again. Look at the object.</p>
      )}
      {run && (
        <div>
          <Link to="/t/$tenant/chat/$conversation" params={{ tenant: slug, conversation: run.conversationId }} search={{ run: run.id }} className={buttonClass()}>
            Open the conversation
          </Link>
        </div>
      )}
    </div>
  )
}

const Row = ({ term, children }: { term: string; children: ReactNode }) => (
  <>
    <dt>{term}</dt>
    <dd className="untrusted">{children}</dd>
  </>
)
