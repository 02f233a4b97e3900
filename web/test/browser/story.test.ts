// What people do, and what must hold while things go wrong around them.

import { expect } from 'vitest'
import { words } from './harness'
import { ask, box, card, newChat, stories } from './steps'

const { story, mock } = stories()

story(
  'signs in, asks, approves with the keyboard, and finds it in the audit',
  async (p) => {
    await p.goto('/t/halyard/clusters')
    await words(p, 'The page you asked for needs a login.').waitFor()
    await p.getByLabel('API token').fill('kcp_wrong')
    await p.keyboard.press('Enter')
    await words(p, 'This token is not valid').waitFor()
    await p.getByLabel('API token').fill('kcp_ada')
    await p.keyboard.press('Enter')
    await p.getByRole('heading', { name: 'Clusters' }).waitFor()

    await p.keyboard.press('g')
    await p.keyboard.press('c')
    await p.getByRole('heading', { name: 'What do you want to know?' }).waitFor()
    await p.keyboard.press('Escape')
    await box(p).focus()
    await p.keyboard.type('what is running in shop?')
    await p.keyboard.press('Enter')
    await p.getByRole('cell', { name: 'CrashLoopBackOff' }).waitFor()
    await p.getByRole('columnheader', { name: 'Restarts' }).getByRole('button').click()
    expect(await p.getByRole('columnheader', { name: 'Restarts' }).getAttribute('aria-sort')).toBe('ascending')

    await ask(p, 'scale checkout to 3')
    const c = card(p, /Scale deployment checkout/)
    await c.getByText('kubectl scale deployment/checkout --replicas=3 -n shop').first().waitFor()
    await c.getByText('Allowed').first().waitFor()
    await c.getByText('replicas: 3').first().waitFor()
    await c.getByRole('button', { name: 'Approve' }).waitFor()
    await p.locator('#main').focus()
    await p.keyboard.press('.')
    await p.keyboard.press('Control+Enter')
    await c.getByText('deployment.apps/checkout scaled').waitFor()

    await p.locator('#main').focus()
    await p.keyboard.press('g')
    await p.keyboard.press('a')
    await p.getByRole('button', { name: /replicas=3/ }).first().click()
    await p.getByRole('dialog').getByText('Approved by').waitFor()
    await p.getByRole('dialog').getByText('Succeeded').waitFor()
    expect(new URL(p.url()).searchParams.get('open')).toBeTruthy()
  },
  { token: null },
)

story('asks for the name before it destroys, and says so on the button', async (p) => {
  await newChat(p)
  await ask(p, 'delete recommender')
  const c = card(p, /Delete deployment recommender/)
  const approve = c.getByRole('button', { name: 'Approve' })
  await approve.waitFor()
  expect(await approve.getAttribute('aria-disabled')).toBe('true')
  await c.getByText('Type recommender to approve.').waitFor()
  await approve.click({ force: true })
  await c.getByRole('textbox').fill('recommende')
  expect(await approve.getAttribute('aria-disabled')).toBe('true')
  await c.getByRole('textbox').fill('recommender')
  await c.getByRole('textbox').press('Enter')
  await c.getByText('deployment.apps/recommender deleted').waitFor()
})

story('shows the same after a reload in the middle, and after lost connections', async (p) => {
  await mock('reset', { unit: 250 })
  await newChat(p)
  await ask(p, 'why is payments failing?')
  await words(p, 'kubectl describe pod').waitFor()
  await mock('drop')
  await words(p, 'No endpoints').waitFor()
  await p.reload()
  await words(p, 'because it can’t reach its database').waitFor()
  await words(p, 'Changed 3 h 41 min ago').waitFor()
  expect(await words(p, 'CrashLoopBackOff', { exact: true }).count()).toBe(1)
  expect(await words(p, 'No endpoints', { exact: true }).count()).toBe(1)
})

story('goes on with the run when the tab is away, and stops it when told', async (p) => {
  await newChat(p)
  await ask(p, 'slow please')
  await p.getByRole('button', { name: 'Stop' }).click()
  await words(p, 'This run was interrupted').waitFor()
  await words(p, 'Nothing was sent to change the cluster.').waitFor()
  await p.getByRole('button', { name: 'Stop' }).waitFor({ state: 'detached' })
})

story('says that a plan is out of date, and offers a fresh one', async (p) => {
  await newChat(p)
  await ask(p, 'stale: scale cart')
  const c = card(p, /Scale deployment cart/)
  await c.getByRole('button', { name: 'Approve' }).click()
  await c.getByText('was changed by kubectl 12 seconds ago').waitFor()
  await c.getByText('This plan is out of date').waitFor()
  await c.getByRole('button', { name: 'Ask again' }).click()
  await card(p, /Scale deployment cart/).nth(1).getByRole('button', { name: 'Approve' }).waitFor()
})

