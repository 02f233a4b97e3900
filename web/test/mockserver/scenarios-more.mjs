// What the mock server answers to words about several clusters, models, undo and logs that are followed. These come first.

import { ago, ahead, logLines } from './data.mjs'
import { allow, change, end, explain, findings, read, scaleDiff, scope } from './pieces.mjs'

const podColumns = [{ name: 'Cluster', kind: 'text' }, { name: 'Name', kind: 'text' }, { name: 'Ready', kind: 'status' }, { name: 'Status', kind: 'status' }, { name: 'Restarts', kind: 'number' }, { name: 'Age', kind: 'age' }]
const crashing = [
  ['prod-us-1', 'payments-55c8d-q8x2m', '0/1', 'CrashLoopBackOff', 112, 90_000],
  ['staging-eu', 'payments-7c4d6f8b95-vn5tz', '0/1', 'CrashLoopBackOff', 41, 12_900],
  ['staging-eu', 'search-84c7b9d6f5-7hfnc', '0/1', 'ImagePullBackOff', 0, 930],
  ['prod-eu-1', 'reports-29384650-xq7bz', '0/1', 'Error', 3, 3_400],
]
const missing = [{ cluster: 'edge-lagos', why: 'It is offline since 26 minutes.' }]

/** Scaling in two clusters: a plan, a review, a difference and a decision for each. */
function inTwo(_c, m, clusters) {
  const two = clusters.filter((c) => c.name.startsWith('prod')).map((c) => ({ id: c.id, name: c.name }))
  const kubectl = `kubectl scale deployment/${m[1]} --replicas=${m[2]} -n shop`
  const events = two.flatMap((c, i) => {
    const hash = `h-two-${c.name}`
    const from = i + 2
    return [
      { type: 'plan', cluster: c.id, data: { hash, class: 'mutate', sentence: `Scale deployment ${m[1]} from ${from} to ${m[2]} replicas`, kubectl, cluster: c, namespace: 'shop', protected: false, group: i ? 'viewer' : 'operator', steps: [{ op: 'scale', resource: { group: 'apps', version: 'v1', resource: 'deployments', kind: 'Deployment', namespaced: true }, namespace: 'shop', names: [m[1]], args: {}, post: {}, class: 'mutate' }] } },
      { cluster: c.id, ...explain(kubectl, 'scale', m[1]) },
      1,
      { cluster: c.id, ...allow('patch', 'deployments/scale', m[1]) },
      { type: 'diff', cluster: c.id, data: { steps: [{ title: `deployment/${m[1]}`, before: '', after: '', unified: scaleDiff(from, m[2]), warnings: [] }] } },
      () => ({ type: 'approval', cluster: c.id, data: { expiresAt: ahead(600), planHash: hash } }),
    ]
  })
  const rest = (c) => [
    { type: 'started', cluster: c.id, data: { step: 0, kubectl } }, 2,
    { type: 'result', cluster: c.id, data: { step: 0, outcome: 'succeeded', message: `deployment.apps/${m[1]} scaled` } }, 1,
    { type: 'progress', cluster: c.id, data: { step: 0, message: `${m[1]}: 3 of ${m[2]} pods ready` } }, 2,
    { type: 'settled', cluster: c.id, data: { step: 0, state: 'ready', message: `${m[2]} of ${m[2]} pods are ready.` } },
    { type: 'undo', cluster: c.id, data: { available: true, sentence: `Scale deployment ${m[1]} back on ${c.name}.`, text: 'undo that' } },
    { type: 'plan.end', cluster: c.id, data: { state: 'done' } },
  ]
  return [{ type: 'scope', data: { clusters: two, namespace: 'shop', objects: [`deployment/${m[1]}`] } }, ...events, { branches: Object.fromEntries(two.map((c) => [`h-two-${c.name}`, rest(c)])) }]
}

