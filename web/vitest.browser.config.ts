import { defineConfig } from 'vitest/config'

// Browser tests: the built app in dist/, served with the mock API, in a real Chromium.
export default defineConfig({
  test: {
    environment: 'node',
    include: ['test/browser/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    fileParallelism: false, // side by side, tests of the keyboard alone lose the focus at times
  },
})
