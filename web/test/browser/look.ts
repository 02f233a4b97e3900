// Every page, in both themes and two widths: no accessibility violation, no error, no request to elsewhere, nothing that
// makes the page scroll sideways; and a picture to look at in test/.out.

import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { axe, out, start, words, type World } from './harness'

let world: World
beforeAll(async () => {
  world = await start()
})
afterAll(() => world.close())
beforeEach(() => world.mock('reset', { unit: 5 }))

interface Shot {
  name: string
  path: string
  token?: string | null
  ready: (p: Page) => Promise<unknown>
}

const text = (t: string | RegExp) => (p: Page) => words(p, t).first().waitFor()
const heading = (name: string | RegExp) => (p: Page) => p.getByRole('heading', { level: 1, name }).first().waitFor()
const openThread = (name: RegExp, then: (p: Page) => Promise<unknown>) => async (p: Page) => {
  const narrow = (p.viewportSize()?.width ?? 0) < 768
  await p.getByRole('link', { name }).locator('visible=true').first().click()
  if (narrow) await p.getByRole('link', { name: 'All conversations' }).waitFor()
  await then(p)
}

const asking = (what: string, then: (p: Page) => Promise<unknown>) => async (p: Page) => {
  await p.getByRole('textbox', { name: 'Ask this cluster' }).fill(what)
  await p.getByRole('textbox', { name: 'Ask this cluster' }).press('Enter')
  await then(p)
}

const lock = () =>
  world.mock('fleet', {
    name: 'edge-lagos',
    lockedAt: new Date(Date.now() - 26 * 60_000).toISOString(),
    lockReason: 'Somebody used this cluster’s identity and could not prove to be its agent: its service account token was signed by another cluster’s keys.',
    reason: 'Two parties hold this cluster’s identity, so neither may go on: make a new join token and install the agent with it.',
  })

