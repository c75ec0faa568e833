import { expect, test } from 'vitest';
import { builtins } from '../src/builtin.ts';
import { findEntry } from '../src/builtin-code.ts';
import { testRelease } from './support/release.ts';

const application = {
  'lib/demo/application.mjs': 'export default { start() { console.log("up"); } };',
};
const commands = [
  { name: 'greet', module: 'lib/demo/commands/greet.mjs', description: 'Greet somebody' },
  { name: 'console', module: 'lib/demo/commands/console.mjs', description: 'Not the old name of start_repl' },
];
const release = async () =>
  await testRelease({
    files: {
      ...application,
      'lib/demo/commands/console.mjs': 'export default { run() { console.log("mine"); } };',
    },
    applications: ['demo'],
    boot: { commands },
  });

test('help lists every command, those of the release too, and exits 0', async () => {
  const demo = await release();
  for (const word of ['help', '--help', '-h']) {
    const { code, stdout } = await demo.run([word]);
    expect(code).toBe(0);
    for (const { name, hidden } of builtins) {
      if (hidden === undefined) expect(stdout).toMatch(new RegExp(`^ {2}${name}\\b`, 'm'));
      else expect(stdout).not.toMatch(new RegExp(`^ {2}${name}\\b`, 'm'));
    }
    expect(stdout).toMatch(/^ {2}greet +Greet somebody$/m);
  }
});

test('help COMMAND says what a command of the release takes', async () => {
  const demo = await testRelease({
    files: {
      'lib/demo/migrate.mjs': `export default { description: 'Migrate the database', arguments: ['[version]'], run() {} };`,
    },
    boot: { commands: [{ name: 'migrate', module: 'lib/demo/migrate.mjs', description: 'Migrate' }] },
  });
  const { code, stdout, stderr } = await demo.run(['help', 'migrate']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toBe('Usage: bin/demo migrate [version]\n\nMigrate the database\n');
});

test('help COMMAND and COMMAND --help say more about one, under its older names too', async () => {
  const demo = await release();
  const { stdout } = await demo.run(['help', 'daemon']);
  expect(stdout).toContain('RELEASE_HEART_RESTARTS');
  expect(stdout).toContain('Also called daemon_iex.');
  expect((await demo.run(['help', 'daemon_iex'])).stdout).toBe(stdout);
  expect(await demo.run(['describe', '--help'])).toMatchObject({
    code: 0,
    stdout: (await demo.run(['help', 'describe'])).stdout,
  });
});

test('every command has its code', async () => {
  for (const { name } of builtins) expect(await findEntry(name)?.load()).toHaveProperty('run');
});

test('an unknown command: the nearest one, usage, exit 1', async () => {
  const { code, stdout, stderr } = await (await release()).run(['deamon']);
  expect(code).toBe(1);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^demo: There is no command "deamon"\. Did you mean daemon\?\n\nUsage: /);
});

test('a word that is not even near one', async () => {
  const { code, stderr } = await (await release()).run(['xyzzyplugh']);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^demo: There is no command "xyzzyplugh"\.\n/);
});

test('a word that JavaScript knows is no command', async () => {
  for (const word of ['constructor', '__proto__']) {
    expect((await (await release()).run([word])).stderr).toContain(`There is no command "${word}".`);
  }
});

test('version prints name and version and boots nothing', async () => {
  const demo = await release();
  expect(await demo.run(['version'])).toMatchObject({ code: 0, stdout: 'demo 0.1.0\n', stderr: '' });
  expect(await demo.run(['--version'])).toMatchObject({ code: 0, stdout: 'demo 0.1.0\n' });
});

test('without a command, and under its older name, the node starts', async () => {
  const demo = await release();
  for (const words of [[], ['foreground']]) {
    const child = demo.spawn(words);
    await new Promise<void>((resolve) => child.stdout!.once('data', () => resolve()));
    const closed = new Promise((resolve) => child.once('close', resolve));
    child.kill();
    expect(await closed).toBe(0);
  }
});

test('a custom command goes before an older name', async () => {
  expect(await (await release()).run(['console'])).toMatchObject({ code: 0, stdout: 'mine\n' });
});

test('an unknown option is a sentence that says where the known ones are', async () => {
  const { code, stderr } = await (await release()).run(['describe', '--jsonn']);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^demo: Unknown option '--jsonn'.*help describe\n$/);
});
