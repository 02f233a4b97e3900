import { fireEvent, render, screen, within } from '@testing-library/react'
import { expect, it } from 'vitest'
import type { TableData } from '@/api/types'
import { TipProvider } from '@/ui/Tip'
import { TableBlock } from './TableBlock'

const table: TableData = {
  title: 'Pods',
  columns: [
    { name: 'Name', kind: 'text' },
    { name: 'Ready', kind: 'status' },
    { name: 'Status', kind: 'status' },
    { name: 'Restarts', kind: 'number' },
    { name: 'Age', kind: 'age' },
  ],
  rows: [
    ['b', '1/1', 'Running', 10, '2026-11-20T00:00:00Z'],
    ['a', '0/1', 'Completed', 9, '2026-11-22T23:58:00Z'],
    ['c', '0/1', 'CrashLoopBackOff', null, '3h20m'],
  ],
}

const show = (t: TableData) =>
  render(
    <TipProvider>
      <TableBlock table={t} at="2026-11-23T00:00:00Z" />
    </TipProvider>,
  )

const names = () =>
  screen
    .getAllByRole('row')
    .slice(1)
    .map((r) => within(r).getAllByRole('cell')[0]?.textContent)

it('sorts by a column, the other way, and back to how it came', () => {
  show(table)
  const restarts = screen.getByRole('columnheader', { name: 'Restarts' })
  fireEvent.click(within(restarts).getByRole('button'))
  expect(names()).toEqual(['a', 'b', 'c'])
  expect(restarts.getAttribute('aria-sort')).toBe('ascending')
  fireEvent.click(within(restarts).getByRole('button'))
  expect(names()).toEqual(['b', 'a', 'c'])
  fireEvent.click(within(restarts).getByRole('button'))
  expect(names()).toEqual(['b', 'a', 'c'])
  expect(restarts.getAttribute('aria-sort')).toBe('none')
})

it('shows ages as of the moment the cluster answered', () => {
  show(table)
  expect(screen.getByText('3d')).toBeTruthy()
  expect(screen.getByText('2m')).toBeTruthy()
  expect(screen.getByText('3h20m')).toBeTruthy()
})

it('does not call a finished pod unready', () => {
  show(table)
  const [, a, c] = screen.getAllByText(/^[01]\/1$/)
  expect(a?.className).not.toContain('font-medium')
  expect(c?.closest('.font-medium')).toBeTruthy()
})

it('says that nothing was found', () => {
  show({ ...table, rows: [], namespace: 'shop' })
  expect(screen.getByText(/nothing found in shop/)).toBeTruthy()
})

it('shows many rows a page at a time', () => {
  show({ ...table, rows: Array.from({ length: 120 }, (_, i) => [`p${i}`, '1/1', 'Running', 0, '1d']) })
  expect(document.querySelectorAll('tbody tr')).toHaveLength(100)
  fireEvent.click(screen.getByText('Show 20 more of 120'))
  expect(document.querySelectorAll('tbody tr')).toHaveLength(120)
})
