import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

const test = { environment: 'node' as const, testTimeout: 60_000, hookTimeout: 60_000 }
const looks = 'test/browser/look-*.test.ts'

// Browser tests: the built app in dist/, served with the mock API, in a real Chromium.
export default defineConfig({
  test: {
    projects: [
      // pictures of every page: a file per theme and width, each with a browser and a server of its own
      { test: { ...test, name: 'looks', include: [looks], maxWorkers: Math.min(2, availableParallelism()), sequence: { groupOrder: 1 } } },
      // what people do: side by side, tests of the keyboard alone lose the focus at times
      { test: { ...test, name: 'stories', include: ['test/browser/*.test.ts'], exclude: [looks], maxWorkers: 1, sequence: { groupOrder: 2 } } },
    ],
  },
})
