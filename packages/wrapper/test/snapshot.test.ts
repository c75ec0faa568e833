import { expect, test } from 'vitest';
import type { AssembledRelease } from '../src/assembled-release.ts';
import type { Runtime } from '../src/runtimes/runtime.ts';
import { withSnapshots } from '../src/snapshot/snapshot.ts';
import { hostMachine, type Target } from '../src/targets.ts';

const HERE = { name: 'here', ...hostMachine() } as Target;
const RELEASE = {
  ...{ name: 'app', version: '1.0.0', kind: 'cli', shell: false },
  ...{ entries: { app: 'lib/main.js' }, wrap: { compileCache: { children: false, build: false } } },
};

/** Of the runtime nothing is there to be executed. */
async function snapshot(release: object = {}, target: Target = HERE) {
  const runtime = { version: '24.12.0', file: '/nowhere' } as Runtime;
  const given = { release: { ...RELEASE, ...release } as unknown as AssembledRelease, target, runtime };
  return await withSnapshots({ directories: [], files: [], links: [] }, given, undefined);
}

test.each([
  ['a service', { kind: 'service' }],
  ['a program with an env.sh or a vm.args', { shell: true }],
  ['a program with a configuration', { entries: { app: 'releases/1.0.0/start-app.cjs' } }],
  ['a program that says wrap.compileCache.build too', { wrap: { compileCache: { build: true } } }],
])('%s starts from no snapshot, which is said', async (_, release) => {
  await expect(snapshot(release)).rejects.toMatchObject({ code: 'SNAPSHOT_RELEASE' });
});

test('nor does one for another target than this machine', async () => {
  const os = HERE.os === 'win' ? 'linux' : 'win';
  await expect(snapshot({}, { ...HERE, os })).rejects.toMatchObject({ code: 'SNAPSHOT_TARGET' });
});

test('any other does', async () => {
  await expect(snapshot()).rejects.toMatchObject({ code: 'ENOENT', path: '/nowhere' });
});
