import { describe, expect, test } from 'vitest';
import type { AssembledRelease } from '../src/assembled-release.ts';
import type { Ended } from '../src/run-alone.ts';
import type { Runtime } from '../src/runtimes/runtime.ts';
import { failure, withSnapshots } from '../src/snapshot/snapshot.ts';
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

describe('where Node makes none, it is said', () => {
  const ENDED = { running: false, status: 1, signal: null, errors: 'Error: x' };
  const said = (ended: Partial<Ended>, addons: readonly string[] = []) =>
    failure('app', { ...ENDED, ...ended }, addons).message;

  test('that the entry runs for ever, and why', () => {
    const ended = { running: true, status: null, signal: 'SIGKILL' };
    expect(said(ended)).toMatch(/still running after two minutes\. A timer or a server .* move it there\.$/);
  });

  test.each([0, 3])('that the entry ended the process with %i before there was one', (status) => {
    expect(said({ status, errors: '' })).toContain(
      `its entry ended the process before there was one. It ended with exit status ${status}, and said nothing.`,
    );
  });

  test('which addons the release has, and how they are loaded', () => {
    expect(said({}, ['lib/a.node'])).toMatch(
      /Error: x\n.* There is an addon in lib\/a\.node: load what needs/,
    );
    expect(said({})).not.toContain('There is an addon');
  });

  test('what V8 said, without the stack of its own functions', () => {
    const errors = `#\n# Fatal error in , line 0\n# Check failed\n#\n#FailureMessage Object: 0x7f\n----- Native stack trace -----\n\n 1: 0x9d [node]\n`;
    const message = said({ status: null, signal: 'SIGTRAP', errors });
    expect(message).toContain(
      'was ended by SIGTRAP:\n  # Fatal error in , line 0\n  # Check failed\nA snapshot',
    );
  });
});
