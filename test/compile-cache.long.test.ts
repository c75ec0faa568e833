// The compile cache of programs that end by a signal (promise P24), and of runs that are killed while they store it (promise P8).
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { onlyInstall } from './support/installs.ts';
import { makeProgram } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { run, temporaryDirectory, wrapProgram } from './support/run.ts';
import { start } from './support/running.ts';
import { runTraced } from './support/strace.ts';

let file: string;
let env: { SARMA_CACHE_DIR: string };

beforeAll(async () => {
  const main = `
    require('./lib.js');
    if (process.argv[2] === 'wait') setInterval(() => {}, 1000);
    else console.log('whole');
  `;
  const files = { 'main.js': main, 'lib.js': `// ${'-'.repeat(250_000)}\n` };
  file = await wrapProgram(await makeProgram({ name: 'signalled', bin: 'main.js' }, files));
});

beforeEach(async () => {
  env = { SARMA_CACHE_DIR: await temporaryDirectory() };
});

const cache = async () => path.join((await onlyInstall(env.SARMA_CACHE_DIR)).release, '.sarma/compile-cache');

/** What Node stored, and what it began to. */
async function stored(): Promise<readonly string[]> {
  const names = await readdir(await cache(), { recursive: true });
  return names.map((name) => path.basename(name)).filter((name) => /^[0-9a-f]{8}(\.|$)/.test(name));
}

test('a program that ends by a signal leaves a cache, too, once it has run for some seconds', async () => {
  const running = start(file, ['wait'], env);
  let found: readonly string[] = [];
  while (found.length < 2) {
    await sleep(100);
    found = await stored().catch(() => []);
  }
  process.kill(running.pid, 'SIGTERM');
  expect(await running.ended).toMatchObject({ signal: 'SIGTERM', stderr: '' });
});

test.skipIf(lacks('strace'))(
  'a run that is killed while it stores its cache leaves nothing for longer than a day',
  async () => {
    const whole = { stdout: 'whole\n', stderr: '', exitCode: 0, signal: undefined };
    expect(await run(file, [], { env: { ...env, NODE_DISABLE_COMPILE_CACHE: '1' } })).toEqual(whole);
    const { signal } = await runTraced(file, [], { env, inject: ['rename:signal=KILL:error=EIO:when=1'] });
    expect(signal).toBe('SIGKILL');
    const isLeft = (name: string) => name.includes('.');
    expect((await stored()).filter(isLeft)).toHaveLength(1);
    expect(await run(file, [], { env })).toEqual(whole);
    expect((await stored()).filter(isLeft)).toHaveLength(1);
    const release = path.resolve(await cache(), '../..');
    await execa('sh', [
      '-c',
      'find "$0" -name "*.*" -type f -exec touch -d "25 hours ago" {} +',
      await cache(),
    ]);
    await execa('touch', ['-d', '25 hours ago', path.join(release, '.sarma/marker')]);
    expect(await run(file, [], { env })).toEqual(whole);
    const names = await stored();
    expect(names.filter(isLeft)).toEqual([]);
    expect(names).toHaveLength(2);
  },
);
