// The world that the mock server begins with: two organisations, six clusters, a handful of people.

let n = 0
/** A UUID that looks like version 7 and is the same in every run. */
export function uuid() {
  n += 1
  const h = n.toString(16).padStart(12, '0')
  return `0193a5c0-7e4${(n % 16).toString(16)}-7000-8000-${h}`
}

export const iso = (t) => new Date(t).toISOString()
export const ago = (seconds) => iso(Date.now() - seconds * 1000)
export const ahead = (seconds) => iso(Date.now() + seconds * 1000)

const actions = {
  tenant_viewer: ['tenant.read', 'clusters.read', 'chat.ask', 'audit.read_own', 'tokens.manage'],
  tenant_user: ['tenant.read', 'clusters.read', 'members.read', 'chat.ask', 'commands.run', 'audit.read_own', 'usage.read', 'tokens.manage'],
  tenant_admin: [
    'tenant.read', 'clusters.read', 'clusters.manage', 'fleet.read', 'groups.manage', 'members.read', 'members.manage', 'chat.ask', 'commands.run', 'audit.read_own', 'audit.read', 'usage.read', 'tokens.manage',
  ],
}
export const actionsOf = (role) => actions[role]

const hour = 3600
const day = 86400

export const noModel = (t) => ({ provider: '', model: '', baseUrl: '', region: '', roleArn: '', contextSize: 0, dayTokens: 0, dayCostMicros: 0, inputPrice: 0, outputPrice: 0, hasKey: false, externalId: t.id, used: { tokens: 0, costMicros: 0 } })

export const noSlack = () => ({ connected: false, teamId: '', name: '' })

export function world() {
  n = 0
  const member = (name, email, role, age = 40 * day) => ({ id: uuid(), name, email, role, createdAt: ago(age), active: true })
  const ada = member('Ada Okafor', 'ada@halyard.example', 'tenant_admin')
  const ben = member('Ben Lindqvist', 'ben@halyard.example', 'tenant_user', 33 * day)
  const vera = member('Vera Solís', 'vera@halyard.example', 'tenant_viewer', 12 * day)
  const ci = member('', 'deploy-bot@halyard.example', 'tenant_user', 4 * day)
  const cluster = (name, state, since, more = {}) => ({
    id: uuid(),
    name,
    region: 'eu-west-1',
    state,
    since: ago(since),
    sessions: state === 'connected' ? 2 : 0,
    createdAt: ago(since + 20 * day),
    lastSeen: ago(3),
    agentVersion: '0.4.1',
    kubernetesVersion: 'v1.34.2',
    group: 'operator',
    ...(state === 'connected' && { sessionsWanted: 2, transports: ['quic', 'tls'], roundTripMs: 8.4, certificateUntil: ahead(19 * hour) }),
    ...more,
  })
  const clusters = [
    cluster('staging-eu', 'connected', 3 * day, { group: 'admin' }),
    cluster('prod-eu-1', 'connected', 19 * day, { kubernetesVersion: 'v1.33.6' }),
    cluster('prod-us-1', 'connected', 2 * hour, { region: 'us-east-1', kubernetesVersion: 'v1.33.6', agentVersion: '0.4.0', group: 'viewer', reason: 'Back after 4 min: its node was drained.' }),
    cluster('edge-lagos', 'offline', 26 * 60, { region: 'af-south-1', lastSeen: ago(26 * 60), reason: 'Both sessions stopped answering. The cluster or its way out is down.' }),
    cluster('dev-sandbox', 'pending', 9 * 60, { lastSeen: undefined, agentVersion: undefined, kubernetesVersion: undefined }),
    cluster('old-prod', 'revoked', 61 * day, { lastSeen: ago(61 * day), reason: 'Revoked by ada@halyard.example.' }),
  ]
  const halyard = { id: uuid(), slug: 'halyard', name: 'Halyard Logistics', demo: false, members: [ada, ben, vera, ci], clusters }
  const otto = member('Otto Brand', 'otto@tidewater.example', 'tenant_user')
  const tidewater = { id: uuid(), slug: 'tidewater', name: 'Tidewater Labs', demo: true, members: [otto], clusters: [] }
  for (const t of [halyard, tidewater]) Object.assign(t, { conversations: [], runs: new Map(), audit: [], tokens: [], joinTokens: [], groups: new Map(), watchers: new Set(), model: noModel(t), slack: noSlack(), slackLinks: [] })
  halyard.slackLinks = [{ id: uuid(), teamId: 'T0HALYARD', userId: 'U0BEN', name: 'ben', memberId: ben.id, email: ben.email, createdAt: ago(2 * day) }]
  halyard.model = { ...noModel(halyard), provider: 'anthropic', model: 'claude-sonnet', hasKey: true, inputPrice: 3_000_000, outputPrice: 15_000_000, dayTokens: 2_000_000, dayCostMicros: 20_000_000, used: { tokens: 1_640_000, costMicros: 6_120_000 }, updatedAt: ago(3 * day) }
  halyard.tokens = [
    { id: uuid(), name: 'laptop kubectl', createdAt: ago(20 * day), expiresAt: ahead(70 * day), lastUsedAt: ago(340) },
    { id: uuid(), name: 'deploy pipeline', createdAt: ago(88 * day), expiresAt: ahead(2 * day), lastUsedAt: ago(2 * day) },
    { id: uuid(), name: 'old script', createdAt: ago(120 * day), expiresAt: ago(30 * day) },
  ]
  for (const c of clusters) {
    halyard.joinTokens.push({ id: uuid(), cluster: c.id, createdAt: c.createdAt, expiresAt: iso(Date.parse(c.createdAt) + day * 1000), ...(c.state === 'pending' ? {} : { usedAt: iso(Date.parse(c.createdAt) + 240_000) }) })
    halyard.groups.set(c.id, new Map([[ada.id, c.group], [ben.id, 'operator'], [vera.id, 'viewer'], [ci.id, 'viewer']]))
  }
  halyard.joinTokens.at(-2).createdAt = ago(500)
  halyard.joinTokens.at(-2).expiresAt = ahead(23 * hour)
  return {
    tenants: { halyard, tidewater },
    tokens: {
      kcp_ada: { tenant: 'halyard', member: ada },
      kcp_ben: { tenant: 'halyard', member: ben },
      kcp_vera: { tenant: 'halyard', member: vera },
      kcp_otto: { tenant: 'tidewater', member: otto },
    },
  }
}

