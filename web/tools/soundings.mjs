// Draws the sign-in page's chart: depth contours and soundings of a sea that does not exist. Run it after changing a
// number here: node tools/soundings.mjs. Its output is committed.
import { writeFileSync } from 'node:fs'

const width = 800
const height = 1000
const step = 10

let seed = 20
const random = () => {
  seed = (seed * 1664525 + 1013904223) % 4294967296
  return seed / 4294967296
}

const hills = Array.from({ length: 22 }, () => ({ x: random() * width, y: random() * height, r: 70 + random() * 130, h: random() * 2 - 1.05 }))
const depth = (x, y) => hills.reduce((d, k) => d - k.h * 22 * Math.exp(-((x - k.x) ** 2 + (y - k.y) ** 2) / (2 * k.r * k.r)), 16 + x / 60 + (y - 500) / 70)

const key = (p) => `${p[0].toFixed(2)},${p[1].toFixed(2)}`

/** Where the depth equals level: segments of each square of the grid, joined into lines. */
function contour(level) {
  const next = new Map()
  const at = (x, y) => depth(x, y) - level
  const link = (a, b) => {
    for (const [p, q] of [[a, b], [b, a]]) next.set(key(p), [...(next.get(key(p)) ?? []), q])
  }
  for (let y = -step; y < height + step; y += step) {
    for (let x = -step; x < width + step; x += step) {
      const c = [[x, y], [x + step, y], [x + step, y + step], [x, y + step]]
      const v = c.map((p) => at(...p))
      const cross = []
      for (let i = 0; i < 4; i++) {
        const j = (i + 1) % 4
        if (v[i] > 0 === v[j] > 0) continue
        const t = v[i] / (v[i] - v[j])
        cross.push([c[i][0] + t * (c[j][0] - c[i][0]), c[i][1] + t * (c[j][1] - c[i][1])])
      }
      if (cross.length === 2) link(cross[0], cross[1])
      if (cross.length === 4) {
        link(cross[0], cross[1])
        link(cross[2], cross[3])
      }
    }
  }
  const lines = []
  while (next.size > 0) {
    const ends = [...next].find(([, q]) => q.length === 1) ?? [...next][0]
    let here = ends[0].split(',').map(Number)
    const line = [here]
    for (;;) {
      const q = next.get(key(here))
      if (!q || q.length === 0) {
        next.delete(key(here))
        break
      }
      const there = q.pop()
      if (q.length === 0) next.delete(key(here))
      const back = next.get(key(there))
      if (back) {
        const i = back.findIndex((p) => key(p) === key(here))
        if (i >= 0) back.splice(i, 1)
        if (back.length === 0) next.delete(key(there))
      }
      line.push(there)
      here = there
    }
    if (line.length > 6) lines.push(line)
  }
  return lines
}

const near = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]) < 0.5

/** A smooth path through every third point; a ring stays a ring. */
function smooth(line) {
  const ring = near(line[0], line[line.length - 1])
  const pts = line.filter((_, i) => i % 3 === 0 || (!ring && i === line.length - 1))
  const mid = (a, b) => `${Math.round((a[0] + b[0]) / 2)} ${Math.round((a[1] + b[1]) / 2)}`
  const at = (a) => `${Math.round(a[0])} ${Math.round(a[1])}`
  if (ring) {
    const turn = pts.map((p, i) => `Q${at(p)} ${mid(p, pts[(i + 1) % pts.length])}`).join('')
    return `M${mid(pts[pts.length - 1], pts[0])}${turn}Z`
  }
  return `M${at(pts[0])}${pts.slice(1, -1).map((p, i) => `Q${at(p)} ${mid(p, pts[i + 2])}`).join('')}L${at(pts[pts.length - 1])}`
}

const levels = [-4, 0, 2, 5, 8, 11, 14, 17, 20, 24, 28, 32, 36, 40]
const contours = levels.map((level) => ({ level, d: contour(level).map(smooth).join('') })).filter((c) => c.d)
const soundings = []
for (let y = 40; y < height; y += 62) {
  for (let x = 34; x < width; x += 72) {
    const px = Math.round(x + random() * 44 - 22)
    const py = Math.round(y + random() * 36 - 18)
    const d = depth(px, py)
    if (d > 0.5) soundings.push([px, py, Math.floor(d), Math.floor((d % 1) * 10)])
  }
}
writeFileSync(
  new URL('../app/ui/soundings.data.ts', import.meta.url),
  `// Made by tools/soundings.mjs.\n\nexport const contours: readonly { level: number; d: string }[] = ${JSON.stringify(contours)}\n\nexport const soundings: readonly (readonly [number, number, number, number])[] = ${JSON.stringify(soundings)}\n`,
)
