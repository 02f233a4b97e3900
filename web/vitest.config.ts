import { mergeConfig } from 'vite'
import { defineConfig } from 'vitest/config'
import vite from './vite.config.ts'

export default mergeConfig(
  vite,
  defineConfig({
    test: {
      environment: 'jsdom',
      include: ['app/**/*.test.{ts,tsx}'],
      setupFiles: ['test/setup.ts'],
      restoreMocks: true,
      testTimeout: 20_000, // machines are shared
      maxWorkers: 2,
      env: { TZ: 'Pacific/Auckland' }, // a zone far from UTC, so that a wrong zone shows
    },
  }),
)
