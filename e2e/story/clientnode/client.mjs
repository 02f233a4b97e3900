// A Kubernetes client that nobody here wrote, at work through the tunnel. It prints one JSON object of what it saw.
//   node client.mjs KUBECONFIG NAMESPACE POD
import * as k8s from '@kubernetes/client-node'
import { createServer } from 'node:net'
import { PassThrough, Readable } from 'node:stream'
import { connect } from 'node:net'

const [kubeconfig, namespace, pod] = process.argv.slice(2)
const config = new k8s.KubeConfig()
config.loadFromFile(kubeconfig)
const core = config.makeApiClient(k8s.CoreV1Api)
const seen = {}

const collect = () => {
  const stream = new PassThrough()
  const chunks = []
  stream.on('data', (c) => chunks.push(c))
  return { stream, text: () => Buffer.concat(chunks).toString() }
}

const listed = await core.listNamespacedPod({ namespace })
seen.listed = listed.items.some((p) => p.metadata.name === pod)

// exec: standard input to its end, both outputs, the exit code
{
  const out = collect()
  const err = collect()
  const status = await new Promise((done, fail) => {
    new k8s.Exec(config)
      .exec(namespace, pod, '', ['sh', '-c', 'head -c 11; echo oops >&2; exit 3'], out.stream, err.stream, Readable.from(['hello there']), false, done)
      .catch(fail)
  })
  seen.exec = { out: out.text(), err: err.text(), status: status.status, causes: status.details?.causes?.map((c) => c.message) }
}

// attach: what the program writes from now on
{
  const out = new PassThrough()
  const socket = await new k8s.Attach(config).attach(namespace, pod, '', out, null, null, false)
  seen.attach = await new Promise((resolve) => out.once('data', (c) => resolve(c.length > 0)))
  socket.close()
}

// logs, followed: the stream ends with the process, as aborting it raises an error that nobody can catch
{
  const out = new PassThrough()
  let lines = 0
  await new k8s.Log(config).log(namespace, pod, '', out, { follow: true, tailLines: 1 })
  await new Promise((resolve) => {
    out.on('data', (c) => {
      lines += c.toString().split('\n').length - 1
      if (lines >= 3) resolve()
    })
  })
  seen.log = true
}

// watch: a change is seen
{
  const name = `watched-${Date.now()}`
  const found = new Promise((resolve, reject) => {
    new k8s.Watch(config)
      .watch(`/api/v1/namespaces/${namespace}/configmaps`, {}, (type, object) => type === 'ADDED' && object.metadata.name === name && resolve(true), (e) => e && reject(e))
      .then(async () => {
        await core.createNamespacedConfigMap({ namespace, body: { metadata: { name }, data: { a: '1' } } })
      })
      .catch(reject)
  })
  seen.watch = await found
  await core.deleteNamespacedConfigMap({ namespace, name })
}

// port-forward: an HTTP answer from within the pod
{
  const forward = new k8s.PortForward(config)
  const server = createServer((socket) => forward.portForward(namespace, pod, [8080], socket, null, socket))
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  seen.forward = await new Promise((resolve, reject) => {
    const socket = connect(server.address().port, '127.0.0.1', () => socket.write('GET / HTTP/1.0\r\nHost: pod\r\n\r\n'))
    socket.once('data', (c) => resolve(c.toString().split('\r\n')[0]))
    socket.once('error', reject)
  })
}

console.log(JSON.stringify(seen))
process.exit(0)
