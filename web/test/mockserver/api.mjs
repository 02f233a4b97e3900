// The API's contract over the mock world.

import { actionsOf, ahead, fleet, iso, noModel, noSlack, tunnels, uuid, world } from './data.mjs'
import { decide, history, newRun, outward, play, stop } from './runs.mjs'

export class Problem extends Error {
  constructor(status, title, detail, { fix, code } = {}) {
    super(title)
    Object.assign(this, { status, title, detail, fix, code })
  }
}

const notFound = () => new Problem(404, 'Not found', 'There is no such thing here.')

/** Open event streams, so that a test can cut them. */
export const streams = new Set()

let state
/** Codes that were used up. */
const slackUsed = new Set()

function slackCode(code) {
  if (!code.startsWith('good') || slackUsed.has(code)) throw new Problem(404, 'Not found', 'This link was used already, has expired, or was never given out.', { code: 'slack_code', fix: 'Type /kubechat link in Slack for a new one.' })
  return { teamId: 'T0HALYARD', userId: 'U0ADA', name: '<b>ada</b> \u202e', expiresAt: ahead(600) }
}

export function reset() {
  slackUsed.clear()
  state = world()
  const t = state.tenants.halyard
  history(t, t.members)
}
reset()

/** Makes the fleet n clusters larger, or changes one by its name and tells who listens. */
export function change({ grow = 0, name, ...more }) {
  const t = state.tenants.halyard
  for (const c of fleet(grow)) {
    t.clusters.push(c)
    t.groups.set(c.id, new Map())
  }
  const c = t.clusters.find((x) => x.name === name)
  if (!c) return
  for (const [k, v] of Object.entries(more)) {
    if (v === null) delete c[k]
    else c[k] = v
  }
  tell(t, c)
}

const cookieOf = (t) => `kc_${t.id.slice(-12)}`

function loginOf(req, t) {
  const c = (req.headers.cookie ?? '').split(/;\s*/).find((x) => x.startsWith(`${cookieOf(t)}=`))
  return c ? state.tokens[c.split('=')[1]]?.member : undefined
}

const login = (t, m) => ({ tenant: { id: t.id, slug: t.slug, name: t.name }, member: { id: m.id, name: m.name, email: m.email }, role: m.role })

function sse(req, res, start) {
  res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' })
  res.write(':\n\n')
  const beat = setInterval(() => res.write(':\n\n'), 15_000)
  streams.add(req.socket)
  const leave = start((event, data, id) => res.write(`${id ? `id: ${id}\n` : ''}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`), () => res.end())
  req.on('close', () => {
    clearInterval(beat)
    streams.delete(req.socket)
    leave()
  })
}

const tell = (t, c) => {
  for (const send of t.watchers) send('cluster', c)
}

function join(t, c) {
  const j = { id: uuid(), cluster: c.id, createdAt: iso(Date.now()), expiresAt: ahead(86_400) }
  t.joinTokens.push(j)
  const token = 'kcj1_3fKq8Zc1vWn0sYt6Lr2Hb9Xe4Mu7Pa5Dg3Jk8Qz1Cv6Nw0Sx2Tf4Rh7Yb9Le5Ou3Ia1Gp8Ml6Zk'
  return { id: j.id, token, expiresAt: j.expiresAt, helm: `helm install kubechat-agent oci://charts.kubechat.example/kubechat-agent \\\n  --namespace kubechat --create-namespace \\\n  --set join.token=${token}`, ...(t.demo || c.name.startsWith('demo') ? { demo: `make demo-agent TOKEN=${token}` } : {}) }
}

const conversationOut = (c) => ({ id: c.id, title: c.title, cluster: c.cluster, namespace: c.namespace, createdAt: c.createdAt, updatedAt: c.updatedAt })

