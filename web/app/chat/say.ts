import { plural } from '@/util/format'
import type { Block } from './view'

/** A block in a sentence, for those who hear the page. */
export function say(b: Block): string {
  switch (b.kind) {
    case 'plan':
      return b.plan.class === 'read' ? `Runs: ${b.plan.kubectl}.` : `Proposes: ${b.plan.sentence}`
    case 'table':
      return `${b.table.title || 'A table'}: ${plural(b.table.rows.length, 'row')}.`
    case 'count':
      return `${b.count.count} ${b.count.what}.`
    case 'tools':
      return 'The model looks at the cluster.'
    case 'answer':
      return b.done ? b.sentences.map((x) => (x.verified ? x.text : `${x.text} Unverified.`)).join(' ') : ''
    case 'banner':
      return b.banner.message
    case 'text':
      return b.text.length > 300 ? `${b.text.slice(0, 300)}…` : b.text
    case 'log':
      return `Log lines of ${b.pod || 'the pod'}.`
    case 'yaml':
      return 'A YAML document.'
    case 'findings':
      return `${plural(b.findings.length, 'finding')}. ${b.findings[0]?.text ?? ''}`
    case 'pruned':
      return 'The output is no longer kept.'
    case 'clarify':
      return `${b.message} ${plural(b.choices.length, 'choice')}.`
    case 'refused':
      return `Not done. ${b.message}`
    case 'error':
      return `Error. ${b.problem.detail ?? b.problem.title}`
  }
}
