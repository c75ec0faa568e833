import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import LongestFirst from './test/support/longest-first.ts';

const conditions = ['@sarma/source', 'node'];

// `npm test` runs everything but what is called *.long.test.ts; `npm run test:long` (--mode long) runs just that.
export default defineConfig(({ mode }) => ({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: mode === 'long' ? ['test/**/*.long.test.ts'] : ['{packages/*/,}test/**/*.test.ts'],
    exclude: mode === 'long' ? [] : ['**/*.long.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    // One per core: most of the time a test waits for processes that it has started. Vitest would leave a core free.
    maxWorkers: Math.max(2, availableParallelism()),
    ...(mode === 'long' && { sequence: { sequencer: LongestFirst } }),
    testTimeout: 120_000,
    hookTimeout: 600_000,
    // Machines that run tests may have other things to do.
    expect: { poll: { timeout: 30_000 } },
  },
}));
