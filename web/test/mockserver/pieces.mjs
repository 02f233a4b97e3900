// What the mock server's scripts are made of.

import { ahead } from './data.mjs'

const deployment = { group: 'apps', version: 'v1', resource: 'deployments', kind: 'Deployment', namespaced: true }

export const read = (c, kubectl, sentence, namespace) => ({
  type: 'plan',
  data: { hash: `h-${kubectl.length}`, class: 'read', sentence, kubectl, cluster: c, namespace, steps: [{ op: 'get', resource: { ...deployment, resource: 'pods', kind: 'Pod' }, namespace, args: {}, post: {}, class: 'read' }], protected: false },
})

export const allow = (verb, resource, name, allowed = true, reason = 'RBAC: allowed by ClusterRoleBinding "kubechat-operator"') => ({
  type: 'access',
  data: { allowed, group: 'operator', steps: [{ verb: 'get', resource, namespace: 'shop', name, allowed: true, reason: 'RBAC: allowed by ClusterRoleBinding "kubechat-viewer"' }, { verb, resource, namespace: 'shop', name, allowed, reason }] },
})

export const end = (state = 'done', message) => ({ type: 'end', data: { state, ...(message ? { message } : {}) } })

export function change(c, { sentence, kubectl, name, verb = 'patch', resource = 'deployments', unified, warnings = [], cls = 'mutate', typedName, expires = 600, isProtected = false, op = 'scale', after, extra = {}, undo }) {
  const plan = { hash: `h-${kubectl}`, class: cls, sentence, kubectl, cluster: c, namespace: 'shop', protected: isProtected, steps: [{ op, resource: deployment, namespace: 'shop', names: [name], args: {}, post: {}, class: cls }], ...(typedName ? { typedName } : {}), ...extra }
  return [
    scope(c, 'shop', [`deployment/${name}`]), { type: 'plan', data: plan }, explain(kubectl, op, name), 2, allow(verb, resource, name), 2,
    { type: 'diff', data: { steps: [{ title: `deployment/${name}`, before: '', after: '', unified, warnings }] } }, 1,
    () => ({ type: 'approval', data: { expiresAt: ahead(expires), planHash: plan.hash, ...(cls === 'mutate' && !isProtected && !typedName ? { remember: true } : {}) } }),
    { wait: 'decision' },
    { type: 'started', data: { step: 0, kubectl } }, 4,
    ...(after ?? [{ type: 'result', data: { step: 0, outcome: 'succeeded', message: `deployment.apps/${name} ${op === 'scale' ? 'scaled' : op === 'delete' ? 'deleted' : 'changed'}` } }, 2, ...(undo ? [{ type: 'undo', data: undo }] : []), end()]),
  ]
}

export const scaleDiff = (from, to) => `--- live\n+++ dry run\n@@ -9,7 +9,7 @@\n spec:\n   progressDeadlineSeconds: 600\n-  replicas: ${from}\n+  replicas: ${to}\n   revisionHistoryLimit: 10\n   selector:\n     matchLabels:\n`

export const roleSnippet = `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: kubechat-operator-nodes
rules:
- apiGroups: [""]
  resources: [nodes]
  resourceNames: [ip-10-0-1-93]
  verbs: [patch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: kubechat-operator-nodes
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: kubechat-operator-nodes
subjects:
- apiGroup: rbac.authorization.k8s.io
  kind: Group
  name: kubechat:operator
`

export const scope = (c, namespace, objects) => ({ type: 'scope', data: { clusters: [c], ...(namespace ? { namespace } : { allNamespaces: true }), ...(objects ? { objects } : {}), ...(objects ? { choices: objects.map((o) => ({ label: `${o} in namespace staging`, text: `describe ${o.replace('/', ' ')} in staging` })) } : {}) } })

const flagMeanings = { '--replicas': 'how many pods there shall be', '-n': 'the namespace', '--namespace': 'the namespace', '-A': 'in all namespaces', '--tail': 'only so many of the newest lines', '-c': 'the container', '-o': 'in which form', '-f': 'go on while new lines come', '-l': 'only what has this label' }

export const explain = (kubectl, op, name, source = 'builtin') => ({
  type: 'explain',
  data: {
    source,
    words: [{ words: op === 'scale' ? 'scale' : op, as: `operation ${op}` }, { words: name, as: `deployment ${name} in namespace shop` }],
    requests: [{ step: 0, method: 'GET', path: `/apis/apps/v1/namespaces/shop/deployments/${name}` }, ...(op === 'get' ? [] : [{ step: 0, method: 'PATCH', path: `/apis/apps/v1/namespaces/shop/deployments/${name}${op === 'scale' ? '/scale' : ''}` }])],
    rights: [{ verb: 'get', resource: 'deployments.apps', namespace: 'shop' }, ...(op === 'get' ? [] : [{ verb: 'patch', resource: `deployments.apps${op === 'scale' ? '/scale' : ''}`, namespace: 'shop' }])],
    flags: [...new Set(kubectl.match(/(?<= )--?[a-zA-Z-]+/g) ?? [])].map((flag) => ({ flag, meaning: flagMeanings[flag] ?? 'as kubectl says' })),
  },
})

export const findings = [
  { id: 'F1', object: 'pod/shop/payments-7c4d6f8b95-vn5tz', reason: 'CrashLoopBackOff', severity: 'critical', text: 'Container payments exits with code 1 about 3 seconds after it starts; it has restarted 41 times in 3 h 35 min.',
    cause: 'The name “ledger” is not resolved: the service that has it selects no pod.',
    evidence: [{ path: 'status.containerStatuses[0].lastState.terminated', value: 'exitCode 1, reason Error, 21:38:04 to 21:38:07' }, { path: 'log', value: 'panic: PAYMENTS_DSN: parse "postgres://…@ledger:5432": lookup ledger: no such host' }, { path: 'spec.template.spec.containers[0].env[PAYMENTS_DSN]', value: 'from secret payments-dsn', object: 'deployment/shop/payments' }],
    next: 'Look at service ledger in namespace shop.', related: ['deployment/shop/payments', 'service/shop/ledger'] },
  { id: 'F2', object: 'service/shop/ledger', reason: 'No endpoints', severity: 'warning', text: 'Its selector app=ledger-db matches no pod. Pods with app=ledger exist.', cause: 'Revision 18 renamed the label in the selector, and not on the pods.',
    evidence: [{ path: 'spec.selector', value: 'app=ledger-db' }, { path: 'metadata.labels', value: 'app=ledger', object: 'statefulset/shop/ledger' }], next: 'Point the selector at the pods that there are.', fix: { label: 'Set the selector to app=ledger', text: 'set the selector of service ledger in shop to app=ledger' } },
  { id: 'F3', object: 'deployment/shop/payments', reason: 'Changed 3 h 41 min ago', severity: 'info', text: 'Revision 18 changed PAYMENTS_DSN. Revision 17 ran for 12 days without a restart.', evidence: [], next: '', fix: { label: 'Go back to revision 17', text: 'roll payments in shop back to revision 17' } },
]
