import { describe, expect, it } from 'vitest'
import { prose, type Inline } from './prose'

const said = (text: string, verified = true) => ({ text, evidence: [], verified })
const words = (list: Inline[]): string => list.map((x) => (x.kind === 'mark' ? (x.sentence.verified ? '·' : '?') : x.kind === 'code' ? `[${x.text}]` : x.kind === 'struck' ? `<${x.text}>` : x.text)).join('')

describe('prose', () => {
  it('runs sentences together, each with its mark', () => {
    const [p] = prose([said('One.'), said('Two.', false)])
    expect(p?.kind === 'p' && words(p.inlines)).toBe('One.· Two.?')
  })

  it('makes paragraphs at blank lines', () => {
    expect(prose([said('One.\n\n'), said('Two.\n\nThree.')]).map((b) => b.kind)).toEqual(['p', 'p', 'p'])
  })

  it('makes lists, in order or not', () => {
    const [p, ul, ol] = prose([said('Because:'), said('- `a` fails'), said('* b'), said('1. look'), said('2. act')])
    expect(p?.kind).toBe('p')
    expect(ul?.kind === 'list' && !ul.ordered && ul.items.map(words)).toEqual(['[a] fails·', 'b·'])
    expect(ol?.kind === 'list' && ol.ordered && ol.items.map(words)).toEqual(['look·', 'act·'])
  })

  it('goes on in a new paragraph after a list', () => {
    expect(prose([said('- a\n- b\nThen this.')]).map((b) => b.kind)).toEqual(['list', 'p'])
  })

  it('knows what was struck out', () => {
    const [p] = prose([said('See `a` and ~~web-77~~.')])
    expect(p?.kind === 'p' && words(p.inlines)).toBe('See [a] and <web-77>.·')
  })

  it('leaves all other markup as the text it is', () => {
    const [p] = prose([said('# no ![x](http://evil.example/x.png) <img src=x> [y](javascript:alert(1)) **z**')])
    expect(p?.kind === 'p' && p.inlines.filter((x) => x.kind === 'text')).toHaveLength(1)
  })
})
