import { describe, expect, it } from 'vitest'
import type { Plan } from '@/api/types'
import { aboutRef, followUps, parseRef } from './followups'
import type { Block, RunView } from './view'

const view = (blocks: Block[], more: Partial<RunView> = {}): RunView => ({ id: 'r', conversationId: 'c', text: 'q', state: 'done', createdAt: '', lastSeq: 1, gap: false, blocks, ...more })
const plan = (op: string, kind: string, more: Partial<Plan> = {}, names?: string[]): Plan => ({
  hash: 'h', class: 'read', sentence: '', kubectl: '', cluster: { id: 'k', name: 'k' }, namespace: 'shop', protected: false,
  steps: [{ op, resource: { group: '', version: 'v1', resource: '', kind, namespaced: true }, namespace: 'shop', args: {}, post: {}, class: 'read', ...(names ? { names } : {}) }],
  ...more,
}) // prettier-ignore
const texts = (v: RunView) => followUps(v).map((s) => s.text)

describe('parseRef', () => {
  it('reads an object with and without a namespace', () => {
    expect(parseRef('Pod/shop/web-0')).toEqual({ kind: 'pod', namespace: 'shop', name: 'web-0' })
    expect(parseRef('node//n1')).toEqual({ kind: 'node', namespace: '', name: 'n1' })
    expect(parseRef('deployment/web')).toEqual({ kind: 'deployment', namespace: '', name: 'web' })
    expect(parseRef('web')).toBeUndefined()
  })
})

describe('aboutRef', () => {
  it('offers logs only of what writes some, and names another cluster', () => {
    expect(aboutRef({ kind: 'service', namespace: 'shop', name: 'a' }).map((s) => s.label)).not.toContain('Logs')
    expect(aboutRef({ kind: 'pod', namespace: 'shop', name: 'a' }, 'prod')[0]?.text).toBe('describe pod a in shop in cluster prod')
  })
})

describe('followUps', () => {
  const table: Extract<Block, { kind: 'table' }> = { kind: 'table', seq: 2, at: '', table: { title: '', columns: [{ name: 'Name', kind: 'text' }, { name: 'Restarts', kind: 'number' }], rows: [['a', 1], ['b', 2]] } }

  it('waits for the end of the run', () => {
    expect(texts(view([{ kind: 'plan', seq: 1, plan: plan('get', 'Pod'), steps: [] }, table], { state: 'running' }))).toEqual([])
  })
  it('follows a list with what narrows or widens it', () => {
    expect(texts(view([{ kind: 'plan', seq: 1, plan: plan('get', 'Pod'), steps: [] }, table]))).toEqual(['which are not healthy?', 'how many are there?', 'sort by restarts', 'and in all namespaces?'])
  })
  it('does not offer an order that the list has already', () => {
    const sorted: Block = { ...table, table: { ...table.table, sort: { column: 'Restarts', desc: true } } }
    expect(texts(view([{ kind: 'plan', seq: 1, plan: plan('get', 'Pod'), steps: [] }, sorted]))).not.toContain('sort by restarts')
  })
  it('does not offer what was just asked', () => {
    expect(texts(view([{ kind: 'plan', seq: 1, plan: plan('get', 'Pod'), steps: [] }, table], { text: 'Sort by restarts' }))).not.toContain('sort by restarts')
  })
  it('looks at what a change did, once it was made', () => {
    const p = plan('scale', 'Deployment', { class: 'mutate' }, ['web'])
    expect(texts(view([{ kind: 'plan', seq: 1, plan: p, steps: [] }]))).toEqual([])
    const step = { step: 0, kubectl: '', startedAt: '', progress: [], result: { step: 0, outcome: 'succeeded' as const, message: '', at: '' } }
    expect(texts(view([{ kind: 'plan', seq: 1, plan: p, steps: [step] }]))[0]).toBe('rollout status of deployment web in shop')
  })
  it('is silent where a question back is open', () => {
    expect(texts(view([{ kind: 'clarify', seq: 1, message: '', choices: [] }]))).toEqual([])
  })
})
