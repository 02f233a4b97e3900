// Fails when the built pages weigh more than they may: what every page loads, and what each page adds, compressed.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

const dist = new URL('../dist/', import.meta.url).pathname
const assets = join(dist, 'assets')
const kib = 1024
const limits = { shell: 190, css: 20, page: 40, chat: 85 }

const read = (name) => readFileSync(join(assets, name), 'utf8')
const size = (name) => gzipSync(readFileSync(join(assets, name)), { level: 9 }).length / kib
const files = readdirSync(assets)

/** The chunk and all that it imports before it runs. */
function closure(name, seen = new Set()) {
  if (seen.has(name)) return seen
  seen.add(name)
  const code = read(name)
  for (const m of code.matchAll(/(?:from|import)\s*"\.\/([^"]+\.js)"/g)) closure(m[1], seen)
  return seen
}

const total = (names) => [...names].reduce((sum, n) => sum + size(n), 0)
const entry = readFileSync(join(dist, 'index.html'), 'utf8').match(/assets\/(index-[^"]+\.js)/)[1]
const chunk = (page) => files.find((f) => f.startsWith(`${page}-`) && f.endsWith('.js'))
const shell = new Set([...closure(entry), ...closure(chunk('Shell'))])
const beyond = (...pages) => total(new Set(pages.flatMap((p) => [...closure(chunk(p))]).filter((n) => !shell.has(n))))

const rows = [
  ['shell', total(shell), limits.shell],
  ['css', total(files.filter((f) => f.endsWith('.css'))), limits.css],
  ['chat', beyond('Chat', 'NewThread', 'Thread'), limits.chat],
  ...['SignIn', 'Clusters', 'ClusterNew', 'Cluster', 'Fleet', 'Audit', 'Members', 'Tokens', 'ModelSettings'].map((p) => [p, beyond(p), limits.page]),
]
let over = false
for (const [name, is, may] of rows) {
  over ||= is > may
  console.log(`${is > may ? 'OVER' : 'ok  '}  ${name.padEnd(12)} ${is.toFixed(1).padStart(6)} K of ${may} K gzip`)
}
if (over) process.exit(1)
