import { useMutation } from '@tanstack/react-query'
import { Check } from 'lucide-react'
import { useState, type FormEvent } from 'react'
import { useSlug } from '@/api/context'
import { saveModelSettings } from '@/api/mutations'
import type { ModelSettings, ModelSettingsChange } from '@/api/types'
import { ProblemNote } from '@/components/Problem'
import { Button } from '@/ui/Button'
import { Copy } from '@/ui/Copy'
import { Field, Input, Select } from '@/ui/Field'
import { announce } from '@/util/announce'
import { changeOf, draftOf, keepsKey, problems, type Draft } from './modelDraft'
import { isAws, providers, type Provider } from './providers'

/** The organisation's model: who answers, where, with which key, and how much a day. */
export function ModelForm({ settings }: { settings: ModelSettings }) {
  const slug = useSlug()
  const [d, setDraft] = useState(() => draftOf(settings))
  const [tried, setTried] = useState(false)
  const set = (change: Partial<Draft>) => setDraft((old) => ({ ...old, ...change }))
  const m = useMutation({ mutationFn: (body: ModelSettingsChange) => saveModelSettings(slug, body), onSuccess: () => announce('Saved.') })
  const provider = providers.find((p) => p.id === d.provider)
  const wrong = tried ? problems(d, settings) : {}
  const same = JSON.stringify(d) === JSON.stringify(draftOf(settings))
  const submit = (e: FormEvent) => {
    e.preventDefault()
    setTried(true)
    if (Object.keys(problems(d, settings)).length > 0 || m.isPending || same) return
    m.mutate(changeOf(d, settings))
  }
  const box = (field: Exclude<keyof Draft, 'key'>, label: string, hint: string, more: { placeholder?: string; numeric?: boolean; type?: string; narrow?: boolean } = {}) => (
    <Field label={label} error={wrong[field]} hint={hint}>
      {(a) => (
        <Input
          {...a}
          {...plain}
          type={more.type ?? 'text'}
          inputMode={more.numeric ? 'decimal' : undefined}
          placeholder={more.placeholder}
          value={d[field]}
          onChange={(e) => set({ [field]: e.target.value })}
          className={more.narrow ? 'max-w-sm font-mono' : 'font-mono'}
        />
      )}
    </Field>
  )
  return (
    <form onSubmit={submit} noValidate className="flex flex-col gap-4">
      <Field label="Provider" hint={provider?.about ?? 'What the rules do not understand gets a question back.'}>
        {(a) => (
          <Select {...a} value={d.provider} onChange={(e) => set({ provider: e.target.value })} className="w-full max-w-sm">
            <option value="">No model</option>
            {providers.map((p) => (
              <option key={p.id} value={p.id}>
                {p.name}
              </option>
            ))}
          </Select>
        )}
      </Field>
      {provider && (
        <>
          {box('model', provider.modelWord ?? 'Model', provider.modelHint)}
          {isAws(provider) && box('region', 'Region', 'Where the model runs. Questions go nowhere else.', { placeholder: 'eu-central-1', narrow: true })}
          {box('baseUrl', provider.baseUrl === 'must' ? 'Base URL' : 'Base URL (optional)', provider.baseUrlHint, { type: 'url', placeholder: provider.baseUrlExample })}
          <KeyField provider={provider} draft={d} settings={settings} error={wrong.key} onChange={(key) => set({ key })} />
          {isAws(provider) && (
            <div>
              {box('roleArn', 'Role, instead of a key', 'A role of your account that may ask the model.', { placeholder: 'arn:aws:iam::123456789012:role/kubechat' })}
              <p className="mt-1.5 flex flex-wrap items-center gap-x-1.5 text-sm text-ink-2">
                Its trust policy has to demand the external id <code className="untrusted">{settings.externalId}</code>
                <Copy text={settings.externalId} label="Copy the external id" />
              </p>
            </div>
          )}
          <fieldset className="grid gap-4 border-t border-line pt-4 sm:grid-cols-2">
            <legend className="sr-only">Budgets for a day, and prices</legend>
            {box('tokens', 'Tokens a day', 'For everybody together. Empty is no limit.', { numeric: true })}
            {box('cost', 'Cost a day', 'In your currency. Empty is no limit.', { numeric: true })}
            {box('inputPrice', 'Price of a million tokens read', 'By your contract; the cost is counted from it.', { numeric: true })}
            {box('outputPrice', 'Price of a million tokens written', 'Empty counts no cost.', { numeric: true })}
            {box('context', 'Context of the model, in tokens', 'Empty is 128,000.', { numeric: true })}
          </fieldset>
        </>
      )}
      {m.error && <ProblemNote error={m.error} />}
      <div className="flex flex-wrap items-center gap-3">
        <Button type="submit" look="primary" busy={m.isPending} disabledReason={same ? 'Nothing has been changed.' : undefined}>
          Save
        </Button>
        {!same && (
          <Button
            look="ghost"
            onClick={() => {
              setDraft(draftOf(settings))
              setTried(false)
              m.reset()
            }}
          >
            Discard the changes
          </Button>
        )}
        {m.isSuccess && same && (
          <span className="inline-flex items-center gap-1.5 text-ok">
            <Check aria-hidden className="size-4" />
            Saved
          </span>
        )}
      </div>
    </form>
  )
}

const plain = { autoComplete: 'off', autoCapitalize: 'off', spellCheck: false } as const

interface KeyProps {
  provider: Provider
  draft: Draft
  settings: ModelSettings
  error: string | undefined
  onChange: (key: string | undefined) => void
}

/** A key goes in and never comes out: a stored one is replaced or removed, not shown. */
function KeyField({ provider, draft, settings, error, onChange }: KeyProps) {
  if (keepsKey(draft, settings)) {
    return (
      <div>
        <p className="mb-1 text-sm font-semibold">API key</p>
        <div className="flex flex-wrap items-center gap-2">
          <span className="mr-2 text-ink-2">One is stored, encrypted. It is never shown.</span>
          <Button size="sm" onClick={() => onChange('')}>
            Replace it
          </Button>
        </div>
      </div>
    )
  }
  const again = settings.hasKey && draft.key === undefined // another provider or address: the stored key does not go there
  return (
    <Field
      label={provider.key === 'may' ? 'API key (optional)' : 'API key'}
      error={error}
      hint={again ? 'For another provider or address it has to be given again.' : (provider.keyHint ?? 'It is stored encrypted, and never shown again.')}
    >
      {(a) => (
        <span className="flex gap-2">
          <Input {...a} {...plain} type="password" value={draft.key ?? ''} onChange={(e) => onChange(e.target.value)} autoComplete="new-password" className="font-mono" />
          {settings.hasKey && !again && (
            <Button look="ghost" onClick={() => onChange(undefined)}>
              Keep the old one
            </Button>
          )}
        </span>
      )}
    </Field>
  )
}