const shots: Shot[] = [
  { name: 'sign-in', path: '/sign-in', token: null, ready: heading('Sign in') },
  { name: 'sign-in-wrong', path: '/sign-in', token: null, ready: async (p) => {
    await p.getByLabel('API token').fill('kcp_expired')
    await p.getByRole('button', { name: 'Sign in', exact: true }).click()
    await words(p, 'expired on').waitFor()
  } },
  { name: 'sign-in-again', path: '/sign-in', ready: text('Signed in already') },
  { name: 'chat-new', path: '/t/halyard/chat', ready: (p) => p.getByRole('button', { name: 'How full are the nodes?' }).waitFor() },
  { name: 'chat-none', path: '/t/tidewater/chat', token: 'kcp_otto', ready: text('Connect a cluster to start asking') },
  { name: 'chat-decision', path: '/t/halyard/chat', ready: openThread(/What is running in shop/, text('to approve it')) },
  { name: 'chat-finding', path: '/t/halyard/chat', ready: openThread(/Which pods are not healthy/, text('No endpoints')) },
  { name: 'chat-refusals', path: '/t/halyard/chat', ready: openThread(/Which web is it/, text('Missing:')) },
  { name: 'chat-outcomes', path: '/t/halyard/chat', ready: openThread(/Scale checkout to 6/, text('the answer was lost')) },
  { name: 'chat-logs', path: '/t/halyard/chat', ready: async (p) => {
    await p.getByRole('link', { name: /What is running in shop/ }).locator('visible=true').last().click()
    await words(p, /· 60 lines/).waitFor()
  } },
  { name: 'clusters', path: '/t/halyard/clusters', ready: text('edge-lagos') },
  { name: 'clusters-filtered', path: '/t/halyard/clusters?q=zanzibar', ready: text('No cluster matches') },
  { name: 'clusters-none', path: '/t/tidewater/clusters', token: 'kcp_otto', ready: text('No clusters yet') },
  { name: 'cluster-new', path: '/t/halyard/clusters/new', ready: heading('Add a cluster') },
  { name: 'cluster-connect', path: '/t/halyard/clusters/new', ready: async (p) => {
    await p.getByLabel('Name').fill('demo-two')
    await p.getByRole('button', { name: /Create/ }).click()
    await words(p, 'Watch it connect').waitFor()
  } },
  { name: 'cluster', path: '/t/halyard/clusters', ready: async (p) => {
    await p.getByRole('link', { name: 'edge-lagos' }).click()
    await words(p, 'Open sessions').waitFor()
  } },
  { name: 'cluster-locked', path: '/t/halyard/clusters', ready: async (p) => {
    await lock()
    await p.getByRole('link', { name: 'edge-lagos' }).click()
    await p.getByRole('heading', { name: /^Locked/ }).waitFor()
    await words(p, 'Last disconnects').waitFor()
  } },
  { name: 'cluster-locked-member', path: '/t/halyard/clusters', token: 'kcp_ben', ready: async (p) => {
    await lock()
    await p.getByRole('link', { name: 'edge-lagos' }).click()
    await p.getByRole('heading', { name: /^Locked/ }).waitFor()
  } },
  { name: 'cluster-unlock', path: '/t/halyard/clusters', ready: async (p) => {
    await lock()
    await p.getByRole('link', { name: 'edge-lagos' }).click()
    await p.getByRole('button', { name: 'Unlock edge-lagos' }).click()
    await p.getByRole('dialog', { name: 'Unlock edge-lagos?' }).waitFor()
  } },
  { name: 'cluster-problem', path: '/t/halyard/clusters', ready: async (p) => {
    const problem = 'RBAC: The agent may not impersonate users kubechat:user (without it no request can be made for anybody). helm upgrade --reuse-values puts the chart’s roles and bindings back.'
    await world.mock('fleet', { name: 'prod-us-1', state: 'degraded', problem, reason: `The agent reports: ${problem}` })
    await p.getByRole('link', { name: 'prod-us-1', exact: true }).click()
    await words(p, 'Before this session').waitFor()
  } },
  { name: 'cluster-kubectl', path: '/t/halyard/clusters', ready: async (p) => {
    await p.getByRole('link', { name: 'staging-eu', exact: true }).click()
    await p.getByRole('link', { name: 'kubectl', exact: true }).click()
    await words(p, 'apiVersion').first().waitFor()
  } },
  { name: 'cluster-access', path: '/t/halyard/clusters', ready: async (p) => {
    await p.getByRole('link', { name: 'staging-eu', exact: true }).click()
    await p.getByRole('link', { name: 'Access', exact: true }).click()
    await words(p, 'vera@halyard.example').waitFor()
  } },
  { name: 'cluster-tokens', path: '/t/halyard/clusters', ready: async (p) => {
    await p.getByRole('link', { name: 'dev-sandbox', exact: true }).click()
    await p.getByRole('link', { name: 'Join tokens', exact: true }).click()
    await words(p, 'unused').waitFor()
  } },
  { name: 'fleet', path: '/t/halyard/fleet', ready: async (p) => {
    await world.mock('fleet', { grow: 600 })
    await p.reload()
    await words(p, '606 clusters').first().waitFor()
    await p.getByRole('row').nth(5).waitFor()
  } },
  { name: 'fleet-filtered', path: '/t/halyard/fleet?state=connected&region=us-east-1&sort=roundTrip', ready: text('1 of 6 clusters') },
  { name: 'fleet-no-match', path: '/t/halyard/fleet?q=zanzibar', ready: text('No cluster matches') },
  { name: 'fleet-row', path: '/t/halyard/fleet', ready: async (p) => {
    await p.getByRole('button', { name: 'prod-us-1' }).click()
    await p.getByRole('dialog').getByText('Last disconnects').waitFor()
    await p.getByRole('dialog').getByText('intercepted').waitFor()
  } },
  { name: 'fleet-forbidden', path: '/t/halyard/fleet', token: 'kcp_vera', ready: text('The fleet is for admins') },
  { name: 'fleet-offline', path: '/t/halyard/fleet', ready: async (p) => {
    await words(p, /clusters, live/).waitFor()
    await p.context().setOffline(true)
    await world.mock('drop')
    await words(p, 'You are offline').waitFor()
  } },
  { name: 'fleet-failed', path: '/t/halyard/members', ready: async (p) => {
    await world.mock('fault', { match: 'GET .*/clusters$', status: 500, title: 'Something went wrong on our side.', times: 9 })
    await p.goto('/t/halyard/fleet')
    await words(p, 'req-4c1b77').first().waitFor()
  } },
  { name: 'audit', path: '/t/halyard/audit', ready: text('Show older records') },
  { name: 'audit-filtered', path: '/t/halyard/audit?kind=read&member=nobody', ready: text('No record matches') },
  { name: 'audit-drawer', path: '/t/halyard/audit?kind=intent', ready: async (p) => {
    await p.getByRole('button', { name: /replicas=3/ }).first().click()
    await p.getByRole('dialog').getByText('Request id').waitFor()
  } },
  { name: 'members', path: '/t/halyard/members', ready: text('deploy-bot@halyard.example') },
  { name: 'members-add', path: '/t/halyard/members', ready: async (p) => {
    await p.getByRole('button', { name: 'Add a member' }).click()
    await p.getByLabel('E-mail').waitFor()
  } },
  { name: 'tokens', path: '/t/halyard/tokens', ready: text('deploy pipeline') },
  { name: 'tokens-made', path: '/t/halyard/tokens', ready: async (p) => {
    await p.getByRole('button', { name: 'New token' }).click()
    await p.getByLabel('Name').fill('laptop')
    await p.getByRole('button', { name: 'Make the token' }).click()
    await words(p, 'one time').waitFor()
  } },
  { name: 'failed', path: '/t/halyard/clusters', ready: async (p) => {
    await words(p, 'edge-lagos').waitFor()
    await world.mock('fault', { match: 'GET .*/members', status: 500, title: 'Something went wrong on our side.', times: 2 })
    await p.goto('/t/halyard/members')
    await words(p, 'req-4c1b77').waitFor()
  } },
  { name: 'offline', path: '/t/halyard/clusters', ready: async (p) => {
    await words(p, /clusters, live/).waitFor()
    await p.context().setOffline(true)
    await world.mock('drop')
    await words(p, 'You are offline').waitFor()
  } },
  { name: 'signed-out', path: '/t/halyard/chat', ready: async (p) => {
    await p.getByRole('heading', { name: 'What do you want to know?' }).waitFor()
    await p.context().clearCookies()
    await p.getByRole('textbox', { name: 'Ask this cluster' }).fill('a long question')
    await p.getByRole('textbox', { name: 'Ask this cluster' }).press('Enter')
    await p.getByRole('dialog', { name: 'Sign in again' }).waitFor()
  } },
  { name: 'chat-running', path: '/t/halyard/chat', ready: async (p) => {
    await world.mock('reset', { unit: 400 })
    await p.getByRole('textbox', { name: 'Ask this cluster' }).fill('why is payments failing?')
    await p.getByRole('textbox', { name: 'Ask this cluster' }).press('Enter')
    await words(p, 'Reading from the cluster').waitFor()
  } },
  { name: 'chat-table', path: '/t/halyard/chat', ready: async (p) => {
    await p.getByRole('textbox', { name: 'Ask this cluster' }).fill('what is running in shop?')
    await p.getByRole('textbox', { name: 'Ask this cluster' }).press('Enter')
    await p.getByRole('cell', { name: 'CrashLoopBackOff' }).waitFor()
    await p.getByRole('textbox', { name: 'Ask this cluster' }).fill('how full are the nodes?')
    await p.getByRole('textbox', { name: 'Ask this cluster' }).press('Enter')
    await p.getByRole('cell', { name: 'ip-10-0-2-41' }).waitFor()
  } },
  { name: 'chat-clusters', path: '/t/halyard/chat', ready: asking('crashing pods in all clusters', (p) => words(p, 'One cluster did not answer').waitFor()) },
  { name: 'chat-count', path: '/t/halyard/chat', ready: asking('how many pods are not ready?', (p) => words(p, '1,204', { exact: true }).waitFor()) },
  { name: 'chat-row-menu', path: '/t/halyard/chat', ready: asking('crashing pods in all clusters', async (p) => {
    await p.getByRole('button', { name: /^search-/ }).click()
    await p.getByRole('menuitem', { name: 'Describe' }).waitFor()
  }) },
  { name: 'chat-yaml', path: '/t/halyard/chat', ready: asking('long yaml of checkout', (p) => p.getByRole('button', { name: 'Unfold managedFields' }).waitFor()) },
  { name: 'chat-follow', path: '/t/halyard/chat', ready: asking('follow the log of checkout', async (p) => {
    await words(p, 'followed line 3').waitFor()
    await p.getByRole('button', { name: 'Pause' }).click()
    await p.getByRole('button', { name: 'Search these lines' }).click()
    await p.getByRole('searchbox', { name: 'Search in the log' }).fill('latency')
    await words(p, /^\d+ lines$/).waitFor()
  }) },
  { name: 'chat-findings', path: '/t/halyard/chat', ready: asking('why is payments failing?', (p) => words(p, 'because it can’t reach').waitFor()) },
  { name: 'chat-answer', path: '/t/halyard/chat', ready: asking('ask the model why payments fails', (p) => words(p, 'unverified', { exact: true }).waitFor()) },
  { name: 'chat-banner', path: '/t/halyard/chat', ready: asking('ask the model, over budget', (p) => words(p, 'used up').last().waitFor()) },
  { name: 'chat-explain', path: '/t/halyard/chat', ready: asking('scale checkout to 3', async (p) => {
    await p.getByRole('button', { name: 'How this was understood' }).last().click()
    await words(p, 'What the cluster’s RBAC must allow').waitFor()
  }) },
  { name: 'chat-denied', path: '/t/halyard/chat', ready: asking('forbidden: cordon a node', (p) => p.getByRole('button', { name: 'Copy the role' }).waitFor()) },
  { name: 'chat-foreign', path: '/t/halyard/chat', ready: asking('use the image from the event', (p) => p.getByRole('button', { name: 'Approve' }).waitFor()) },
  { name: 'chat-two', path: '/t/halyard/chat', ready: asking('scale checkout to 4 in prod-eu-1 and prod-us-1', (p) => p.getByRole('button', { name: 'Approve' }).nth(1).waitFor()) },
  { name: 'chat-stalled', path: '/t/halyard/chat', ready: asking('one that stalls', async (p) => {
    await p.getByRole('button', { name: 'Approve' }).click()
    await p.getByRole('button', { name: 'Undo', exact: true }).waitFor()
  }) },
  { name: 'chat-clarify', path: '/t/halyard/chat', ready: asking('five choices', (p) => words(p, 'Choose by its number').waitFor()) },
  { name: 'chat-search', path: '/t/halyard/chat?find=checkout', ready: async (p) => {
    await words(p, /^\d found/).locator('visible=true').waitFor()
  } },
  { name: 'model', path: '/t/halyard/settings/model', ready: text('One is stored, encrypted.') },
  { name: 'model-wrong', path: '/t/halyard/settings/model', ready: async (p) => {
    await p.getByRole('combobox', { name: 'Provider' }).selectOption('bedrock')
    await p.getByRole('button', { name: 'Save' }).click()
    await words(p, 'Name the region').waitFor()
  } },
  { name: 'slack', path: '/t/halyard/settings/slack', ready: text('None is connected.') },
  { name: 'slack-link', path: '/t/halyard/slack/link?code=good-look', ready: text('U0ADA') },
  { name: 'model-forbidden', path: '/t/halyard/settings/model', token: 'kcp_vera', ready: text('The model is for admins') },
  { name: 'model-failed', path: '/t/halyard/clusters', ready: async (p) => {
    await world.mock('fault', { match: 'GET .*/settings/model', status: 500, title: 'Something went wrong on our side.', times: 9 })
    await p.goto('/t/halyard/settings/model')
    await words(p, 'req-4c1b77').waitFor()
  } },
  { name: 'menu', path: '/t/halyard/clusters', ready: async (p) => {
    await words(p, 'edge-lagos').waitFor()
    if ((p.viewportSize()?.width ?? 0) < 768) await p.getByRole('button', { name: 'Open the menu' }).click()
    else {
      await p.getByRole('button', { name: /Change organisation/ }).click()
      await p.getByRole('menu').waitFor()
    }
    await words(p, 'API tokens').locator('visible=true').first().waitFor()
  } },
  { name: 'not-found', path: '/nowhere/at/all', ready: text('There is nothing at this address') },
  { name: 'forbidden', path: '/t/halyard/clusters/new', token: 'kcp_vera', ready: text('Adding clusters is for admins') },
  { name: 'keys', path: '/t/halyard/clusters', ready: async (p) => {
    await words(p, 'edge-lagos').waitFor()
    await p.keyboard.press('?')
    await p.getByRole('dialog').getByText('Go to clusters').waitFor()
  } },
  { name: 'palette', path: '/t/halyard/clusters', ready: async (p) => {
    await words(p, 'edge-lagos').waitFor()
    await p.keyboard.press('Control+k')
    await p.getByRole('dialog').getByRole('combobox').fill('sta')
  } },
]

const only = process.env['SHOTS'] ? new RegExp(process.env['SHOTS']) : undefined

/** look takes every page in one theme; each theme is a file of its own, so that one can be run alone. */
export function look(theme: 'light' | 'dark'): void {
  for (const width of [1280, 390]) {
    describe(`${theme} at ${width}`, () => {
      for (const s of shots.filter((x) => !only || only.test(x.name))) {
        it(s.name, async () => {
          const { page, context, trouble } = await world.open({ theme, width, ...(s.token === undefined ? {} : { token: s.token }) })
          try {
            await page.goto(s.path)
            await s.ready(page)
            await page.evaluate(() => document.fonts.ready)
            await page.screenshot({ path: join(out, `${s.name}-${theme}-${width}.png`) })
            expect(await axe(page, theme === 'dark' ? 'colours' : 'all')).toEqual([]) // the rest is the same in both
            expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 'scrolls sideways').toBeLessThanOrEqual(0)
            expect(trouble).toEqual([])
          } catch (error) {
            await page.screenshot({ path: join(out, `FAILED-${s.name}-${theme}-${width}.png`) })
            throw error
          } finally {
            await context.close()
          }
        })
      }
    })
  }
}