story('lets a plan expire without doing it', async (p) => {
  await newChat(p)
  await ask(p, 'expire: scale cart')
  await words(p, 'Nobody approved it in time. Nothing was changed.').waitFor()
})

story('is honest about a change whose answer was lost', async (p) => {
  await newChat(p)
  await ask(p, 'scale it, outcome unknown')
  await p.getByRole('button', { name: 'Approve' }).click()
  await words(p, 'It was sent, and the answer was lost.').waitFor()
  await p.getByRole('button', { name: 'Describe deployment checkout in shop' }).click()
  await p.getByRole('article', { name: 'Describe deployment checkout in shop' }).waitFor()
})

story('asks back, and asks on with what was chosen', async (p) => {
  await newChat(p)
  await ask(p, 'which web is it?')
  await p.getByRole('button', { name: /service web-gateway/ }).click()
  await p.getByRole('article', { name: 'Describe service web-gateway in shop' }).waitFor()
  expect(await p.getByRole('button', { name: /ingress web/ }).first().getAttribute('aria-disabled')).toBe('true')
})

story('does not let a viewer approve, and says who can change that', async (p) => {
  await newChat(p)
  await ask(p, 'scale checkout to 9')
  const c = card(p, /Scale deployment checkout/)
  await c.getByText('Viewers can look but not change.').waitFor()
  expect(await c.getByRole('button', { name: 'Approve' }).getAttribute('aria-disabled')).toBe('true')
}, { token: 'kcp_vera' })

story('follows a new cluster until it is connected', async (p) => {
  await p.goto('/t/halyard/clusters/new')
  await p.getByLabel('Name').fill('Bad Name')
  await p.keyboard.press('Enter')
  await words(p, 'Names have small letters only.').waitFor()
  await p.getByLabel('Name').fill('staging-eu')
  await p.keyboard.press('Enter')
  await words(p, 'A cluster named staging-eu exists already.').waitFor()
  await p.getByLabel('Name').fill('demo-three')
  await p.keyboard.press('Enter')
  await words(p, 'helm install kubechat-agent').waitFor()
  await words(p, 'make demo-agent').waitFor()
  await p.getByRole('button', { name: 'Copy the Helm command' }).click()
  expect(await p.evaluate(() => navigator.clipboard.readText())).toContain('join.token=kcj1_')
  await words(p, 'Tunnel open, 2 sessions').waitFor()
  await words(p, 'Kubernetes v1.34.2 answers').waitFor()
})

story('revokes a cluster only when its name is typed', async (p) => {
  await p.goto('/t/halyard/clusters')
  await p.getByRole('link', { name: 'prod-us-1', exact: true }).click()
  await p.getByRole('button', { name: 'Revoke prod-us-1' }).click()
  const d = p.getByRole('dialog')
  expect(await d.getByRole('button', { name: 'Revoke' }).getAttribute('aria-disabled')).toBe('true')
  await d.getByRole('textbox').fill('prod-us-1')
  await d.getByRole('button', { name: 'Revoke' }).click()
  await words(p, 'Revoked', { exact: true }).first().waitFor()
})

story('keeps what was typed when the login ends', async (p, context) => {
  await newChat(p)
  await ask(p, 'What is running in shop?')
  await p.getByRole('cell', { name: 'CrashLoopBackOff' }).waitFor()
  await context.clearCookies()
  await ask(p, 'a long question that took thought')
  const d = p.getByRole('dialog', { name: 'Sign in again' })
  await d.getByLabel('API token').fill('kcp_ada')
  await d.getByRole('button', { name: 'Sign in' }).click()
  await d.waitFor({ state: 'hidden' })
  expect(await box(p).inputValue()).toBe('a long question that took thought')
})

story('keeps a draft over a reload', async (p) => {
  await newChat(p)
  await box(p).fill('half a question')
  await p.reload()
  await p.getByRole('heading', { name: 'What do you want to know?' }).waitFor()
  await expect.poll(() => box(p).inputValue()).toBe('half a question')
})

story('shows the cause and the request id when the server fails, and tries again', async (p) => {
  await mock('fault', { match: 'GET /api/v1/t/halyard/members', status: 500, title: 'Something went wrong on our side.', times: 2 })
  await p.goto('/t/halyard/members')
  await words(p, 'req-4c1b77').waitFor()
  await mock('used') // a click that joins a reading under way would share its failure
  await p.getByRole('button', { name: 'Try again' }).click()
  await words(p, 'deploy-bot@halyard.example').waitFor()
})

