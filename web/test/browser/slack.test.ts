// Where `/kubechat link` leads: the member sees which Slack user asked, and says yes once.

import { expect } from 'vitest'
import { words } from './harness'
import { clean, stories } from './steps'

const { story, mock } = stories()

story('links a Slack user by the keyboard, once', async (p) => {
  await p.goto('/t/halyard/slack/link?code=good-1')
  await words(p, 'U0ADA', { exact: true }).waitFor()
  await words(p, 'T0HALYARD', { exact: true }).waitFor()
  await p.locator('dd', { hasText: 'ada@halyard.example' }).waitFor()
  await clean(p)
  const yes = p.getByRole('button', { name: 'Link this Slack user to me' })
  await p.getByRole('heading', { name: 'Is this you?' }).click()
  await p.keyboard.press('Tab')
  expect(await yes.evaluate((b) => b === document.activeElement)).toBe(true)
  await p.keyboard.press('Enter')
  await p.getByRole('heading', { name: 'Your Slack user is linked' }).waitFor()
  await clean(p)
  await p.reload()
  await words(p, 'This link was used already').waitFor()
  expect(await yes.count()).toBe(0)
  await clean(p)
})

story('shows what a Slack user calls itself as text, and says what went wrong', async (p) => {
  await p.goto('/t/halyard/slack/link?code=good-2')
  await words(p, '<b>ada</b>').waitFor()
  await mock('fault', { match: 'POST .*/slack/links$', status: 503, title: 'Not available', times: 1 })
  await p.getByRole('button', { name: 'Link this Slack user to me' }).click()
  await p.getByRole('alert').waitFor()
  await clean(p)
  await p.getByRole('button', { name: 'Link this Slack user to me' }).click()
  await p.getByRole('heading', { name: 'Your Slack user is linked' }).waitFor()
})

story('says what to do without a code, on a phone', async (p) => {
  await p.goto('/t/halyard/slack/link')
  await p.getByRole('heading', { name: 'This address is not complete' }).waitFor()
  await clean(p)
}, { width: 390 })

story('comes back after signing in', async (p) => {
  await p.goto('/t/halyard/slack/link?code=good-3')
  await p.getByLabel('API token').fill('kcp_ada')
  await p.keyboard.press('Enter')
  await words(p, 'U0ADA', { exact: true }).waitFor()
}, { token: null })

story('connects a workspace without ever showing its secret, and ends a link', async (p) => {
  await p.goto('/t/halyard/clusters')
  await p.getByRole('link', { name: 'Slack', exact: true }).click()
  await words(p, 'None is connected.').waitFor()
  await clean(p)
  await p.getByLabel('Workspace id').fill('halyard')
  await p.getByLabel('Signing secret').fill('0123456789abcdef-canary')
  await p.getByRole('button', { name: 'Connect' }).click()
  await words(p, 'capital letters and digits, such as').waitFor()
  await p.getByLabel('Workspace id').fill('T0HALYARD')
  await p.getByRole('button', { name: 'Connect' }).click()
  await words(p, 'One is stored, encrypted.').waitFor()
  await words(p, 'ben@halyard.example').waitFor()
  expect(await p.content()).not.toContain('canary')
  await clean(p)
  await p.getByRole('button', { name: 'End the link of ben@halyard.example' }).click()
  await words(p, 'Nobody yet.').waitFor()
  await p.getByRole('button', { name: 'Disconnect' }).click()
  await p.getByRole('dialog').getByRole('button', { name: 'Disconnect' }).click()
  await words(p, 'None is connected.').waitFor()
})

story('tells members who may connect a workspace', async (p) => {
  await p.goto('/t/halyard/settings/slack')
  await p.getByRole('heading', { name: 'The workspace is for admins' }).waitFor()
  await clean(p)
}, { token: 'kcp_ben' })
