import { fireEvent, render, screen } from '@testing-library/react'
import { expect, it, vi } from 'vitest'
import { Button } from './Button'
import { TipProvider } from './Tip'

it('can be reached but not pressed while there is a reason against it', () => {
  const press = vi.fn()
  render(
    <TipProvider>
      <Button onClick={press} disabledReason="You are offline.">
        Approve
      </Button>
    </TipProvider>,
  )
  const button = screen.getByRole('button', { name: 'Approve' })
  fireEvent.click(button)
  expect(press).not.toHaveBeenCalled()
  expect(button.getAttribute('aria-disabled')).toBe('true')
  expect(button.hasAttribute('disabled')).toBe(false)
})

it('does not submit its form twice while busy', () => {
  const submit = vi.fn((e: Event) => e.preventDefault())
  const { container } = render(
    <form>
      <Button type="submit" busy>
        Add
      </Button>
    </form>,
  )
  container.querySelector('form')?.addEventListener('submit', submit)
  fireEvent.click(screen.getByRole('button', { name: 'Add' }))
  expect(submit).not.toHaveBeenCalled()
})
