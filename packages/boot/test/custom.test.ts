import { expect, test } from 'vitest';
import { type TestRelease, testRelease } from './support/release.ts';

/** A release with one command, `go`, of this source. */
async function releaseWith(source: string): Promise<TestRelease> {
  return await testRelease({
    files: {
      'lib/demo/application.mjs':
        'console.log("imported"); export default { start() { console.log("started"); } };',
      'lib/demo/go.mjs': source,
    },
    applications: ['demo'],
    boot: { commands: [{ name: 'go', module: 'lib/demo/go.mjs', description: 'Go' }] },
    config: { demo: { port: 4040 } },
  });
}

const echo = `export default {
  description: 'Say it', arguments: ['<what>', '[times]'],
  options: { loud: { type: 'boolean', short: 'l', description: 'Shout' }, to: { type: 'string', multiple: true, default: ['all'] } },
  run: (context) => console.log(JSON.stringify(context)),
};`;

test('a command gets arguments, options, configuration and release, and nothing is started', async () => {
  const demo = await releaseWith(echo);
  const { code, stdout, stderr } = await demo.run(['go', 'hi', '-l', '3', '--to', 'a', '--to=b']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(JSON.parse(stdout)).toEqual({
    args: ['hi', '3'],
    options: { loud: true, to: ['a', 'b'] },
    config: { demo: { port: 4040 } },
    release: expect.objectContaining({ name: 'demo', version: '0.1.0', root: demo.root }),
  });
});

test('--help says what it takes', async () => {
  const { code, stdout } = await (await releaseWith(echo)).run(['go', '--help']);
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /^Usage: \S+ go \[OPTIONS\] <what> \[times\]\n\nSay it\n\nOptions:\n {2}-l, --loud {6}Shout\n/,
  );
  expect(stdout).toContain('(repeatable, default: all)');
});

test.each([
  [[], '<what> is missing.'],
  [['a', 'b', 'c'], '"c" is one argument too many.'],
  [['a', '--loudly'], "Unknown option '--loudly'"],
])('wrong arguments %j are a sentence and exit 1', async (args, sentence) => {
  const { code, stdout, stderr } = await (await releaseWith(echo)).run(['go', ...args]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain(`demo: ${sentence}`);
  expect(stderr).not.toContain('    at ');
});

test('a number that it returns is the exit code, of a promise too', async () => {
  expect((await (await releaseWith('export default { run: async () => 7 };')).run(['go'])).code).toBe(7);
});

test.each([
  [
    'export default { async run() { console.log("begun"); await new Promise(() => {}); } };',
    'The command go',
  ],
  ['console.log("begun"); await new Promise(() => {});', 'lib/demo/go.mjs'],
])('one that never settles is said, exit code 13: %s', async (source, what) => {
  const { code, stdout, stderr } = await (await releaseWith(source)).run(['go']);
  expect({ code, stdout }).toEqual({ code: 13, stdout: 'begun\n' });
  expect(stderr).toMatch(new RegExp(`^demo: ${what} waits for a promise that never settles`));
});

test('what it throws is shown with its stack, exit 1', async () => {
  const demo = await releaseWith('export default { run() { throw new TypeError("no tea"); } };');
  const { code, stderr } = await demo.run(['go']);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^demo: TypeError: no tea\n {4}at .*go\.mjs/);
});

test('it ends although it leaves timers and connections behind, and all of its output arrives', async () => {
  const source = `export default { run() { setInterval(() => {}, 1000); for (let i = 0; i < 20000; i++) console.log('line', i); } };`;
  const { code, stdout } = await (await releaseWith(source)).run(['go']);
  expect(code).toBe(0);
  expect(stdout.split('\n').length).toBe(20001);
});

test('a module may ask for its configuration while it is imported', async () => {
  const source = `const state = globalThis[Symbol.for('sarma.release')];
const { port } = state.configuration.demo;
export default { run: () => console.log(port, state.release.name, process.env.RELEASE_COMMAND, process.env.NODE_ENV) };`;
  expect((await (await releaseWith(source)).run(['go'])).stdout).toBe('4040 demo go production\n');
});

test('a module that is no command is named', async () => {
  const { code, stderr } = await (await releaseWith('export const run = 1;')).run(['go']);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^demo: lib\/demo\/go\.mjs is no command: .*defineCommand/);
});
