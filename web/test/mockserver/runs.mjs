// Runs of the mock server: each plays its script into its list of events, and whoever listens hears them.

import { ahead, ago, iso, uuid } from './data.mjs'
import { script } from './scenarios.mjs'

/** How long one unit of a script's pauses lasts. */
export const pace = { unit: 110 }

export const outward = (r) => ({
  id: r.id,
  conversationId: r.conversationId,
  text: r.text,
  state: r.state,
  createdAt: r.createdAt,
  ...(r.endedAt ? { endedAt: r.endedAt } : {}),
  ...(r.plan ? { plan: r.plan } : {}),
  ...(r.approval ? { approval: r.approval } : {}),
  lastSeq: r.events.length,
})

export function newRun(tenant, conversation, text, member, at) {
  const run = { id: uuid(), conversationId: conversation.id, text, state: 'queued', createdAt: at ?? iso(Date.now()), events: [], listeners: new Set(), member, tenant, conversation, plans: new Map(), branches: new Map(), offset: at ? Date.now() - Date.parse(at) : 0 }
  run.steps = [{ type: 'accepted', data: { text } }, ...script(text, conversation.cluster, tenant.clusters)]
  tenant.runs.set(run.id, run)
  conversation.runs.push(run)
  conversation.updatedAt = run.createdAt
  if (!conversation.title) conversation.title = text.slice(0, 60)
  return run
}

function emit(run, e) {
  const event = { seq: run.events.length + 1, at: iso(Date.now() - run.offset), ...e }
  run.events.push(event)
  if (e.type === 'accepted') run.state = 'running'
  if (e.type === 'plan') {
    run.plan = e.data
    run.plans.set(e.data.hash, e.data)
    if (e.data.namespace) run.conversation.namespace = e.data.namespace
    if (e.data.class === 'read') record(run, 'read', { verb: 'list', command: e.data.kubectl, httpStatus: 200, durationMs: 43 })
  }
  if (e.type === 'approval') {
    run.state = 'awaiting_approval'
    run.approval = e.data
  }
  if (e.type === 'approved') run.state = 'executing'
  if (e.type === 'declined' || e.type === 'expired') run.state = 'running'
  if (e.type === 'started') run.intent = record(run, 'intent', { verb: 'patch', command: e.data.kubectl, approvedBy: actor(run.member), group: 'operator' })
  if (e.type === 'result') {
    e.data.intentId = run.intent
    Object.assign(run.tenant.audit.find((a) => a.id === run.intent), { outcome: e.data.outcome })
    record(run, 'result', { intentId: run.intent, verb: 'patch', outcome: e.data.outcome, httpStatus: e.data.outcome === 'succeeded' ? 200 : e.data.outcome === 'failed' ? 403 : undefined, durationMs: 118, detail: e.data.message, command: run.plan.kubectl })
  }
  if (e.type === 'end') {
    run.state = e.data.state
    run.endedAt = event.at
  }
  for (const l of run.listeners) l(event)
}

export const actor = (m) => ({ id: m.id, name: m.name || m.email, email: m.email, type: 'member' })

function record(run, kind, more) {
  const id = uuid()
  const step = run.plan?.steps[0]
  run.tenant.audit.unshift({ id, at: iso(Date.now() - run.offset), kind, actor: actor(run.member), cluster: run.conversation.cluster, resource: step?.resource.resource, namespace: step?.namespace, name: step?.names?.[0], requestId: `req-${id.slice(-6)}`, runId: run.id, ...more })
  return id
}

