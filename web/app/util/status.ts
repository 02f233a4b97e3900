// How Kubernetes words for a state are shown: icon, colour and the word itself.

export type Tone = 'ok' | 'busy' | 'bad' | 'done' | 'none'

// “True” and “False” are not here: whether that is good depends on the condition.
const words: Record<Exclude<Tone, 'none'>, string[]> = {
  ok: ['running', 'ready', 'active', 'bound', 'available', 'healthy', 'normal', 'deployed', 'up', 'approved', 'established'],
  done: ['completed', 'complete', 'succeeded', 'suspended', 'paused', 'released', 'scaled to zero'],
  busy: [
    'pending',
    'containercreating',
    'podinitializing',
    'terminating',
    'progressing',
    'waiting',
    'warning',
    'schedulingdisabled',
    'ready,schedulingdisabled',
    'schedulinggated',
    'containerstatusunknown',
    'degraded',
  ],
  bad: ['failed', 'error', 'notready', 'unknown', 'evicted', 'lost', 'unhealthy', 'down', 'unavailable', 'deadlineexceeded', 'nodelost'],
}

const tones = new Map<string, Tone>(Object.entries(words).flatMap(([tone, list]) => list.map((w) => [w, tone as Tone] as const)))

/** The tone of a state as kubectl prints it. What is not known has none: a guess would be a lie in colour. */
export function toneOf(text: string): Tone {
  const t = text.trim().toLowerCase()
  const known = tones.get(t)
  if (known) return known
  if (/backoff|^err|error|oomkilled|invalid|cannotrun|createcontainer|notready|failed/.test(t)) return 'bad'
  if (/^init:\d+\/\d+$/.test(t)) return 'busy'
  const ratio = /^(\d+)\/(\d+)$/.exec(t)
  if (ratio) return ratio[1] === ratio[2] ? 'ok' : ratio[1] === '0' ? 'bad' : 'busy'
  return 'none'
}