/** So many more clusters in every state there is, as a large fleet has them. */
export function fleet(size) {
  const regions = ['af-south-1', 'ap-southeast-2', 'eu-central-1', 'eu-west-1', 'us-east-1', 'us-west-2']
  const kinds = ['prod', 'staging', 'edge', 'store', 'plant', 'lab']
  const reasons = {
    degraded: 'It has 1 of 2 sessions. The last one that ended: The agent no longer answered: its network or node may be away.',
    offline: 'The agent no longer answered: its network or node may be away.',
    stale: 'The replica that holds its tunnel no longer confirms it; the agent is expected back in a moment.',
    upgrading: 'The agent is being replaced: 0.4.0 by 0.4.1.',
    pending: 'Waiting for the agent to join.',
    revoked: 'Revoked: this cluster’s identity is void for good.',
  }
  return Array.from({ length: size }, (_, i) => {
    const state = i % 97 === 3 ? 'offline' : i % 211 === 7 ? 'stale' : i % 41 === 5 ? 'degraded' : i % 61 === 9 ? 'upgrading' : i % 89 === 11 ? 'pending' : i % 113 === 13 ? 'revoked' : 'connected'
    const up = ['connected', 'degraded', 'upgrading'].includes(state)
    const since = 60 * (1 + ((i * 7919) % 40_000))
    return {
      id: uuid(),
      name: `${kinds[i % kinds.length]}-${String(i).padStart(5, '0')}`,
      region: regions[(i * 5) % regions.length],
      state,
      since: ago(since),
      ...(reasons[state] && { reason: reasons[state] }),
      ...(state !== 'pending' && { lastSeen: up ? ago(2) : ago(since), agentVersion: i % 9 ? '0.4.1' : '0.4.0', kubernetesVersion: i % 4 ? 'v1.34.2' : 'v1.33.6', certificateUntil: ahead((1 + (i % 23)) * hour) }),
      sessions: state === 'degraded' ? 1 : up ? 2 : 0,
      ...(up && { sessionsWanted: 2, transports: state === 'degraded' ? ['tls'] : i % 3 ? ['quic', 'tls'] : ['tls', 'websocket'], roundTripMs: 2 + ((i * 37) % 1900) / 10 }),
      createdAt: ago(since + 20 * day),
      group: 'viewer',
    }
  })
}