/** The routes below /t/{tenant}: method, pattern, handler. */
const routes = [
  ['GET', '', ({ t, me }) => ({ body: { id: t.id, slug: t.slug, name: t.name, demo: t.demo, me: { id: me.id, name: me.name, email: me.email, role: me.role, actions: actionsOf(me.role) } } })],
  ['DELETE', '/session', ({ t }) => ({ status: 204, headers: { 'Set-Cookie': `${cookieOf(t)}=; Path=/; Max-Age=0` } })],
  ['GET', '/clusters', ({ t }) => ({ body: { items: t.clusters } })],
  ['POST', '/clusters', async ({ t, me, body, need }) => {
    need('clusters.manage')
    const { name } = await body()
    if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name ?? '')) throw new Problem(422, 'Invalid', 'A cluster’s name has a-z, 0-9 and “-”, at most 63, and begins and ends with a letter or digit.')
    if (t.clusters.some((c) => c.name === name)) throw new Problem(409, 'Conflict', `A cluster named ${name} exists already.`, { fix: 'Choose another name.' })
    const c = { id: uuid(), name, region: 'eu-west-1', state: 'pending', since: iso(Date.now()), sessions: 0, createdAt: iso(Date.now()), group: me.role === 'tenant_admin' ? 'admin' : 'viewer' }
    t.clusters.push(c)
    t.groups.set(c.id, new Map())
    if (!name.startsWith('never')) {
      setTimeout(() => {
        Object.assign(c, { state: 'connected', since: iso(Date.now()), lastSeen: iso(Date.now()), sessions: 2, agentVersion: '0.4.1', kubernetesVersion: 'v1.34.2' })
        for (const j of t.joinTokens) if (j.cluster === c.id) j.usedAt = iso(Date.now())
        tell(t, c)
      }, 2500).unref()
    }
    return { status: 201, body: { cluster: { ...c }, join: join(t, c) } }
  }],
  ['GET', '/clusters/([^/]+)', ({ c }) => ({ body: c })],
  ['GET', '/clusters/([^/]+)/sessions', ({ c }) => ({ body: tunnels(c) })],
  ['DELETE', '/clusters/([^/]+)', ({ t, c, need }) => {
    need('clusters.manage')
    Object.assign(c, { state: 'revoked', since: iso(Date.now()), sessions: 0, reason: 'Revoked just now.' })
    tell(t, c)
    return { status: 204 }
  }],
  ['POST', '/clusters/([^/]+)/unlock', async ({ t, c, body, need }) => {
    need('clusters.manage')
    c.forgotKeys = (await body()).forgetKeys === true
    for (const k of ['lockedAt', 'lockReason', 'reason']) delete c[k]
    Object.assign(c, { state: 'connected', since: iso(Date.now()), sessions: 2 })
    tell(t, c)
    return { body: c }
  }],
  ['GET', '/clusters/([^/]+)/join-tokens', ({ t, c, need }) => (need('clusters.manage'), { body: { items: t.joinTokens.filter((j) => j.cluster === c.id) } })],
  ['POST', '/clusters/([^/]+)/join-tokens', ({ t, c, need }) => (need('clusters.manage'), { status: 201, body: join(t, c) })],
  ['DELETE', '/clusters/([^/]+)/join-tokens/([^/]+)', ({ t, p }) => {
    const j = t.joinTokens.find((x) => x.id === p[1])
    if (j) j.revokedAt = iso(Date.now())
    return { status: 204 }
  }],
  ['GET', '/clusters/([^/]+)/groups', ({ t, c, need }) => (need('groups.manage'), { body: { items: t.members.map((m) => ({ member: { id: m.id, name: m.name, email: m.email }, group: t.groups.get(c.id)?.get(m.id) ?? 'viewer' })) } })],
  ['PUT', '/clusters/([^/]+)/groups/([^/]+)', async ({ t, c, p, me, body, need }) => {
    need('groups.manage')
    const { group } = await body()
    t.groups.get(c.id).set(p[1], group)
    if (p[1] === me.id) c.group = group
    return { status: 204 }
  }],
  ['GET', '/clusters/([^/]+)/kubeconfig', ({ t, c, res }) => {
    res.writeHead(200, { 'Content-Type': 'text/yaml', 'Content-Disposition': `attachment; filename="${c.name}.kubeconfig"` })
    res.end(`apiVersion: v1\nkind: Config\nclusters:\n  - name: ${c.name}\n    cluster:\n      server: https://kubechat.example/t/${t.slug}/clusters/${c.id}/k8s/\nusers:\n  - name: kubechat\n    user:\n      exec:\n        apiVersion: client.authentication.k8s.io/v1\n        command: kubechat\n        args: [credential, --tenant, ${t.slug}]\n`)
  }],
  ['GET', '/settings/model', ({ t, need }) => (need('members.manage'), { body: t.model })],
  ['PUT', '/settings/model', async ({ t, body, need }) => {
    need('members.manage')
    const { key, ...b } = await body()
    if (b.provider === 'bedrock' && !b.region) throw new Problem(422, 'Invalid', 'Amazon Bedrock is asked in one region: name it.', { fix: 'For example eu-central-1.' })
    if (b.baseUrl.startsWith('http://169.')) throw new Problem(422, 'Invalid', 'The base URL leads to an address that KubeChat does not call.', { fix: 'Use a public https address, or one that your operator has allowed.' })
    if (b.provider === '') return { body: (t.model = noModel(t)) }
    t.model = { ...b, externalId: t.id, hasKey: key === undefined ? t.model.hasKey : key !== '', used: t.model.used, updatedAt: iso(Date.now()) }
    return { body: t.model }
  }],
  ['GET', '/slack', ({ t, need }) => (need('members.manage'), { body: t.slack })],
  ['PUT', '/slack', async ({ t, body, need }) => {
    need('members.manage')
    const { signingSecret, ...b } = await body()
    if (!/^T[A-Z0-9]+$/.test(b.teamId)) throw new Problem(422, 'Invalid', 'A workspace’s id is T and capital letters and digits, such as T0123456789.')
    if (!signingSecret && t.slack.teamId !== b.teamId) throw new Problem(422, 'Invalid', 'A workspace needs its signing secret.')
    t.slack = { connected: true, ...b, updatedAt: iso(Date.now()) }
    return { body: t.slack }
  }],
  ['DELETE', '/slack', ({ t, need }) => {
    need('members.manage')
    Object.assign(t, { slack: noSlack(), slackLinks: [] })
    return { status: 204 }
  }],
  ['GET', '/slack/links', ({ t }) => ({ body: { items: t.slackLinks } })],
  ['DELETE', '/slack/links/([^/]+)', ({ t, p }) => {
    t.slackLinks = t.slackLinks.filter((l) => l.id !== p[0])
    return { status: 204 }
  }],
  ['POST', '/slack/links/preview', async ({ body }) => ({ body: slackCode((await body()).code) })],
  ['POST', '/slack/links', async ({ t, me, body }) => {
    const { code } = await body()
    const { expiresAt: _expiresAt, ...who } = slackCode(code)
    slackUsed.add(code)
    return { status: 201, body: { id: t.id, ...who, memberId: me.id, email: me.email, createdAt: iso(Date.now()) } }
  }],
  ['GET', '/members', ({ t, need }) => (need('members.read'), { body: { items: t.members } })],
  ['POST', '/members', async ({ t, body, need }) => {
    need('members.manage')
    const b = await body()
    if (t.members.some((m) => m.email === b.email)) throw new Problem(409, 'Conflict', `${b.email} is a member already.`)
    const m = { id: uuid(), ...b, createdAt: iso(Date.now()), active: true }
    t.members.push(m)
    return { status: 201, body: m }
  }],
  ['PATCH', '/members/([^/]+)', async ({ t, p, body, need }) => {
    need('members.manage')
    const m = t.members.find((x) => x.id === p[0])
    const { role } = await body()
    if (m.role === 'tenant_admin' && role !== 'tenant_admin' && t.members.filter((x) => x.role === 'tenant_admin').length === 1) throw new Problem(409, 'Conflict', 'This is the last admin; an organisation keeps at least one.', { fix: 'Make someone else an admin first.' })
    m.role = role
    return { body: m }
  }],
  ['DELETE', '/members/([^/]+)', ({ t, p, need }) => {
    need('members.manage')
    t.members.find((x) => x.id === p[0]).active = false
    return { status: 204 }
  }],
  ['GET', '/tokens', ({ t }) => ({ body: { items: t.tokens } })],
  ['POST', '/tokens', async ({ t, body }) => {
    const b = await body()
    const token = { id: uuid(), ...b, createdAt: iso(Date.now()) }
    t.tokens.unshift(token)
    return { status: 201, body: { id: token.id, token: 'kcp_7hQ2vXz9LmT4sWc8RkB1nYd6PfJ3gAe5UoKi0ZtN' } }
  }],
  ['DELETE', '/tokens/([^/]+)', ({ t, p }) => {
    const token = t.tokens.find((x) => x.id === p[0])
    if (token) token.revokedAt = iso(Date.now())
    return { status: 204 }
  }],
  ['GET', '/events', ({ t, req, res }) => sse(req, res, (send) => {
    t.watchers.add(send)
    return () => t.watchers.delete(send)
  })],
  ['GET', '/conversations', ({ t, url }) => {
    const words = (url.searchParams.get('q') ?? '').toLowerCase().split(/\s+/).filter(Boolean)
    const has = (text) => words.every((w) => text.toLowerCase().includes(w))
    return { body: { items: t.conversations.filter((c) => has(c.title) || c.runs.some((r) => has(r.text))).map(conversationOut) } }
  }],
  ['PATCH', '/conversations/([^/]+)', async ({ v, body }) => {
    v.title = (await body()).title
    return { body: conversationOut(v) }
  }],
  ['POST', '/conversations', async ({ t, me, body }) => {
    const { clusterId } = await body()
    const cluster = t.clusters.find((c) => c.id === clusterId)
    if (!cluster) throw notFound()
    const c = { id: uuid(), title: '', cluster: { id: cluster.id, name: cluster.name }, createdAt: iso(Date.now()), updatedAt: iso(Date.now()), runs: [], member: me }
    t.conversations.push(c)
    return { status: 201, body: conversationOut(c) }
  }],
  ['GET', '/conversations/([^/]+)', ({ v }) => ({ body: { ...conversationOut(v), runs: v.runs.map(outward) } })],
  ['DELETE', '/conversations/([^/]+)', ({ t, v }) => {
    t.conversations = t.conversations.filter((x) => x !== v)
    return { status: 204 }
  }],
  ['POST', '/conversations/([^/]+)/runs', async ({ t, v, me, body }) => {
    const { text, key } = await body()
    const same = v.runs.find((r) => r.key === key)
    if (same) return { status: 202, body: outward(same) }
    const run = newRun(t, v, text, me)
    run.key = key
    void play(run)
    return { status: 202, body: outward(run) }
  }],
  ['GET', '/runs/([^/]+)', ({ r }) => ({ body: { ...outward(r), events: r.events } })],
  ['GET', '/runs/([^/]+)/events', ({ r, req, res, url }) => sse(req, res, (send, done) => {
    const from = Math.max(Number(req.headers['last-event-id'] ?? 0), Number(url.searchParams.get('after') ?? 0))
    const on = (e) => {
      send(e.type, e, e.seq)
      if (e.type === 'end') done()
    }
    for (const e of r.events) if (e.seq > from) on(e)
    if (r.endedAt) done()
    r.listeners.add(on)
    return () => r.listeners.delete(on)
  })],
  ['DELETE', '/runs/([^/]+)', ({ r }) => (stop(r), { status: 202 })],
  ['POST', '/runs/([^/]+)/approval', async ({ r, t, body, need }) => {
    const b = await body()
    need('commands.run')
    if (r.state !== 'awaiting_approval') throw new Problem(409, 'Conflict', 'This plan is not waiting for a decision any more.')
    if (/stale/.test(r.text)) throw new Problem(409, 'The plan is out of date', 'deployment/cart was changed by kubectl 12 seconds ago, after this plan was made.', { fix: 'Ask again: a fresh plan shows the new difference.', code: 'plan_stale' })
    const plan = r.plans.get(b.planHash) ?? r.plan
    if (b.decision === 'approve' && plan.typedName && b.typedName !== plan.typedName) throw new Problem(422, 'Invalid', 'The name typed is not the object’s.')
    if (b.decision === 'approve' && b.remember) t.standing = true
    void decide(r, b.decision, false, b.planHash)
    return { status: 202, body: outward(r) }
  }],
  ['DELETE', '/standing-approvals', ({ t }) => {
    t.standing = false
    return { status: 204 }
  }],
  ['GET', '/audit', ({ t, me, url }) => {
    const q = url.searchParams
    const own = !actionsOf(me.role).includes('audit.read')
    const all = t.audit.filter((a) => (!own || a.actor.id === me.id) && (!q.get('cluster') || a.cluster?.id === q.get('cluster')) && (!q.get('member') || a.actor.id === q.get('member')) && (!q.get('kind') || a.kind === q.get('kind')))
    const from = Number(q.get('after') || 0)
    const limit = Math.min(Number(q.get('limit') || 50), 10)
    return { body: { items: all.slice(from, from + limit), ...(from + limit < all.length ? { next: String(from + limit) } : {}) } }
  }],
  ['GET', '/usage', () => ({ body: { items: [{ meter: 'command', quantity: 41 }, { meter: 'api_request', quantity: 18_204 }] } })],
].map(([method, pattern, run]) => ({ method, re: new RegExp(`^${pattern}$`), run }))