const rollout = (c, name, state) =>
  change(c, {
    sentence: `Set the image of deployment ${name} from ${name}:3.14.1 to ${name}:${state === 'stalled' ? '9.9.9' : '3.15.0'}`, kubectl: `kubectl set image deployment/${name} ${name}=registry.halyard.example/${name}:${state === 'stalled' ? '9.9.9' : '3.15.0'} -n shop`, name, op: 'setImage',
    unified: `@@ -21,5 +21,5 @@\n       containers:\n-      - image: registry.halyard.example/${name}:3.14.1\n+      - image: registry.halyard.example/${name}:${state === 'stalled' ? '9.9.9' : '3.15.0'}\n         name: ${name}\n`,
    after: [
      { type: 'result', data: { step: 0, outcome: 'succeeded', message: `deployment.apps/${name} image updated` } }, 2,
      { type: 'progress', data: { step: 0, message: '1 of 3 new pods is starting' } }, 3,
      { type: 'progress', data: { step: 0, message: state === 'stalled' ? '1 of 3 new pods waits for its image' : '2 of 3 new pods are ready' } }, 3,
      { type: 'settled', data: { step: 0, state, message: state === 'stalled' ? 'It does not get further: the image registry.halyard.example/cart:9.9.9 is not found.' : '3 of 3 pods run the new image.' } },
      ...(state === 'stalled' ? [{ type: 'finding', data: { id: 'F1', object: 'pod/shop/cart-7d9f8c-x2k9p', reason: 'ImagePullBackOff', severity: 'critical', text: 'The image registry.halyard.example/cart:9.9.9 can’t be pulled.', cause: 'The registry has no tag 9.9.9.', evidence: [{ path: 'status.containerStatuses[0].state.waiting.message', value: 'manifest unknown' }], next: 'Set a tag that exists.', fix: { label: 'Undo the change', text: 'undo that' } } }] : []),
      { type: 'undo', data: { available: true, sentence: `Set the image of deployment ${name} back to ${name}:3.14.1.`, text: 'undo that' } },
      end(),
    ],
  })

const tools = [
  { id: 'R1', name: 'find_object', args: '{"name":"payments"}', summary: 'deployment payments, 1 pod, in namespace shop' },
  { name: 'run_analyzers', args: '{"object":"deployment/shop/payments"}', summary: '3 findings' },
  { id: 'R2', name: 'logs', args: '{"pod":"payments-7c4d6f8b95-vn5tz","previous":true,"tail":50}', summary: '50 lines; the last one is a panic' },
]

const sentences = [
  { text: 'payments can’t reach its database, so its container ends with code 1 and is restarted again and again.', evidence: ['F1', 'R2.50'], verified: true },
  { text: 'The cause is service `ledger`: its selector is `app=ledger-db`, and no pod has that label.\n\n', evidence: ['F2'], verified: true },
  { text: 'Two ways out:\n', verified: true },
  { text: '- point the selector of `ledger` at `app=ledger`', evidence: ['F2'], verified: true },
  { text: '- or go back to revision 17, which ran for 12 days\n\n', evidence: ['F3'], verified: true },
  { text: 'The team that owns ledger probably renamed it on purpose, see ~~ledger-owner-7~~ ![x](http://evil.example/x.png) <img src=x>.', verified: false },
]

const usage = (used, limit = 200_000) => ({ type: 'usage', data: { model: 'claude-sonnet', inputTokens: 6_412, outputTokens: 388, costMicros: 25_060, budget: { used, limit } } })

