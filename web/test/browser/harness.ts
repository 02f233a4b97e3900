// A real Chromium over the built application and the mock API.

import { mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { launch } from '../chromium.mjs'

const axePath = createRequire(import.meta.url).resolve('axe-core/axe.min.js')
export const out = fileURLToPath(new URL('../.out/', import.meta.url))

export interface Look {
  theme?: 'light' | 'dark'
  width?: number
  height?: number
  token?: string | null
}

export interface World {
  base: string
  browser: Browser
  mock: (what: string, body?: object) => Promise<void>
  open: (look?: Look) => Promise<{ page: Page; context: BrowserContext; trouble: string[] }>
  close: () => Promise<void>
}

/** Starts everything. Each open gives a fresh browser profile, signed in unless token is null. */
export async function start(): Promise<World> {
  mkdirSync(out, { recursive: true })
  const { server } = (await import(new URL('../mockserver/main.mjs', import.meta.url).href)) as { server: Server }
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const browser = await launch()
  const post = (path: string, body: object, headers: Record<string, string> = {}) =>
    fetch(base + path, { method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json', ...headers } })
  return {
    base,
    browser,
    mock: async (what, body = {}) => {
      await post(`/__mock/${what}`, body)
    },
    open: async ({ theme = 'light', width = 1280, height = width < 600 ? 844 : 800, token = 'kcp_ada' } = {}) => {
      const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme, baseURL: base, reducedMotion: 'reduce', locale: 'en-GB' })
      await context.grantPermissions(['clipboard-read', 'clipboard-write'])
      if (token) await context.request.post('/api/v1/session', { data: { token } })
      const page = await context.newPage()
      page.setDefaultTimeout(15_000)
      const trouble: string[] = []
      page.on('pageerror', (e) => trouble.push(`page error: ${e.message}`))
      page.on('console', (m) => {
        const text = m.text()
        if (m.type() === 'error' && !/Failed to load resource|net::ERR_/.test(text)) trouble.push(`console: ${text}`)
      })
      page.on('request', (r) => {
        if (!r.url().startsWith(base) && !r.url().startsWith('data:') && !r.url().startsWith('blob:')) trouble.push(`request to elsewhere: ${r.url()}`)
      })
      return { page, context, trouble }
    },
    close: async () => {
      await browser.close()
      server.closeAllConnections()
      await new Promise<void>((done) => server.close(() => done()))
    },
  }
}

/** Words to be seen on the page: those told to screen readers only, which repeat an answer's, are left out. */
export const words = (p: Page, what: string | RegExp, o: { exact?: boolean } = {}) => p.getByText(what, o).and(p.locator(':not([data-announcer])'))

/** What axe finds wrong on the page, in lines to read; of its rules all, or those about colours only. */
export async function axe(page: Page, rules: 'all' | 'colours' = 'all'): Promise<string[]> {
  // Evaluated by the debugger, which the page's policy does not bind.
  const { readFileSync } = await import('node:fs')
  await page.evaluate(readFileSync(axePath, 'utf8'))
  return page.evaluate(async (only) => {
    const { violations } = await (window as unknown as { axe: { run: (o: object) => Promise<{ violations: { id: string; help: string; nodes: { target: string[]; failureSummary?: string }[] }[] }> } }).axe.run({
      resultTypes: ['violations'],
      ...(only ? { runOnly: { type: 'rule', values: only } } : {}),
    })
    return violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(' ')}: ${(n.failureSummary ?? v.help).replace(/\s+/g, ' ')}`))
  }, rules === 'colours' ? ['color-contrast', 'link-in-text-block'] : undefined)
}
