// The story of a first visit, in a real browser against the real service: sign in by the one-time link, ask, change
// something after seeing what it would do, find it in the audit, add a cluster. Run by the end-to-end tests:
//
//   node story.mjs LINK OUT [SECOND]
//
// OUT is a folder for screenshots. SECOND is a program that joins the second cluster; it gets the shown token in the
// environment as TOKEN and must leave the agent running. Ends with code 0 and "story: ok", or says what was not there.
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { launch } from '../chromium.mjs'

const [link, out, second] = process.argv.slice(2)
if (!link || !out) throw new Error('usage: node story.mjs LINK OUT [SECOND]')
mkdirSync(out, { recursive: true })
const base = new URL(link).origin
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

const browser = await launch()
const trouble = []
let joined
try {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, colorScheme: 'light', reducedMotion: 'reduce', locale: 'en-GB' })
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  const page = await context.newPage()
  page.setDefaultTimeout(30_000)
  page.on('pageerror', (e) => trouble.push(`page error: ${e.message}`))
  page.on('console', (m) => m.type() === 'error' && !/Failed to load resource|net::ERR_/.test(m.text()) && trouble.push(`console: ${m.text()}`))
  page.on('request', (r) => r.url().startsWith(base) || r.url().startsWith('data:') || r.url().startsWith('blob:') || trouble.push(`request to elsewhere: ${r.url()}`))
  const shot = async (name) => {
    await page.screenshot({ path: join(out, `${name}.png`) })
    await page.evaluate(axe)
    const { violations } = await page.evaluate(() => window.axe.run())
    for (const v of violations) trouble.push(`${name}: axe ${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`)
  }

  await page.goto(link)
  await page.waitForURL(/\/t\/demo/)
  await page.getByRole('heading', { level: 1 }).first().waitFor()
  await page.getByText(/connected/i).first().waitFor()
  await shot('1-signed-in')

  const box = page.getByRole('textbox', { name: 'Ask this cluster' })
  await box.fill('what is running in shop?')
  await box.press('Enter')
  await page.getByRole('table').first().waitFor()
  await page.getByRole('cell', { name: /^checkout-/ }).first().waitFor()
  await shot('2-table')

  await box.fill('scale checkout to 3')
  await box.press('Enter')
  const card = page.getByRole('region', { name: /checkout/ }).last()
  await card.getByText('kubectl scale deployment/checkout -n shop --replicas=3').waitFor()
  await card.getByText('Allowed').first().waitFor()
  await card.getByText('replicas: 3').first().waitFor()
  await card.getByRole('button', { name: 'Approve' }).waitFor()
  await shot('3-plan')
  await card.getByRole('button', { name: 'Approve' }).click()
  await card.getByText('Done').first().waitFor()
  await shot('4-done')

  await page.reload()
  await page.getByText('kubectl scale deployment/checkout -n shop --replicas=3').first().waitFor()
  await page.getByText('Done', { exact: true }).filter({ visible: true }).first().waitFor()

  await page.goto(`${base}/t/demo/audit`)
  await page.getByText('kubectl scale deployment/checkout -n shop --replicas=3').filter({ visible: true }).first().waitFor()
  await page.getByText(/succeeded/i).filter({ visible: true }).first().waitFor()
  await shot('5-audit')

  await page.goto(`${base}/t/demo/clusters/new`)
  await page.getByRole('textbox', { name: 'Name' }).fill('second')
  await page.getByRole('button', { name: 'Create and show the command' }).click()
  await page.getByText(/helm (upgrade --install|install) kubechat-agent/).first().waitFor()
  const text = await page.locator('body').innerText()
  const token = /kcj1_[0-9A-Za-z_-]+/.exec(text)?.[0]
  if (!token) throw new Error('the page shows no join token')
  await shot('6-add-cluster')
  if (second) {
    joined = spawn(second, { env: { ...process.env, TOKEN: token }, stdio: ['ignore', 'inherit', 'inherit'], detached: true })
    await page.getByText(/is connected|Connected/).first().waitFor({ timeout: 120_000 })
    await shot('7-second-connected')
  }
  await page.goto(`${base}/t/demo/clusters`)
  await page.getByRole('link', { name: /sandbox/ }).first().waitFor()
  await shot('8-clusters')
  for (const [name, width, scheme] of [['dark', 1280, 'dark'], ['narrow', 390, 'light']]) {
    await page.setViewportSize({ width, height: 844 })
    await page.emulateMedia({ colorScheme: scheme })
    await page.goto(`${base}/t/demo/chat`)
    await page.getByRole('heading', { level: 1 }).first().waitFor()
    await shot(`9-${name}`)
  }
  if (trouble.length) throw new Error(trouble.join('\n'))
  console.log('story: ok')
} finally {
  await browser.close()
  if (joined?.pid) process.kill(-joined.pid, 'SIGTERM')
}