export const more = [
  [/scale (\S+) to (\d+) in prod-eu-1 and prod-us-1/i, inTwo],
  [/in all clusters|everywhere/i, (c, _m, clusters) => [
    { type: 'scope', data: { clusters: clusters.filter((x) => /prod|staging/.test(x.name)).map((x) => ({ id: x.id, name: x.name })), allNamespaces: true, choices: [{ label: 'shop', text: 'and in shop?' }] } },
    read(c, 'kubectl get pods -A', 'List pods that are crashing, most restarts first.'), explain('kubectl get pods -A', 'get', 'pods'), 3,
    { type: 'table', data: { title: 'Pods that are crashing', columns: podColumns, rows: crashing.map((r) => [...r.slice(0, 5), ago(r[5])]), objects: crashing.map((r) => `pod/shop/${r[1]}`), sort: { column: 'Restarts', desc: true }, clusters: ['prod-eu-1', 'prod-us-1', 'staging-eu'], missing } }, end()]],
  [/how many/i, (c, _m, clusters) => [
    { type: 'scope', data: { clusters: clusters.filter((x) => /prod|staging/.test(x.name)).map((x) => ({ id: x.id, name: x.name })), allNamespaces: true } },
    read(c, 'kubectl get pods -A', 'Count the pods that are not ready.'), 2,
    { type: 'count', data: { count: 1_204, of: 18_311, what: 'pods are not ready', perCluster: [{ cluster: 'prod-eu-1', count: 1_100 }, { cluster: 'prod-us-1', count: 99 }, { cluster: 'staging-eu', count: 5 }], missing } }, end()]],
  [/roll out (\S+)/i, (c, m) => rollout(c, m[1], 'ready')],
  [/stalls/i, (c) => rollout(c, 'cart', 'stalled')],
  [/undo that/i, (c) => change(c, { sentence: 'Set the image of deployment cart back to cart:3.14.1', kubectl: 'kubectl set image deployment/cart cart=registry.halyard.example/cart:3.14.1 -n shop', name: 'cart', op: 'setImage', unified: '@@ -21,5 +21,5 @@\n       containers:\n-      - image: registry.halyard.example/cart:9.9.9\n+      - image: registry.halyard.example/cart:3.14.1\n         name: cart\n' })],
  [/evict/i, (c) => change(c, { sentence: 'Evict pod cart-6c9f7b5d84-2xk8q', kubectl: 'kubectl evict pod/cart-6c9f7b5d84-2xk8q -n shop', name: 'cart', op: 'evict', cls: 'destructive', typedName: 'cart-6c9f7b5d84-2xk8q', unified: '', undo: { available: false, why: 'An evicted pod is gone; its deployment makes another one.' } })],
  [/use the image from the event/i, (c) => change(c, { sentence: 'Set the image of deployment cart to cart:3.14.1-hotfix', kubectl: 'kubectl set image deployment/cart cart=cart:3.14.1-hotfix -n shop', name: 'cart', op: 'setImage', unified: '@@ -21,5 +21,5 @@\n       containers:\n-      - image: cart:3.14.1\n+      - image: cart:3.14.1-hotfix\n         name: cart\n', extra: { fromClusterData: ['cart:3.14.1-hotfix'], group: 'operator' } })],
  [/follow the log/i, (c) => [scope(c, 'shop', ['deployment/checkout']), read(c, 'kubectl logs deployment/checkout -f --tail=40 -n shop', 'Follow the log of checkout.', 'shop'), explain('kubectl logs deployment/checkout -f --tail=40 -n shop', 'get', 'checkout'), 1,
    { type: 'log', data: { lines: logLines(40), pod: 'checkout-5f6d8c7b49-9qmjt', container: 'checkout', follow: true } },
    { every: 4, forever: (n) => ({ type: 'log', data: { lines: [`2026-11-23T21:40:${String(n % 60).padStart(2, '0')}Z INFO  followed line ${n}`], pod: 'checkout-5f6d8c7b49-9qmjt', container: 'checkout', follow: true } }) }]],
  [/ask the model.*budget/i, (c) => [{ type: 'banner', data: { kind: 'budget', message: 'Your organisation has used its budget of today. The built-in translator and the analyzers answer until midnight UTC.' } }, scope(c, 'shop', ['deployment/payments']), read(c, 'kubectl describe pod -l app=payments -n shop', 'Look into payments.', 'shop'), 2, ...findings.map((f) => ({ type: 'finding', data: f })), usage(201_400), end()]],
  [/ask the model.*away/i, (c) => [{ type: 'banner', data: { kind: 'model_away', message: 'claude-sonnet did not answer for 30 seconds. The built-in translator answers instead; the model is tried again in a moment.' } }, scope(c, 'shop'), read(c, 'kubectl get events -n shop', 'List events.', 'shop'), 2, { type: 'text', data: { text: 'No warnings in the last hour.' } }, end()]],
  [/ask the model/i, (c) => [scope(c, 'shop', ['deployment/payments']), 1, ...tools.slice(0, 2).flatMap((t) => [{ type: 'tool', data: t }, 3]), ...findings.map((f) => ({ type: 'finding', data: f })), 1, { type: 'tool', data: tools[2] }, 3,
    ...['payments can’t reach its ', 'database, so its container ', 'ends with code 1'].flatMap((text) => [{ type: 'answer.delta', data: { text } }, 2]),
    { type: 'answer', data: { model: 'claude-sonnet', sentences } }, usage(68_000), end()]],
  [/long ago/i, (c) => [scope(c, 'shop'), read(c, 'kubectl get pods -n shop', 'List the pods in shop.', 'shop'), 1, { type: 'pruned', data: { was: 'table' } }, { type: 'pruned', data: { was: 'log' } }, end()]],
  [/five choices/i, () => [{ type: 'clarify', data: { message: 'Which namespace do you mean?', choices: ['shop', 'staging', 'billing', 'kube-system', 'monitoring', 'sixth'].map((n) => ({ label: n, text: `what is running in ${n}?` })) } }, end()]],
  [/long yaml/i, (c) => [read(c, 'kubectl get deployment/checkout -o yaml --show-managed-fields -n shop', 'Show it as YAML.', 'shop'), 2, { type: 'yaml', data: { text: longYaml } }, end()]],
]

const longYaml = `apiVersion: apps/v1
kind: Deployment
metadata:
  annotations:
    deployment.kubernetes.io/revision: "18"
  managedFields:
  - apiVersion: apps/v1
    fieldsType: FieldsV1
    manager: kubectl
    operation: Update
  name: checkout
  namespace: shop
spec:
  replicas: 2
  template:
    spec:
      containers:
      - name: checkout
        image: registry.halyard.example/checkout:3.14.1
        command:
        - /bin/sh
        - -c
        - |
          set -e

          exec checkout --listen :8080
      - name: proxy
        image: registry.halyard.example/proxy:1.2
status:
  readyReplicas: 2
`
