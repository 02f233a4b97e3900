// What people ask next about an object or an answer, in words that the translator understands.

import type { Plan, TableData } from '@/api/types'
import { isFinal, type RunView } from './view'

export interface Ref {
  kind: string
  namespace: string
  name: string
}

/** An object as a row or an evidence names it: "kind/namespace/name", or "kind/name". */
export function parseRef(text: string): Ref | undefined {
  const parts = text.split('/')
  if (parts.length < 2 || parts.length > 3) return undefined
  const [kind = '', middle = '', last] = parts
  const name = last ?? middle
  return kind && name ? { kind: kind.toLowerCase(), namespace: last === undefined ? '' : middle, name } : undefined
}

export interface Suggestion {
  label: string
  text: string
}

const withLogs = new Set(['pod', 'deployment', 'statefulset', 'daemonset', 'job', 'replicaset'])
const withRollouts = new Set(['deployment', 'statefulset', 'daemonset'])
const withTrouble = new Set(['pod', 'deployment', 'statefulset', 'daemonset', 'job', 'service', 'persistentvolumeclaim', 'node', 'ingress'])

/** What one row leads to. cluster is named when it is not the conversation's own. */
export function aboutRef(r: Ref, cluster?: string): Suggestion[] {
  const what = `${r.kind} ${r.name}`
  const where = `${r.namespace ? ` in ${r.namespace}` : ''}${cluster ? ` in cluster ${cluster}` : ''}`
  return [
    { label: 'Describe', text: `describe ${what}${where}` },
    ...(withLogs.has(r.kind) ? [{ label: 'Logs', text: `logs of ${what}${where}` }] : []),
    { label: 'Events', text: `events of ${what}${where}` },
    ...(withRollouts.has(r.kind) ? [{ label: 'Rollout history', text: `rollout history of ${what}${where}` }] : []),
    { label: 'YAML', text: `show ${what}${where} as yaml` },
    ...(withTrouble.has(r.kind) ? [{ label: 'What is wrong with it?', text: `what is wrong with ${what}${where}?` }] : []),
  ]
}

/** What may come next after an answer, the likeliest first, four at most. */
export function followUps(view: RunView): Suggestion[] {
  if (!isFinal(view.state) || view.blocks.some((b) => b.kind === 'clarify' || b.kind === 'refused')) return []
  const seen = new Set([view.text.trim().toLowerCase()])
  const out: Suggestion[] = []
  for (const s of candidates(view)) {
    if (seen.has(s.text.toLowerCase())) continue
    seen.add(s.text.toLowerCase())
    out.push(s)
  }
  return out.slice(0, 4)
}

function candidates(view: RunView): Suggestion[] {
  const plan = view.blocks.findLast((b) => b.kind === 'plan')
  const say = (text: string): Suggestion => ({ label: text, text })
  if (plan && plan.plan.class !== 'read') {
    const target = targetOf(plan.plan)
    if (!target || !plan.steps.some((s) => s.result?.outcome === 'succeeded')) return []
    const where = target.namespace ? ` in ${target.namespace}` : ''
    return withRollouts.has(target.kind) ? [say(`rollout status of ${target.kind} ${target.name}${where}`), say(`pods of ${target.name}${where}`), say(`events in ${target.namespace}`)] : target.namespace ? [say(`events in ${target.namespace}`)] : []
  }
  const found = view.blocks.flatMap((b) => (b.kind === 'findings' ? b.findings : []))
  if (found.length > 0) {
    const ns = view.scope?.namespace || plan?.plan.namespace
    const objects = found.flatMap((f) => f.related ?? []).map(parseRef)
    return [...objects.flatMap((r) => (r ? [say(aboutRef(r)[0]?.text ?? '')] : [])), say('what changed?'), ...(ns ? [say(`events in ${ns}`)] : [])]
  }
  const table = view.blocks.findLast((b) => b.kind === 'table')?.table
  if (table) return afterTable(plan?.plan, table)
  const ref = targetOf(plan?.plan)
  return ref ? aboutRef(ref) : []
}

/** What narrows, orders or widens a list, unless it was asked for already. */
function afterTable(plan: Plan | undefined, table: TableData): Suggestion[] {
  const step = plan?.steps[0]
  const columns = table.columns.map((c) => c.name.toLowerCase())
  const by = table.sort?.column.toLowerCase()
  const list = step?.op === 'get' && !step.names?.length
  const narrowed = (step?.post.filter?.length ?? 0) > 0
  const say = (text: string): Suggestion => ({ label: text, text })
  const widen = step?.namespace ? [say('and in all namespaces?')] : []
  if (table.rows.length === 0) return widen
  return [
    ...(list && step.resource.kind === 'Pod' && !narrowed ? [say('which are not healthy?')] : []),
    ...(list && table.rows.length > 1 ? [say('how many are there?')] : []),
    ...(columns.includes('restarts') && by !== 'restarts' ? [say('sort by restarts')] : []),
    ...(columns.some((c) => c.startsWith('memory')) && !by?.startsWith('memory') ? [say('by memory instead')] : []),
    ...(list && columns.includes('age') && by !== 'age' ? [say('newest first')] : []),
    ...widen,
  ]
}

function targetOf(plan: Plan | undefined): Ref | undefined {
  const s = plan?.steps[0]
  const name = s?.names?.length === 1 ? s.names[0] : undefined
  return s && name ? { kind: s.resource.kind.toLowerCase(), namespace: s.namespace ?? '', name } : undefined
}
