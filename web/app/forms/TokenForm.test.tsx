import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { fireEvent, render, screen } from '@testing-library/react'
import { expect, it, vi } from 'vitest'
import { TipProvider } from '@/ui/Tip'
import { TokenForm } from './TokenForm'

const show = () =>
  render(
    <QueryClientProvider client={new QueryClient()}>
      <TipProvider>
        <TokenForm onDone={() => {}} />
      </TipProvider>
    </QueryClientProvider>,
  )

const submit = (token: string) => {
  fireEvent.change(screen.getByLabelText('API token'), { target: { value: token } })
  fireEvent.click(screen.getByRole('button', { name: 'Sign in' }))
}

it('tells a join token from an API token before it is sent anywhere', () => {
  const sent = vi.spyOn(globalThis, 'fetch')
  show()
  submit('kcj1_abc')
  expect(screen.getByRole('alert').textContent).toContain('join token')
  submit('  ')
  expect(screen.getByRole('alert').textContent).toContain('Paste an API token')
  submit('kcp_a b')
  expect(screen.getByRole('alert').textContent).toContain('no spaces')
  expect(sent).not.toHaveBeenCalled()
})

it('shows what the server says of a wrong token', async () => {
  vi.spyOn(globalThis, 'fetch').mockResolvedValue(
    new Response(JSON.stringify({ title: 'Not signed in', status: 401, detail: 'This token expired on 3 October.' }), { status: 401, headers: { 'Content-Type': 'application/problem+json' } }),
  )
  show()
  submit('kcp_old')
  expect((await screen.findByRole('alert')).textContent).toContain('expired on 3 October')
})