/** Plays on to the end, or to where a person must decide. With instant there are no pauses: that is history. */
export async function play(run, instant = false) {
  while (run.steps.length > 0 && !run.endedAt) {
    const step = run.steps.shift()
    if (step.forever) {
      // Until someone stops it: what a followed log does.
      for (let n = 0; !run.endedAt; n++) {
        await new Promise((r) => setTimeout(r, pace.unit * step.every).unref())
        if (!run.endedAt) emit(run, step.forever(n))
        if (instant) return
      }
      return
    }
    if (typeof step === 'number') {
      if (!instant) await new Promise((r) => (run.timer = setTimeout(r, step * pace.unit)))
      continue
    }
    if (step.branches) {
      // Several plans: each goes on by itself, and the run ends with the last of them.
      for (const [hash, rest] of Object.entries(step.branches)) run.branches.set(hash, rest)
      return
    }
    if (step.wait) {
      if (run.approval.remember && run.tenant.standing) {
        emit(run, { type: 'approved', data: { by: actor(run.member).name, standing: true } })
        continue
      }
      const left = Date.parse(run.approval.expiresAt) - Date.now()
      run.expiry = setTimeout(() => {
        emit(run, { type: 'expired', data: {} })
        emit(run, { type: 'end', data: { state: 'done' } })
      }, left)
      run.expiry.unref()
      return
    }
    emit(run, typeof step === 'function' ? step() : step)
  }
}

export function decide(run, decision, instant = false, hash) {
  if (run.branches.has(hash)) return branch(run, decision, hash)
  clearTimeout(run.expiry)
  if (decision === 'decline') {
    emit(run, { type: 'declined', data: { by: actor(run.member).name } })
    emit(run, { type: 'end', data: { state: 'done' } })
    return
  }
  emit(run, { type: 'approved', data: { by: actor(run.member).name } })
  void play(run, instant)
}

async function branch(run, decision, hash) {
  const cluster = run.plans.get(hash).cluster.id
  const rest = run.branches.get(hash)
  run.branches.delete(hash)
  emit(run, { type: decision === 'decline' ? 'declined' : 'approved', cluster, data: { by: actor(run.member).name } })
  for (const step of decision === 'decline' ? [{ type: 'plan.end', cluster, data: { state: 'done' } }] : rest) {
    if (typeof step === 'number') await new Promise((r) => setTimeout(r, step * pace.unit))
    else emit(run, step)
  }
  run.settledPlans = (run.settledPlans ?? 0) + 1
  if (run.settledPlans === run.plans.size) emit(run, { type: 'end', data: { state: 'done' } })
  else run.state = 'awaiting_approval'
}

export function stop(run) {
  if (!run.endedAt) emit(run, { type: 'end', data: { state: 'interrupted', message: 'You stopped it.' } })
}

/** What was asked before the page was opened. */
export function history(tenant, members) {
  const [ada, ben, vera] = members
  const [staging, prod] = tenant.clusters
  const thread = (cluster, member, ageSeconds, asked) => {
    const c = { id: uuid(), title: '', cluster: { id: cluster.id, name: cluster.name }, createdAt: ago(ageSeconds), updatedAt: ago(ageSeconds), runs: [], member }
    tenant.conversations.push(c)
    asked.forEach((text, i) => {
      const run = newRun(tenant, c, text, member, ago(ageSeconds - i * 95))
      void play(run, true)
      if (run.approval && !/leave it/.test(text)) decide(run, /decline/.test(text) ? 'decline' : 'approve', true)
      if (run.approval && !run.endedAt) run.approval.expiresAt = ahead(580)
    })
    return c
  }
  thread(prod, ben, 3 * 86_400, ['How full are the nodes?'])
  thread(staging, vera, 90_000, ['What is running in shop?', 'Show me the logs of checkout', 'Show checkout as YAML'])
  thread(prod, ben, 26_000, ['Scale checkout to 6', 'Set search to 9, it will fail at it', 'Scale cart to 4, outcome unknown'])
  thread(staging, ada, 5_400, ['Which pods are not healthy?', 'Why is payments failing?'])
  thread(staging, ada, 700, ['Which web is it?', 'Show me the secrets', 'Forbidden: cordon a node'])
  thread(staging, ada, 300, ['What is running in shop?', 'Scale checkout to 3', 'Delete recommender, leave it to me'])
  const admin = (m, s, command, detail) => tenant.audit.unshift({ id: uuid(), at: ago(s), kind: 'admin', actor: actor(m), action: command, name: detail, requestId: 'req-adm001' })
  admin(ada, 4_000, 'member.role_changed', 'vera@halyard.example to tenant_viewer')
  admin(ada, 560, 'cluster.created', 'dev-sandbox')
  tenant.audit.sort((a, b) => b.at.localeCompare(a.at))
}
