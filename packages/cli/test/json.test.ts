import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { hostTarget, shippedMatrix } from './support/host.ts';
import { folder, hello, quickly, sarma } from './support/sarma.ts';

interface Event {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** Every line of stdout, each of which must be an object. */
function events(stdout: string): Event[] {
  expect(stdout.endsWith('\n')).toBe(true);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Event);
}

test('--json is one object per event on stdout, and nothing besides', async () => {
  const directory = await folder(hello);
  const { exitCode, stdout, stderr } = await sarma(['wrap', '--json', ...quickly], { directory });
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  const said = events(stdout);
  const types = ['release', 'assembled', 'targets', 'phase', 'artifact', 'finished'];
  const first = types.map((type) => said.findIndex((event) => event.type === type));
  expect(first).toEqual(first.toSorted((a, b) => a - b));
  expect(first).not.toContain(-1);
  expect(said.at(-1)).toMatchObject({
    type: 'finished',
    artifacts: [{ target: hostTarget, file: path.join(directory, 'burrito_out', `hello_${hostTarget}`) }],
  });
});

test.each([
  [['wrap', '--json'], 1, 'NO_PACKAGE_JSON'],
  [['wrap', '--json', '--taget', 'x'], 2, 'USAGE'],
  [['wrap', '--json', '--quiet'], 2, 'USAGE'],
  [['inspect', '--json', 'missing'], 1, undefined],
])('the failure of %j is an event with a code, too', async (argv, exitCode, code) => {
  const ended = await sarma(argv, { directory: await folder() });
  const failure = events(ended.stdout).at(-1)!;
  expect(failure).toMatchObject({ type: 'failure', code: code ?? expect.stringMatching(/^[A-Z_]+$/) });
  expect(failure.message).toMatch(/\w+/);
  expect({ exitCode: ended.exitCode, stderr: ended.stderr }).toEqual({ exitCode, stderr: '' });
});

test('`targets --json` is one object per target, and writes no lock file', async () => {
  const directory = await folder(hello);
  const { stdout } = await sarma(['targets', '--json'], { directory });
  const states = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(states.map(({ target }) => target)).toEqual([...shippedMatrix.keys()]);
  expect(states.filter(({ host }) => host).map(({ target }) => target)).toEqual([hostTarget]);
  expect(states.every(({ runtime, missing }) => (runtime === undefined) !== (missing === undefined))).toBe(
    true,
  );
  expect(await readdir(directory)).not.toContain('sarma.lock.json');
});
