// What is written into the form of the model's settings, before it is saved.

import type { ModelSettings, ModelSettingsChange } from '@/api/types'
import { isAws, providers } from './providers'

export interface Draft {
  provider: string
  model: string
  baseUrl: string
  region: string
  roleArn: string
  context: string
  /** undefined keeps the stored key. */
  key: string | undefined
  tokens: string
  cost: string
  inputPrice: string
  outputPrice: string
}

const whole = (n: number): string => (n > 0 ? String(n) : '')
const money = (micros: number | undefined): string => (micros ? String(micros / 1e6) : '')

export const draftOf = (s: ModelSettings): Draft => ({
  provider: s.provider,
  model: s.model,
  baseUrl: s.baseUrl,
  region: s.region,
  roleArn: s.roleArn,
  context: whole(s.contextSize),
  key: s.hasKey ? undefined : '',
  tokens: whole(s.dayTokens),
  cost: money(s.dayCostMicros),
  inputPrice: money(s.inputPrice),
  outputPrice: money(s.outputPrice),
})

/** A stored key goes where it went before and nowhere else. */
export const keepsKey = (d: Draft, s: ModelSettings): boolean => s.hasKey && d.key === undefined && d.provider === s.provider && d.baseUrl.trim() === s.baseUrl

/** What is wrong with a draft, by field. */
export function problems(d: Draft, s: ModelSettings): Partial<Record<keyof Draft, string>> {
  const p = providers.find((x) => x.id === d.provider)
  if (!p) return {}
  const out: Partial<Record<keyof Draft, string>> = {}
  const keyed = keepsKey(d, s) || Boolean(d.key?.trim())
  if (!d.model.trim()) out.model = 'Name it, as the provider does.'
  if (isAws(p) && !d.region.trim()) out.region = 'Name the region that the model runs in.'
  if (p.baseUrl === 'must' && !d.baseUrl.trim()) out.baseUrl = 'Say where it listens.'
  else if (d.baseUrl.trim() && !/^https?:\/\/[^\s/]+/.test(d.baseUrl.trim())) out.baseUrl = 'An address begins with https://, or http:// inside your network.'
  if (p.key === 'must' && !keyed) out.key = 'It needs a key of yours.'
  if (isAws(p) && !keyed && !d.roleArn.trim()) out.key = 'It needs a key, or a role.'
  for (const field of ['tokens', 'context'] as const) if (d[field].trim() && !/^\d{1,12}$/.test(digits(d[field]))) out[field] = 'A whole number, or nothing.'
  for (const field of ['cost', 'inputPrice', 'outputPrice'] as const) if (d[field].trim() && !/^\d{1,9}([.,]\d{1,6})?$/.test(d[field].trim())) out[field] = 'An amount such as 20 or 7.50, or nothing.'
  return out
}

const digits = (text: string): string => text.replace(/[\s,._]/g, '')
const micros = (text: string): number => (text.trim() ? Math.round(Number(text.trim().replace(',', '.')) * 1e6) : 0)

export function changeOf(d: Draft, s: ModelSettings): ModelSettingsChange {
  const p = providers.find((x) => x.id === d.provider)
  if (!p) return { provider: '', model: '', baseUrl: '', region: '', roleArn: '', contextSize: 0, dayTokens: 0, dayCostMicros: 0, key: '' }
  const aws = isAws(p)
  return {
    provider: d.provider,
    model: d.model.trim(),
    baseUrl: d.baseUrl.trim(),
    region: aws ? d.region.trim() : '',
    roleArn: aws ? d.roleArn.trim() : '',
    contextSize: Number(digits(d.context) || 0),
    dayTokens: Number(digits(d.tokens) || 0),
    dayCostMicros: micros(d.cost),
    inputPrice: micros(d.inputPrice),
    outputPrice: micros(d.outputPrice),
    ...(keepsKey(d, s) ? {} : { key: (d.key ?? '').trim() }),
  }
}
