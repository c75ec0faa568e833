import { describe, expect, test } from 'vitest';
import { testRelease } from './support/release.ts';

// Two modules that nobody imports before the first request, one with a syntax error among them where a test wants it.
const release = (lazy: Readonly<Record<string, string>>) =>
  testRelease({
    applications: ['web'],
    boot: {
      instructions: [
        { do: 'configure' },
        { do: 'link', modules: Object.keys(lazy) },
        { do: 'load', application: 'web' },
        { do: 'start', application: 'web' },
      ],
    },
    files: {
      ...lazy,
      'lib/web/inner.mjs': `console.log('inner evaluated'); export const inner = 1;`,
      'lib/web/application.mjs': `
        import { writeFileSync } from 'node:fs';
        export default { async start({ exit }) {
          console.log('started');
          // What was compiled ahead is not read again.
          writeFileSync(new URL('./inner.mjs', import.meta.url), 'export const inner = 10;');
          console.log(await import('./lazy.mjs').then((m) => m.lazy));
          exit();
        } };`,
    },
  });

const lazy = {
  'lib/web/lazy.mjs': `import { inner } from './inner.mjs'; console.log('lazy evaluated'); await null; export const lazy = inner + 1;`,
};

describe('RELEASE_MODE', () => {
  test('embedded: what is imported later is loaded and compiled at boot, and evaluated when it is imported', async () => {
    const { stdout, stderr, code } = await (await release(lazy)).run(['start']);
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    expect(stdout).toBe('started\ninner evaluated\nlazy evaluated\n2\n');
  });

  test('embedded: a module that cannot be loaded keeps the others from nothing, and the boot neither', async () => {
    const broken = {
      'lib/web/broken.mjs': `import 'not-installed';`,
      'lib/web/wrong.mjs': 'syntax error',
      ...lazy,
    };
    const { stdout, stderr, code } = await (await release(broken)).run(['start']);
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    expect(stdout).toBe('started\ninner evaluated\nlazy evaluated\n2\n');
  });

  test('interactive: nothing is loaded before it is imported', async () => {
    const { stdout } = await (await release(lazy)).run(['start'], { env: { RELEASE_MODE: 'interactive' } });
    expect(stdout).toBe('started\nlazy evaluated\n11\n');
  });
});
