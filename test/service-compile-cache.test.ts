// A wrapped service starts from the compile cache that its first start has left in the install (promise P24).
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { onlyInstall } from './support/installs.ts';
import { wrapProgram } from './support/run.ts';
import { ask, installed, makeService } from './support/services.ts';

const files = {
  'application.ts': `import './library.cjs'; export default { start() {} };`,
  'library.cjs': 'exports.called = () => 1;',
};

test('a daemon that is killed has left its compile cache in the install, which is whole with it', async () => {
  const one = await installed(await wrapProgram(await makeService('clock', files)));
  onTestFinished(async () => void (await ask(one, ['stop', '--force'])));
  expect((await ask(one, ['daemon'])).exitCode).toBe(0);
  expect((await ask(one, ['stop', '--force'])).exitCode).toBe(0);
  const { release } = await onlyInstall(path.join(one.env.XDG_CACHE_HOME!, 'sarma'));
  const entries = await readdir(path.join(release, '.sarma/compile-cache'), { recursive: true });
  expect(entries.filter((name) => /\/[0-9a-f]{8}$/.test(name)).length).toBeGreaterThan(2);
  expect((await ask(one, ['maintenance', 'verify'])).exitCode).toBe(0);
});
