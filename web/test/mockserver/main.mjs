// A server for development and browser tests: the contract of the API with made-up data, and the built application.
// Run it as `node test/mockserver/main.mjs --port 4180`. What it is told under /__mock makes it fail on purpose.

import { createReadStream, existsSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { api, change, Problem, reset, streams } from './api.mjs'
import { pace } from './runs.mjs'

const dist = fileURLToPath(new URL('../../dist', import.meta.url))
const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml', '.woff2': 'font/woff2' }
// The same policy as ../../handler.go sends.
export const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

/** Failures asked for: {match, status, times, delay, body}. */
let faults = []

function json(res, status, body, headers = {}) {
  res.writeHead(status, { 'Content-Type': status >= 400 ? 'application/problem+json' : 'application/json', 'Cache-Control': 'no-store', ...headers })
  res.end(body === undefined ? '' : JSON.stringify(body))
}

async function bodyOf(req) {
  let text = ''
  for await (const piece of req) text += piece
  return text ? JSON.parse(text) : {}
}

/** until waits for something to become true, a few seconds at most. */
async function until(holds) {
  for (let i = 0; i < 250 && !holds(); i++) await new Promise((r) => setTimeout(r, 20))
}

async function control(req, res, url) {
  const body = await bodyOf(req)
  if (url.pathname === '/__mock/fault') faults.push({ times: 1, ...body })
  else if (url.pathname === '/__mock/used') await until(() => faults.every((f) => f.times === 0))
  else if (url.pathname === '/__mock/reset') {
    faults = []
    pace.unit = body.unit ?? 110
    reset()
  } else if (url.pathname === '/__mock/fleet') change(body)
  else if (url.pathname === '/__mock/drop') for (const s of streams) s.destroy()
  return json(res, 200, { ok: true })
}

function file(res, pathname) {
  const asked = normalize(join(dist, pathname))
  const path = asked.startsWith(dist) && existsSync(asked) && statSync(asked).isFile() ? asked : join(dist, 'index.html')
  if (!existsSync(path)) return json(res, 503, { title: 'Web app not built: run npm run build' })
  if (path.endsWith('index.html') && pathname.startsWith('/assets/')) return json(res, 404, { title: 'No such file' })
  res.writeHead(200, { 'Content-Type': types[extname(path)] ?? 'application/octet-stream', 'Content-Security-Policy': policy, 'X-Content-Type-Options': 'nosniff' })
  createReadStream(path).pipe(res)
}

export const server = createServer(async (req, res) => {
  const url = new URL(req.url ?? '/', 'http://mock')
  try {
    if (url.pathname.startsWith('/__mock/')) return await control(req, res, url)
    if (!url.pathname.startsWith('/api/v1/')) return file(res, url.pathname)
    const fault = faults.find((f) => f.times > 0 && new RegExp(f.match).test(`${req.method} ${url.pathname}`))
    if (fault) {
      fault.times -= 1
      if (fault.delay) await new Promise((r) => setTimeout(r, fault.delay))
      if (fault.cut) return req.socket.destroy()
      if (fault.garbled) return res.writeHead(200, { 'Content-Type': 'text/html' }).end('<html>Sign in to the guest network</html>')
      if (fault.status) throw new Problem(fault.status, fault.title ?? 'Asked to fail', fault.detail ?? 'The mock server was told to answer this.', fault)
    }
    const answer = await api(req, res, url, () => bodyOf(req))
    if (answer !== undefined) json(res, answer.status ?? 200, answer.body, answer.headers)
  } catch (e) {
    if (res.headersSent) return res.destroy()
    if (!(e instanceof Problem)) console.error(e)
    const p = e instanceof Problem ? e : new Problem(500, 'Something went wrong on our side.')
    json(res, p.status, { type: 'about:blank', title: p.title, status: p.status, detail: p.detail, fix: p.fix, code: p.code, requestId: 'req-4c1b77' })
  }
})

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const at = process.argv.indexOf('--port')
  const port = at > 0 ? Number(process.argv[at + 1]) : 4180
  server.listen(port, '127.0.0.1', () => console.log(`mock KubeChat on http://127.0.0.1:${port}, tokens kcp_ada, kcp_ben, kcp_vera, kcp_otto`))
}
