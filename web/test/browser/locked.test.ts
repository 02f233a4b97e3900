// A cluster whose identity seems to be in two hands, and what an admin does about it.

import type { Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { start, words, type Look, type World } from './harness'

let world: World
beforeAll(async () => {
  world = await start()
})
afterAll(() => world.close())
beforeEach(async () => {
  await world.mock('reset', { unit: 5 })
  await world.mock('fleet', { name: 'edge-lagos', lockedAt: new Date(Date.now() - 60_000).toISOString(), lockReason: 'A superseded certificate was used to renew.' })
})

async function page(look?: Look) {
  const opened = await world.open(look)
  await opened.page.goto('/t/halyard/clusters')
  await opened.page.getByRole('link', { name: 'edge-lagos' }).click()
  await opened.page.getByRole('heading', { name: 'Locked: its identity seems to be in two hands' }).waitFor()
  return opened
}

const dialog = (p: Page) => p.getByRole('dialog', { name: 'Unlock edge-lagos?' })

describe('a locked cluster', () => {
  for (const width of [1280, 390]) {
    it(`is unlocked with the keyboard alone at ${width}`, async () => {
      const { page: p, context, trouble } = await page({ width })
      await words(p, 'A superseded certificate was used to renew.').waitFor()
      expect(await words(p, 'No session is open.').count(), 'the other reason for being offline').toBe(0)
      await p.getByRole('button', { name: 'Unlock edge-lagos' }).focus()
      await p.keyboard.press('Enter')
      await dialog(p).waitFor()
      const unlock = dialog(p).getByRole('button', { name: 'Unlock', exact: true })
      await unlock.focus()
      await p.keyboard.press('Enter')
      expect(await dialog(p).isVisible(), 'nothing happens before it is said that somebody looked').toBe(true)
      await dialog(p).getByRole('checkbox', { name: /I know why/ }).focus()
      await p.keyboard.press('Space')
      await unlock.focus()
      await p.keyboard.press('Enter')
      await p.getByRole('heading', { name: /^Locked/ }).waitFor({ state: 'detached' })
      await words(p, 'Connected').first().waitFor()
      await expect.poll(() => p.evaluate(() => document.activeElement?.tagName)).toBe('H1')
      expect(trouble).toEqual([])
      await context.close()
    })
  }

  it('keeps its lock, and what was tried, when the answer is no', async () => {
    const { page: p, context } = await page()
    await p.getByRole('button', { name: 'Unlock edge-lagos' }).click()
    await dialog(p).getByRole('checkbox', { name: /I know why/ }).check()
    await world.mock('fault', { match: 'POST .*/unlock$', status: 503, title: 'The database is away.', times: 1 })
    await dialog(p).getByRole('button', { name: 'Unlock', exact: true }).click()
    await dialog(p).getByRole('alert').waitFor()
    await p.keyboard.press('Escape')
    await dialog(p).waitFor({ state: 'hidden' })
    expect(await p.getByRole('button', { name: 'Unlock edge-lagos' }).evaluate((b) => b === document.activeElement)).toBe(true)
    await p.getByRole('link', { name: 'Make a new join token' }).click()
    await p.getByRole('button', { name: 'New join token' }).waitFor()
    await context.close()
  })

  it('is no member’s to unlock', async () => {
    const { page: p, context } = await page({ token: 'kcp_ben' })
    expect(await p.getByRole('button', { name: /Unlock/ }).count()).toBe(0)
    await words(p, /tenant admin/).waitFor()
    await context.close()
  })

  it('is shown at once when it is locked, and when another admin unlocks it', async () => {
    await world.mock('fleet', { name: 'edge-lagos', lockedAt: null, lockReason: null })
    const { page: p, context } = await world.open()
    await p.goto('/t/halyard/clusters')
    await p.getByRole('link', { name: 'edge-lagos' }).click()
    await words(p, 'Open sessions').waitFor()
    await world.mock('fleet', { name: 'edge-lagos', lockedAt: new Date().toISOString(), lockReason: 'Seen just now.' })
    await words(p, 'Seen just now.').waitFor()
    await world.mock('fleet', { name: 'edge-lagos', lockedAt: null, lockReason: null })
    await words(p, 'Seen just now.').waitFor({ state: 'detached' })
    await context.close()
  })
})
