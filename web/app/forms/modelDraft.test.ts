import { describe, expect, it } from 'vitest'
import type { ModelSettings } from '@/api/types'
import { changeOf, draftOf, problems } from './modelDraft'

const stored: ModelSettings = {
  provider: 'anthropic', model: 'm', baseUrl: '', region: '', roleArn: '', contextSize: 0, dayTokens: 1000, dayCostMicros: 7_500_000,
  inputPrice: 3_000_000, outputPrice: 0, hasKey: true, externalId: 'x', used: { tokens: 0, costMicros: 0 },
} // prettier-ignore

describe('changeOf', () => {
  it('keeps a stored key by saying nothing of it', () => {
    expect(changeOf(draftOf(stored), stored)).toEqual({ provider: 'anthropic', model: 'm', baseUrl: '', region: '', roleArn: '', contextSize: 0, dayTokens: 1000, dayCostMicros: 7_500_000, inputPrice: 3_000_000, outputPrice: 0 })
  })
  it('never takes a stored key to another address', () => {
    expect(changeOf({ ...draftOf(stored), baseUrl: 'https://elsewhere.example' }, stored).key).toBe('')
    expect(problems({ ...draftOf(stored), baseUrl: 'https://elsewhere.example' }, stored).key).toBeTruthy()
  })
  it('forgets everything with the model', () => {
    expect(changeOf({ ...draftOf(stored), provider: '' }, stored)).toMatchObject({ provider: '', model: '', key: '', dayTokens: 0 })
  })
  it('reads amounts as people write them', () => {
    expect(changeOf({ ...draftOf(stored), cost: '7,50', tokens: '2 000 000' }, stored)).toMatchObject({ dayCostMicros: 7_500_000, dayTokens: 2_000_000 })
  })
})

describe('problems', () => {
  it('wants a key or a role for AWS, and its region', () => {
    const d = { ...draftOf(stored), provider: 'bedrock' }
    expect(problems(d, stored)).toMatchObject({ region: expect.any(String), key: expect.any(String) })
    expect(problems({ ...d, region: 'eu-central-1', roleArn: 'arn:aws:iam::123456789012:role/x' }, stored)).toEqual({})
  })
  it('asks nothing where no model is wanted', () => {
    expect(problems({ ...draftOf(stored), provider: '', cost: 'x' }, stored)).toEqual({})
  })
})
