// A wrapped service starts from the compile cache that its first start has left in the install (promise P24).
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { onlyInstall } from './support/installs.ts';
import { wrapProgram } from './support/run.ts';
import { ask, type Installed, installed, makeService, withEnv } from './support/services.ts';

const files = {
  'application.ts': `import './library.cjs'; export default { start() {} };`,
  'library.cjs': 'exports.called = () => 1;',
};

/** Of a daemon that was killed once it had filled its cache. */
async function killed(one: Installed): Promise<{ readonly release: string; readonly own: string }> {
  onTestFinished(async () => void (await ask(one, ['stop', '--force'])));
  expect((await ask(one, ['daemon'])).exitCode).toBe(0);
  const { release } = await onlyInstall(path.join(one.env.XDG_CACHE_HOME!, 'sarma'));
  const cache = path.join(release, '.sarma/compile-cache');
  const own = path.join(cache, (await readdir(cache))[0]!);
  await expect.poll(async () => await readdir(own), { timeout: 20_000 }).toContain('runs');
  expect((await ask(one, ['stop', '--force'])).exitCode).toBe(0);
  return { release, own };
}

test('a daemon that is killed has left its compile cache in the install, which is whole with it', async () => {
  const one = await installed(await wrapProgram(await makeService('clock', files)));
  const { own } = await killed(one);
  const entries = await readdir(own);
  expect(entries.filter((name) => /^[0-9a-f]{8}$/.test(name)).length).toBeGreaterThan(2);
  const { stderr } = await ask(one, ['maintenance', 'verify']);
  expect(stderr).toMatch(/: every file is as it should be\n$/);
});

test('a service whose compile cache was filled while wrapping starts from it the first time', async () => {
  const sarma = { application: './application.ts', wrap: { compileCache: { build: true } } };
  const file = await wrapProgram(await makeService('seeded', files, { sarma }));
  const one = withEnv(await installed(file), { NODE_DEBUG_NATIVE: 'COMPILE_CACHE' });
  const { release, own } = await killed(one);
  const log = await readFile(path.join(one.state, 'log/seeded.log'), 'utf8');
  for (const file of ['boot/start.cjs', 'application.js', 'library.cjs'])
    expect(log).toMatch(new RegExp(`${file.replaceAll('.', '\\.')} was accepted`));
  const [made] = await readdir(path.join(release, 'releases/1.0.0/compile-cache'));
  expect(own).toContain(made);
  expect(await readdir(own)).toContain('whole');
});
