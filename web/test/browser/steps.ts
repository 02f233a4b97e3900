// The moves that browser tests have in common.

import type { BrowserContext, Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { axe, start, type Look, type World } from './harness'

export const box = (p: Page) => p.getByRole('textbox', { name: 'Ask this cluster' })

export const ask = async (p: Page, text: string) => {
  await box(p).fill(text)
  await box(p).press('Enter')
}

export const newChat = async (p: Page) => {
  await p.goto('/t/halyard/chat')
  await p.getByRole('heading', { name: 'What do you want to know?' }).waitFor()
}

export const card = (p: Page, name: RegExp) => p.getByRole('region', { name })

/** It can be seen: its top is within the conversation, above what is written next. */
export const shows = (p: Page, what: Locator) =>
  expect.poll(async () => {
    const [at, below] = await Promise.all([what.boundingBox(), box(p).boundingBox()])
    return at && below ? at.y > 40 && at.y + Math.min(at.height, 40) < below.y : 'not there'
  }, { timeout: 10_000 }).toBe(true)

/** Nothing that axe finds, and nothing that scrolls the page sideways. */
export async function clean(p: Page) {
  expect(await axe(p)).toEqual([])
  expect(await p.evaluate(() => document.documentElement.scrollWidth - innerWidth), 'scrolls sideways').toBeLessThanOrEqual(0)
}

/** What stood on the page when a test failed: enough to understand it from a log alone. */
async function seen(p: Page): Promise<string> {
  const focus = await p.evaluate(() => document.activeElement?.outerHTML.slice(0, 200)).catch(() => 'gone')
  const page = await p.locator('body').ariaSnapshot({ timeout: 2_000 }).catch(() => 'gone')
  return `at ${p.url()}, focus on ${focus}, the page's end:\n${page.slice(-4_000)}`
}

/** A world for the file, and a way to write tests whose page must end without an error of its own. */
export function stories(unit = 40) {
  let world: World | undefined
  const get = (): World => {
    if (!world) throw new Error('not started')
    return world
  }
  beforeAll(async () => {
    world = await start()
  })
  afterAll(() => world?.close())
  beforeEach(() => get().mock('reset', { unit }))
  const story = (name: string, run: (page: Page, context: BrowserContext) => Promise<void>, look: Look = {}) =>
    it(name, async () => {
      const { page, context, trouble } = await get().open(look)
      try {
        await run(page, context)
        expect(trouble).toEqual([])
      } catch (e) {
        throw new Error(`${e instanceof Error ? e.message : String(e)}\n${await seen(page)}`, { cause: e })
      } finally {
        await context.close()
      }
    })
  return { story, mock: (what: string, body?: object) => get().mock(what, body) }
}
