import { useQuery } from '@tanstack/react-query'
import { BrainCircuit, ShieldCheck } from 'lucide-react'
import { useAdmin, useSlug } from '@/api/context'
import { modelSettingsQuery } from '@/api/queries'
import type { ModelSettings } from '@/api/types'
import { Meter } from '@/chat/Usage'
import { Loaded } from '@/components/Loaded'
import { Page, Panel } from '@/components/Page'
import { ModelForm } from '@/forms/ModelForm'
import { Empty, Note } from '@/ui/bits'
import { Ago } from '@/ui/Time'
import { amount, count } from '@/util/format'

/** Which model, if any, answers what the built-in translator does not. */
export function ModelSettingsPage() {
  const admin = useAdmin()
  return (
    <Page title="Model" narrow lead="KubeChat answers without a model. With one it also understands what the rules do not, and explains what it found.">
      {admin.may ? (
        <Settings />
      ) : (
        <Empty icon={<BrainCircuit aria-hidden className="size-5" />} title="The model is for admins">
          {admin.reason}
        </Empty>
      )}
    </Page>
  )
}

function Settings() {
  const slug = useSlug()
  const q = useQuery(modelSettingsQuery(slug))
  return (
    <div className="flex flex-col gap-5">
      <Note tone="info" icon={<ShieldCheck aria-hidden />} title="A model looks and explains; it never acts">
        It reads as the member who asks, without Secret values and with what looks like a credential taken out. A change that it suggests is a plan like any other: checked by the cluster, shown, and approved by a person.
      </Note>
      <Panel title="Who answers" lead={q.data && <Saved settings={q.data} />}>
        <Loaded query={q} label="Loading the settings" rows={4}>
          {(settings) => <ModelForm key={settings.updatedAt ?? ''} settings={settings} />}
        </Loaded>
      </Panel>
      {q.data && <Today settings={q.data} />}
    </div>
  )
}

const Saved = ({ settings: s }: { settings: ModelSettings }) =>
  s.updatedAt ? (
    <>
      Last changed <Ago at={s.updatedAt} />
    </>
  ) : (
    'No model has been chosen.'
  )

/** How much of today's budgets is used. */
function Today({ settings: s }: { settings: ModelSettings }) {
  if (!s.provider) return null
  const rows = [
    { word: 'Tokens', used: count(s.used.tokens), limit: s.dayTokens, of: count(s.dayTokens), share: s.used.tokens / s.dayTokens },
    { word: 'Cost', used: amount(s.used.costMicros), limit: s.dayCostMicros, of: amount(s.dayCostMicros), share: s.used.costMicros / s.dayCostMicros },
  ]
  return (
    <Panel title="Today" lead="Budgets begin anew at midnight UTC. When one is used up, the built-in translator answers alone.">
      <dl className="grid gap-y-2.5 sm:grid-cols-[8rem_minmax(0,1fr)]">
        {rows.map((r) => (
          <div key={r.word} className="contents">
            <dt className="font-medium">{r.word}</dt>
            <dd className="flex flex-wrap items-center gap-x-4 gap-y-1 text-ink-2">
              <span className="min-w-44">
                {r.used}
                {r.limit > 0 ? ` of ${r.of}` : ', no limit set'}
              </span>
              {r.limit > 0 && <Meter share={r.share} label={`${r.word} used today`} />}
            </dd>
          </div>
        ))}
      </dl>
    </Panel>
  )
}
