const minute = 60
const hour = 60 * minute
const day = 24 * hour

/** An age as kubectl writes it: 45s, 12m, 3h20m, 2d4h, 34d, 2y. */
export function age(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds))
  if (s < 2 * minute) return `${s}s`
  if (s < 10 * minute) return s % minute ? `${Math.floor(s / minute)}m${s % minute}s` : `${s / minute}m`
  if (s < 3 * hour) return `${Math.floor(s / minute)}m`
  if (s < 8 * hour) {
    const m = Math.floor((s % hour) / minute)
    return m ? `${Math.floor(s / hour)}h${m}m` : `${Math.floor(s / hour)}h`
  }
  if (s < 2 * day) return `${Math.floor(s / hour)}h`
  if (s < 8 * day) {
    const h = Math.floor((s % day) / hour)
    return h ? `${Math.floor(s / day)}d${h}h` : `${Math.floor(s / day)}d`
  }
  if (s < 2 * 365 * day) return `${Math.floor(s / day)}d`
  return `${Math.floor(s / (365 * day))}y`
}

/** Seconds of a kubectl-style age ("3h20m"), or undefined if it is not one. */
export function parseAge(text: string): number | undefined {
  const t = text.trim()
  if (!/^(\d+(y|d|h|m|s))+$/.test(t)) return undefined
  const unit: Record<string, number> = { y: 365 * day, d: day, h: hour, m: minute, s: 1 }
  let total = 0
  for (const m of t.matchAll(/(\d+)([ydhms])/g)) total += Number(m[1]) * (unit[m[2] ?? ''] ?? 0)
  return total
}

/** Seconds from one instant to another; undefined for what is no instant. */
export function secondsBetween(from: string | undefined, to: number): number | undefined {
  const t = from ? Date.parse(from) : Number.NaN
  return Number.isNaN(t) || t <= 0 ? undefined : (to - t) / 1000
}

/** "just now", "40 s ago", "12 min ago", "3 h ago", "5 days ago". */
export function ago(seconds: number): string {
  const s = Math.floor(seconds)
  if (s < 5) return 'just now'
  if (s < minute) return `${s} s ago`
  if (s < hour) return `${Math.floor(s / minute)} min ago`
  if (s < day) return `${Math.floor(s / hour)} h ago`
  const d = Math.floor(s / day)
  return d === 1 ? 'yesterday' : `${d} days ago`
}

/** "4:07", or "1:02:03": the time left of something that ends. */
export function countdown(seconds: number): string {
  const s = Math.max(0, Math.ceil(seconds))
  const two = (n: number) => String(n).padStart(2, '0')
  const h = Math.floor(s / hour)
  const m = Math.floor((s % hour) / minute)
  return h ? `${h}:${two(m)}:${two(s % minute)}` : `${m}:${two(s % minute)}`
}

/** "in 23 h", "in 4 min", "in 89 days", "expired". */
export function until(seconds: number): string {
  if (seconds <= 0) return 'expired'
  if (seconds < 90) return `in ${Math.ceil(seconds)} s`
  if (seconds < 90 * minute) return `in ${Math.round(seconds / minute)} min`
  if (seconds < 2 * day) return `in ${Math.round(seconds / hour)} h`
  return `in ${Math.round(seconds / day)} days`
}

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
const clockSeconds = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' })
const dayMonth = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' })
const dayMonthYear = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' })
const whole = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'long' })
const weekday = new Intl.DateTimeFormat(undefined, { weekday: 'long' })

const sameDay = (a: Date, b: Date) => a.toDateString() === b.toDateString()

export const timeOfDay = (iso: string): string => clock.format(new Date(iso))
export const timeOfDaySeconds = (iso: string): string => clockSeconds.format(new Date(iso))
export const fullTime = (iso: string): string => whole.format(new Date(iso))

/** The date as briefly as it stays clear: "Today", "Yesterday", "Tuesday", "4 Mar", "4 Mar 2025". */
export function dateName(iso: string, now: Date): string {
  const d = new Date(iso)
  if (sameDay(d, now)) return 'Today'
  const before = new Date(now)
  before.setDate(now.getDate() - 1)
  if (sameDay(d, before)) return 'Yesterday'
  if (now.getTime() - d.getTime() < 6 * day * 1000 && d < now) return weekday.format(d)
  return d.getFullYear() === now.getFullYear() ? dayMonth.format(d) : dayMonthYear.format(d)
}

export function milliseconds(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`
}

const counts = new Intl.NumberFormat('en')
export const count = (n: number): string => counts.format(n)
export const plural = (n: number, one: string, many = `${one}s`): string => `${count(n)} ${n === 1 ? one : many}`

/** Millionths of a currency's unit, as an amount: "0.0123", "4.20". */
export function amount(micros: number): string {
  const d = micros / 1e6
  return d.toFixed(d > 0 && d < 0.1 ? 4 : 2)
}

/** The version a person compares: without the build that some clusters add. */
export const version = (v: string | undefined): string => (v ? v.replace(/^(?=\d)/, 'v') : '')

/** Removes terminal colour and cursor sequences and other control characters, which a page must not act on. */
export function plainText(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what this is about
  return text.replace(/\u001B(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001B]*(?:\u0007|\u001B\\)?|[@-Z\\-_])/g, '').replace(/[\u0000-\u0008\u000B-\u001F\u007F]/g, '')
}

/** Whether a text's lines were lined up with spaces, so that only letters of one width show it right. */
export function isLinedUp(text: string): boolean {
  const lines = text.split('\n')
  return lines.length > 2 && lines.some((l) => /^ {2,}\S/.test(l) || /\S {2,}\S/.test(l))
}

/** A random id for a call that must be made once. (crypto.randomUUID is missing on plain http.) */
export function newKey(): string {
  const b = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(b, (x) => x.toString(16).padStart(2, '0')).join('')
}
