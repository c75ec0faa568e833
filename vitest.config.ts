import { defineConfig } from 'vitest/config';

const conditions = ['@sarma/source', 'node'];

// `npm test` runs everything but what is called *.long.test.ts; `npm run test:long` (--mode long) runs just that.
export default defineConfig(({ mode }) => ({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: mode === 'long' ? ['test/**/*.long.test.ts'] : ['{packages/*/,}test/**/*.test.ts'],
    exclude: mode === 'long' ? [] : ['**/*.long.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 120_000,
    hookTimeout: 600_000,
    // Machines that run tests may have other things to do.
    expect: { poll: { timeout: 30_000 } },
  },
}));
