// The organisation's model: an admin chooses it, everybody else is told who may.

import { expect } from 'vitest'
import { words } from './harness'
import { clean, stories } from './steps'

const { story, mock } = stories()

story('changes the model without ever showing the key', async (p) => {
  await p.goto('/t/halyard/clusters')
  await p.getByRole('link', { name: 'Model', exact: true }).click()
  await words(p, 'One is stored, encrypted.').waitFor()
  expect(await p.getByRole('combobox', { name: 'Provider' }).inputValue()).toBe('anthropic')
  expect(await p.getByRole('meter', { name: 'Tokens used today' }).getAttribute('aria-valuenow')).toBe('82')
  expect(await p.getByRole('button', { name: 'Save' }).getAttribute('aria-disabled')).toBe('true')
  await clean(p)
  await p.getByRole('button', { name: 'Replace it' }).click()
  await p.getByRole('button', { name: 'Save' }).click()
  await words(p, 'It needs a key of yours.').waitFor()
  await clean(p)
  await p.getByLabel('API key').fill('sk-secret-1')
  await p.getByLabel('Cost a day').fill('7.50')
  await p.getByRole('button', { name: 'Save' }).click()
  await words(p, 'Last changed just now').waitFor()
  await words(p, 'One is stored, encrypted.').waitFor()
  expect(await p.content()).not.toContain('sk-secret-1')
  await p.reload()
  await words(p, 'One is stored, encrypted.').waitFor()
  expect(await p.getByLabel('Cost a day').inputValue()).toBe('7.5')
})

story('asks each provider’s own questions, and shows what the server refuses', async (p) => {
  await p.goto('/t/halyard/settings/model')
  const provider = p.getByRole('combobox', { name: 'Provider' })
  await provider.selectOption('sagemaker')
  await p.getByLabel('Endpoint').fill('my-endpoint')
  await p.getByRole('button', { name: 'Save' }).click()
  await words(p, 'Name the region that the model runs in.').waitFor()
  await provider.selectOption('ollama')
  await p.getByLabel('Base URL').fill('ollama')
  await words(p, 'An address begins with https://').waitFor()
  await p.getByLabel('Base URL').fill('http://169.254.169.254')
  await p.getByRole('button', { name: 'Save' }).click()
  await words(p, 'leads to an address that KubeChat does not call').waitFor()
  await clean(p)
  await p.getByRole('button', { name: 'Discard the changes' }).click()
  expect(await provider.inputValue()).toBe('anthropic')
  await p.getByLabel('Base URL').fill('https://proxy.example.com')
  await words(p, 'For another provider or address it has to be given again.').waitFor()
  await provider.selectOption('')
  await p.getByRole('button', { name: 'Save' }).click()
  await words(p, 'No model has been chosen.').waitFor()
  expect(await p.getByLabel('API key').count()).toBe(0)
})

story('keeps what was written when saving fails', async (p) => {
  await p.goto('/t/halyard/settings/model')
  await p.getByLabel('Model', { exact: true }).fill('claude-opus')
  await mock('fault', { match: 'PUT .*/settings/model', status: 503, title: 'Not available', times: 1 })
  await p.getByRole('button', { name: 'Save' }).click()
  await words(p, 'The mock server was told to answer this.').waitFor()
  expect(await p.getByLabel('Model', { exact: true }).inputValue()).toBe('claude-opus')
  await p.getByRole('button', { name: 'Save' }).click()
  await words(p, 'Last changed just now').waitFor()
})

story('tells a member who may choose the model', async (p) => {
  await p.goto('/t/halyard/settings/model')
  await words(p, 'The model is for admins').waitFor()
  expect(await p.getByRole('link', { name: 'Model', exact: true }).count()).toBe(0)
  await clean(p)
}, { token: 'kcp_ben' })