story('says when something else answered in the server’s place', async (p) => {
  await mock('fault', { match: 'GET /api/v1/t/halyard/tokens', garbled: true, times: 2 })
  await p.goto('/t/halyard/tokens')
  await words(p, 'An answer that is not KubeChat’s').waitFor()
})

story('keeps older data when a newer reading fails', async (p) => {
  await p.goto('/t/halyard/audit')
  await words(p, 'Show older records').waitFor()
  await mock('fault', { match: 'GET /api/v1/t/halyard/audit', status: 500, times: 1 })
  await p.getByRole('button', { name: 'Refresh' }).click()
  await words(p, 'This may be out of date').waitFor()
  await words(p, 'Show older records').waitFor()
})

story('shows the last admin why the role stays', async (p) => {
  await p.goto('/t/halyard/members')
  await p.getByRole('combobox', { name: 'Role of Ada Okafor' }).selectOption('tenant_viewer')
  await words(p, 'This is the last admin').waitFor()
  expect(await p.getByRole('combobox', { name: 'Role of Ada Okafor' }).inputValue()).toBe('tenant_admin')
})

story('says that it is offline and that nothing is green any more', async (p, context) => {
  await p.goto('/t/halyard/clusters')
  await words(p, /clusters, live/).waitFor()
  await context.setOffline(true)
  await mock('drop')
  await words(p, 'You are offline').waitFor()
  await context.setOffline(false)
  await words(p, 'You are offline').waitFor({ state: 'detached' })
  await words(p, /clusters, live/).waitFor()
})

story('shows hostile text as text', async (p) => {
  await newChat(p)
  await ask(p, 'hostile')
  await words(p, '<b>Not bold</b>').waitFor()
  await p.getByRole('cell', { name: '<script>alert(1)</script>' }).waitFor()
  expect(await p.locator('#root img, #root script, #root article b, #root article a').count()).toBe(0)
  expect(await words(p, '\u001B').count()).toBe(0)
  expect(await p.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)
}, { width: 390 })

story('finds anything from the palette', async (p) => {
  await p.goto('/t/halyard/clusters')
  await words(p, 'edge-lagos').waitFor()
  await p.keyboard.press('Control+k')
  await p.getByRole('dialog').getByRole('combobox').fill('payments heal')
  await words(p, 'Nothing has “payments heal”').waitFor()
  await p.getByRole('dialog').getByRole('combobox').fill('not healthy')
  await p.keyboard.press('Enter')
  await p.getByRole('heading', { level: 1, name: 'Which pods are not healthy?' }).waitFor()
})

story('holds two organisations in two tabs', async (p, context) => {
  await context.request.post('/api/v1/session', { data: { token: 'kcp_otto' } })
  const other = await context.newPage()
  await other.goto('/t/tidewater/clusters')
  await other.getByText('No clusters yet').waitFor()
  await p.goto('/t/halyard/clusters')
  await words(p, 'edge-lagos').waitFor()
  await other.reload()
  await other.getByText('No clusters yet').waitFor()
  await p.getByRole('button', { name: /Change organisation/ }).click()
  await p.getByRole('menuitemcheckbox', { name: /Tidewater Labs/ }).click()
  await words(p, 'Connect a cluster to start asking').waitFor()
})

story('signs out of one organisation in every tab', async (p, context) => {
  const other = await context.newPage()
  await other.goto('/t/halyard/clusters')
  await other.getByText('edge-lagos').waitFor()
  await p.goto('/t/halyard/clusters')
  await p.getByRole('button', { name: /your menu/ }).click()
  await p.getByRole('menuitem', { name: /Sign out/ }).click()
  await p.getByRole('heading', { name: 'Sign in' }).waitFor()
  await other.getByRole('dialog', { name: 'Sign in again' }).waitFor()
})

story('keeps nine tabs live over HTTP/1.1', async (p, context) => {
  const tabs = [p, ...(await Promise.all(Array.from({ length: 8 }, () => context.newPage())))]
  for (const tab of tabs) {
    await tab.goto('/t/halyard/clusters')
    await tab.getByText(/clusters, live/).waitFor()
  }
  await context.request.post('/api/v1/t/halyard/clusters', { data: { name: 'ninth' } })
  for (const tab of tabs) await tab.getByRole('link', { name: 'ninth', exact: true }).waitFor()
})

story('remembers the theme before the first paint', async (p) => {
  await p.goto('/t/halyard/clusters')
  await p.getByRole('button', { name: 'Theme' }).click()
  await p.getByRole('menuitemcheckbox', { name: 'Dark' }).click()
  expect(await p.evaluate(() => document.documentElement.dataset['theme'])).toBe('dark')
  await p.goto('/sign-in', { waitUntil: 'commit' })
  await expect.poll(() => p.evaluate(() => document.documentElement.dataset['theme'])).toBe('dark')
})
