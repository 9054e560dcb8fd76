// Splits the tests into projects: unit tests beside their files, end-to-end tests, and peers.
import { defineConfig } from 'vitest/config'

const exclude = ['**/node_modules/**', '**/millrace-data/**']

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['**/*.test.ts'],
          exclude: [
            ...exclude,
            'test/*.test.ts',
            'test/{e2e,kcl,peers}/**',
            'test/crash/{crash,mapping-kills,stream-kills}.test.ts',
          ],
          maxWorkers: 2,
          // Modules keep no state: two processes load them once for all files, and not once for each.
          isolate: false,
          testTimeout: 20_000,
        },
      },
      { test: { name: 'tidy', include: ['test/tidy.test.ts', 'test/docs.test.ts'], exclude } },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          setupFiles: ['test/support/mend-kafkajs.ts'],
          exclude,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'kcl',
          include: ['test/kcl/**/*.test.ts'],
          exclude,
          testTimeout: 240_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'peers',
          include: [
            'test/peers/**/*.test.ts',
            'test/crash/{crash,mapping-kills,stream-kills}.test.ts',
          ],
          setupFiles: ['test/support/mend-kafkajs.ts'],
          exclude,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