export const tunnels = (c) => ({
  sessions: Array.from({ length: c.sessions }, (_, i) => ({
    id: `session-${i}`, replica: `0193a5c0-7e4${i}-7000-8000-00000000000${i}`, confirmed: true, agentName: `kubechat-agent-6d8f7c9b5-${['x2kqp', 'm7wzn'][i]}`,
    transport: c.transports?.[i] ?? 'tls', agentVersion: c.agentVersion, kubernetesVersion: c.kubernetesVersion, openedAt: ago(4 * hour + i * 900),
    roundTripMs: (c.roundTripMs ?? 8) + i, certificateUntil: ahead(19 * hour - i * 300), ...(i === 1 && c.name === 'prod-us-1' && { intercepted: true }),
    ...(i === 0 && c.name === 'prod-us-1' && { trouble: 'The proxy at proxy.halyard.example:3128 does not connect: it wants a user name and password: put them into the proxy’s URL, http://USER:PASSWORD@HOST:PORT.' }),
  })),
  disconnects: ['pending', 'revoked'].includes(c.state)
    ? []
    : [
        ['The agent no longer answered: its network or node may be away.', 26 * 60, 3 * hour],
        ['The session’s time was over; the agent makes a new one.', 9 * hour, 12 * hour],
        ['This replica of KubeChat was stopped; the agent connects to another.', 2 * day, 5 * hour],
      ].map(([reason, at, lived], i) => ({ session: `old-${i}`, replica: 'r', agentName: 'kubechat-agent-6d8f7c9b5-x2kqp', agentVersion: '0.4.0', transport: i ? 'tls' : 'quic', openedAt: ago(at + lived), closedAt: ago(at), reason })),
})

const pods = [
  ['cart-6c9f7b5d84-2xk8q', '1/1', 'Running', 0, 190_000],
  ['cart-6c9f7b5d84-p7lzn', '1/1', 'Running', 0, 190_000],
  ['catalog-78d5c9bb6f-4d2vw', '1/1', 'Running', 2, 402_000],
  ['checkout-5f6d8c7b49-9qmjt', '2/2', 'Running', 0, 7_400],
  ['checkout-5f6d8c7b49-kx2vr', '2/2', 'Running', 0, 7_400],
  ['frontend-6b8f9d5c77-8wlqd', '1/1', 'Running', 0, 86_000],
  ['payments-7c4d6f8b95-vn5tz', '0/1', 'CrashLoopBackOff', 41, 12_900],
  ['recommender-59b7c6d4f8-m2jkp', '0/1', 'Pending', 0, 4_300],
  ['reports-29384650-xq7bz', '0/1', 'Completed', 0, 3_400],
  ['search-84c7b9d6f5-7hfnc', '0/1', 'ImagePullBackOff', 0, 930],
]

export const podTable = (namespace, unhealthy) => ({
  title: unhealthy ? 'Pods that are not healthy' : 'Pods',
  namespace,
  columns: [
    { name: 'Name', kind: 'text' },
    { name: 'Ready', kind: 'status' },
    { name: 'Status', kind: 'status' },
    { name: 'Restarts', kind: 'number' },
    { name: 'Age', kind: 'age' },
  ],
  rows: pods.filter((p) => !unhealthy || /BackOff|Pending/.test(p[2])).map(([name, ready, status, restarts, age]) => [name, ready === '0/1' && status === 'Completed' ? '0/1' : ready, status, restarts, ago(age)]),
})

export const nodeTable = () => ({
  title: 'Nodes',
  columns: [
    { name: 'Name', kind: 'text' },
    { name: 'Status', kind: 'status' },
    { name: 'Version', kind: 'text' },
    { name: 'CPU', kind: 'number' },
    { name: 'CPU %', kind: 'number' },
    { name: 'Memory', kind: 'number' },
    { name: 'Memory %', kind: 'number' },
    { name: 'Age', kind: 'age' },
  ],
  rows: [
    ['ip-10-0-1-17', 'Ready', 'v1.34.2', '1870m', '47%', '9.1Gi', '61%', '19d'],
    ['ip-10-0-1-93', 'Ready', 'v1.34.2', '3410m', '86%', '12.8Gi', '85%', '19d'],
    ['ip-10-0-2-8', 'Ready,SchedulingDisabled', 'v1.33.6', '210m', '5%', '2.2Gi', '14%', '61d'],
    ['ip-10-0-2-41', 'NotReady', 'v1.34.2', null, null, null, null, '3h20m'],
  ],
})

export const logLines = (count) =>
  Array.from({ length: count }, (_, i) => {
    const at = iso(Date.now() - (count - i) * 1700)
    if (i % 11 === 7) return `${at} WARN  upstream=cart retry=1 latency_ms=${840 + i}`
    if (i % 17 === 9) return `${at} ERROR could not reserve stock: context deadline exceeded order=${91_000 + i}`
    return `${at} INFO  order=${91_000 + i} status=reserved latency_ms=${20 + ((i * 37) % 90)}`
  })

export const yamlText = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: checkout
  namespace: shop
  labels:
    app: checkout # who owns it is in the label team
    team: "orders"
spec:
  replicas: 2
  selector:
    matchLabels:
      app: checkout
  template:
    spec:
      containers:
        - name: checkout
          image: registry.halyard.example/checkout:3.14.1
          env:
            - name: CART_URL
              value: "http://cart:8080"
          resources:
            requests:
              cpu: 250m
              memory: 256Mi
status:
  readyReplicas: 2
  observedGeneration: 17
`