export async function api(req, res, url, body) {
  const path = url.pathname.slice('/api/v1'.length)
  if (path === '/session' && req.method === 'GET') {
    const logins = Object.values(state.tenants).flatMap((t) => {
      const m = loginOf(req, t)
      return m ? [login(t, m)] : []
    })
    return { body: { logins } }
  }
  if (path === '/session' && req.method === 'POST') {
    const { token } = await body()
    if (token === 'kcp_expired') throw new Problem(401, 'Not signed in', 'This token expired on 3 October.', { fix: 'Make a new one under API tokens.' })
    const known = state.tokens[token]
    if (!known) throw new Problem(401, 'Not signed in', 'This token is not valid. It may have been revoked.')
    const t = state.tenants[known.tenant]
    return { body: login(t, known.member), headers: { 'Set-Cookie': `${cookieOf(t)}=${token}; Path=/; HttpOnly; SameSite=Lax` } }
  }
  const m = /^\/t\/([^/]+)(.*)$/.exec(path)
  const t = m && state.tenants[m[1]]
  if (!t) throw notFound()
  const me = loginOf(req, t)
  if (!me) throw new Problem(401, 'Not signed in', 'Sign in to go on.')
  for (const route of routes) {
    const hit = route.method === req.method && route.re.exec(m[2])
    if (!hit) continue
    const p = hit.slice(1)
    const c = m[2].startsWith('/clusters/') ? t.clusters.find((x) => x.id === p[0]) : undefined
    const v = m[2].startsWith('/conversations/') ? t.conversations.find((x) => x.id === p[0]) : undefined
    const r = m[2].startsWith('/runs/') ? t.runs.get(p[0]) : undefined
    if (p.length > 0 && !c && !v && !r && /^\/(clusters|conversations|runs)\//.test(m[2])) throw notFound()
    const need = (action) => {
      if (!actionsOf(me.role).includes(action)) throw new Problem(403, 'Not allowed', 'Your role does not allow this.', { fix: 'Ask a tenant admin: Ada Okafor.', code: 'role' })
    }
    return route.run({ t, me, p, c, v, r, req, res, url, body, need })
  }
  throw notFound()
}

