// What the mock server answers to which words: a script of events per question. A number is a pause, in the server's
// unit of time; a function decides what comes when it is reached.

import { logLines, nodeTable, podTable, yamlText } from './data.mjs'
import { change, end, explain, findings, read, roleSnippet, scaleDiff, scope } from './pieces.mjs'
import { more } from './scenarios-more.mjs'

const scenarios = [
  [/hostile/i, (c) => [read(c, 'kubectl get pods -A', 'List pods.'), 2, {
    type: 'table', data: { title: '<img src=x onerror=alert(1)>', columns: [{ name: 'Name', kind: 'text' }, { name: 'Note\u202Eevil', kind: 'text' }, { name: 'Status', kind: 'status' }], rows: [
      ['<script>alert(1)</script>', '\u001B[31mred\u001B[0m and \u202Ereversed', 'Running'],
      ['x'.repeat(300), 'javascript:alert(1) ![x](http://evil.example/x.png)', '"><b>bold'],
      ['=cmd|calc', '\u0000\u0007bell', null] ] } }, { type: 'text', data: { text: '<b>Not bold</b> & **not markdown** http://evil.example/' } }, end()]],
  [/forbidden|not allowed/i, (c) => [{ type: 'plan', data: { hash: 'h-f', class: 'mutate', sentence: 'Cordon node ip-10-0-1-93: no new pod goes there.', kubectl: 'kubectl cordon ip-10-0-1-93', cluster: c, steps: [], protected: false } }, 2,
    { type: 'access', data: { allowed: false, group: 'operator', steps: [{ verb: 'patch', resource: 'nodes', name: 'ip-10-0-1-93', allowed: false, reason: 'RBAC: no rule lets group kubechat:operator patch nodes', rule: 'patch nodes, cluster-wide, for the group kubechat:operator' }], snippet: roleSnippet } }, { type: 'error', data: { problem: { type: 'about:blank', title: 'Forbidden', status: 403, code: 'rbac', detail: 'On staging-eu, group "kubechat:operator" may not patch nodes cluster-wide.', fix: 'A tenant_admin can give you another group in this cluster; its owner can extend the group’s rights.', requestId: 'run-0193a5c0' } } }, end('failed')]],
  [/unknown/i, (c) => change(c, { sentence: 'Scale deployment checkout from 2 to 5 replicas', kubectl: 'kubectl scale deployment/checkout --replicas=5 -n shop', name: 'checkout', unified: scaleDiff(2, 5),
    after: [{ type: 'result', data: { step: 0, outcome: 'unknown', message: 'The session ended before the answer came.' } }, end('interrupted', 'The connection to the cluster was lost.')] })],
  [/interrupt/i, (c) => [read(c, 'kubectl get events -A', 'List events.'), 3, end('interrupted', 'The server that worked on it went away.')]],
  [/fail at it/i, (c) => change(c, { sentence: 'Set the image of deployment search to search:9', kubectl: 'kubectl set image deployment/search search=search:9 -n shop', name: 'search', op: 'setImage', unified: '@@ -21,5 +21,5 @@\n       containers:\n-      - image: search:8\n+      - image: search:9\n         name: search\n',
    after: [{ type: 'result', data: { step: 0, outcome: 'failed', message: 'admission webhook "images.halyard.example" denied the request: only signed images' } }, end('failed')] })],
  [/stale/i, (c) => change(c, { sentence: 'Scale deployment cart from 2 to 4 replicas', kubectl: 'kubectl scale deployment/cart --replicas=4 -n shop', name: 'cart', unified: scaleDiff(2, 4) })],
  [/expire/i, (c) => change(c, { sentence: 'Scale deployment cart from 2 to 4 replicas', kubectl: 'kubectl scale deployment/cart --replicas=4 -n shop', name: 'cart', unified: scaleDiff(2, 4), expires: 2 })],
  [/\bdelete\b|\bremove\b/i, (c) => change(c, { sentence: 'Delete deployment recommender and its pods', kubectl: 'kubectl delete deployment/recommender -n shop', name: 'recommender', verb: 'delete', cls: 'destructive', typedName: 'recommender', op: 'delete', isProtected: true,
    unified: '@@ -1,8 +0,0 @@\n-apiVersion: apps/v1\n-kind: Deployment\n-metadata:\n-  name: recommender\n-  namespace: shop\n-spec:\n-  replicas: 1\n-  # and 31 more lines\n', warnings: ['Service recommender would be left without endpoints.', '1 pod ends with it.'] })],
  [/scale (\S+) to (\d+)/i, (c, m) => change(c, { sentence: `Scale deployment ${m[1]} from 2 to ${m[2]} replicas`, kubectl: `kubectl scale deployment/${m[1]} --replicas=${m[2]} -n shop`, name: m[1], resource: 'deployments/scale', unified: scaleDiff(2, m[2]) })],
  [/restart/i, (c) => change(c, { sentence: 'Restart deployment payments, one pod after the other', kubectl: 'kubectl rollout restart deployment/payments -n shop', name: 'payments', op: 'rolloutRestart', unified: '@@ -14,4 +14,6 @@\n   template:\n     metadata:\n+      annotations:\n+        kubectl.kubernetes.io/restartedAt: "2026-11-23T21:40:00Z"\n       labels:\n', warnings: ['It has one replica: it is away for a moment.'] })],
  [/why|wrong|failing/i, (c) => [scope(c, 'shop', ['deployment/payments']), read(c, 'kubectl describe pod -l app=payments -n shop\nkubectl logs deployment/payments --previous --tail=50 -n shop', 'Look into payments.', 'shop'), 4,
    ...findings.flatMap((f) => [{ type: 'finding', data: f }, 1]),
    { type: 'text', data: { text: 'payments crashes because it can’t reach its database: service ledger selects no pod since revision 18 renamed it.' } }, end()]],
  [/log/i, (c) => [read(c, 'kubectl logs deployment/checkout -c checkout --tail=60 -n shop', 'Show the last 60 lines.', 'shop'), 2, { type: 'log', data: { lines: logLines(40), pod: 'checkout-5f6d8c7b49-9qmjt', container: 'checkout' } }, 3, { type: 'log', data: { lines: logLines(20), pod: 'checkout-5f6d8c7b49-9qmjt', container: 'checkout' } }, end()]],
  [/yaml/i, (c) => [read(c, 'kubectl get deployment/checkout -o yaml -n shop', 'Show it as YAML.', 'shop'), 2, { type: 'yaml', data: { text: yamlText } }, end()]],
  [/secret/i, () => [{ type: 'refused', data: { message: 'KubeChat never shows the values of Secrets, in any cluster. It can list their names and keys, or say which pods use one.' } }, end()]],
  [/^restart it|which web|\bweb\b/i, () => [{ type: 'clarify', data: { message: 'Three things in shop are called something like “web”. Which one?', choices: [{ label: 'deployment frontend', text: 'What is running in shop with app=frontend?' }, { label: 'service web-gateway', text: 'Describe service web-gateway in shop' }, { label: 'ingress web', text: 'Describe ingress web in shop' }] } }, end()]],
  [/nodes/i, (c) => [read(c, 'kubectl top nodes', 'How full the nodes are.'), 2, { type: 'table', data: nodeTable() }, end()]],
  [/slow/i, (c) => [read(c, 'kubectl get pods -A -w', 'Watch pods.'), 400, end()]],
  [/break/i, (c) => [read(c, 'kubectl get pods', 'List pods.'), 2, { type: 'error', data: { problem: { type: 'about:blank', title: 'Cluster not reachable', status: 503, code: 'cluster_disconnected', detail: 'staging-eu stopped answering while it was asked.', fix: 'Try again in a moment; the page shows when it is back.', requestId: 'req-7f3a91' } } }, end('failed')]],
  [/empty|nothing/i, (c) => [read(c, 'kubectl get jobs -n staging', 'List jobs.', 'staging'), 2, { type: 'table', data: { title: 'Jobs', namespace: 'staging', columns: [{ name: 'Name', kind: 'text' }], rows: [] } }, end()]],
  [/not healthy|unhealthy/i, (c) => [read(c, 'kubectl get pods -n shop', 'List pods that are not healthy.', 'shop'), 2, { type: 'table', data: podTable('shop', true) }, end()]],
  [/many/i, (c) => [read(c, 'kubectl get pods -A', 'List pods.'), 2, { type: 'table', data: { ...podTable(undefined, false), truncated: true, rows: Array.from({ length: 600 }, (_, i) => [`worker-${i}`, '1/1', 'Running', i % 7, '3h20m']) } }, end()]],
  [/./, (c) => [scope(c, 'shop'), read(c, 'kubectl get pods -n shop', 'List the pods in shop.', 'shop'), explain('kubectl get pods -n shop', 'get', 'pods'), 3, { type: 'table', data: podTable('shop', false) }, end()]],
]

/** The words name their scenario; the first one that knows them plays. */
export function script(text, cluster, clusters) {
  for (const [re, make] of [...more, ...scenarios]) {
    const m = re.exec(text)
    if (m) return [1, ...make(cluster, m, clusters)]
  }
  return [end()]
}
