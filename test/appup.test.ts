// docs/release.md, "Upgrades": what an upgrade does is written while a release is built, for review and editing.
import { existsSync } from 'node:fs';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { writeFiles } from './support/programs.ts';
import { runCommand, temporaryDirectory } from './support/run.ts';

/** A service, and the archive of its version 0.1.0; the project itself is 0.2.0 by now. */
let project: string;

const sarma = (...args: string[]) => runCommand(args, { cwd: project });
const json = async (file: string) => JSON.parse(await readFile(path.join(project, file), 'utf8'));

const application = (text: string) =>
  `export default {
    start: () => ({ started: '${text}', timer: setInterval(() => {}, 1000) }),
    stop: ({ timer }) => clearInterval(timer),
    codeChange: (state) => ({ ...state, changed: '${text}' }),
  };\n`;
const manifest = (version: string) =>
  JSON.stringify({ name: 'counter', version, type: 'module', sarma: { application: './application.js' } });
const config = (steps: readonly string[], more = {}) =>
  JSON.stringify({ runtime: { include: false }, steps, ...more });

const APPUP = 'rel/appups/counter/0.1.0_0.2.0.json';
const RELUP = '_build/prod/rel/counter/releases/0.2.0/relup.json';

let made: string;

beforeAll(async () => {
  project = made = await temporaryDirectory();
  await writeFiles(project, {
    'package.json': manifest('0.1.0'),
    'application.js': application('old'),
    'sarma.config.json': config(['assemble', 'tar']),
  });
  const first = await sarma('assemble');
  expect(first.exitCode, first.stderr).toBe(0);
  await writeFiles(project, { 'package.json': manifest('0.2.0'), 'application.js': application('new') });
});

beforeEach(async () => {
  project = await temporaryDirectory();
  await cp(made, project, { recursive: true, verbatimSymlinks: true });
});

test('sarma appup writes it between a version whose archive is there and what is assembled', async () => {
  expect(await sarma('appup', '0.1.0', '0.2.0')).toMatchObject({
    exitCode: 1,
    stderr: expect.stringMatching(
      /"0\.2\.0" is neither .* which hold 0\.1\.0\. Give the path of one: counter-0\.2\.0-TARGET/,
    ),
  });
  await sarma('assemble');
  const { stdout, exitCode } = await sarma('appup', '0.1.0');
  expect(stdout).toBe(`wrote ${APPUP}
  up    reload counter: its codeChange gets the state
  down  reload counter: its codeChange gets the state
`);
  expect(exitCode).toBe(0);
  expect(await json(APPUP)).toMatchObject({
    app: 'counter',
    from: '0.1.0',
    to: '0.2.0',
    up: [{ reload: 'counter' }],
    down: [{ reload: 'counter' }],
  });
});

test('an edited file is never overwritten; where the difference lies is said', async () => {
  await sarma('assemble');
  await sarma('appup', '0.1.0');
  const file = path.join(project, APPUP);
  const edited = (await readFile(file, 'utf8')).replace('"reload"', '"restart"');
  await writeFile(file, edited);
  const { stdout, exitCode } = await sarma('appup', '0.1.0');
  expect(stdout).toContain(`left alone ${APPUP}`);
  expect(stdout).toContain('up[0]: found { "restart": "counter" }, computed { "reload": "counter" }');
  expect(exitCode).toBe(0);
  expect(await readFile(file, 'utf8')).toBe(edited);
});

test('--json has a line for each file, --app limits it to an application', async () => {
  await sarma('assemble');
  const { stdout } = await sarma('appup', '0.1.0', '--json');
  const events = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(events).toEqual([
    {
      type: 'appup',
      app: 'counter',
      from: '0.1.0',
      to: '0.2.0',
      up: [{ reload: 'counter' }],
      down: [{ reload: 'counter' }],
      file: path.join(project, APPUP),
      outcome: 'written',
      differences: [],
      packages: { counter: '0.1.0 → 0.2.0' },
    },
  ]);
  const unknown = await sarma('appup', '0.1.0', '--app', 'conter');
  expect(unknown.stderr).toContain('--app conter: counter 0.2.0 has no such application; it has counter.');
  expect(unknown.exitCode).toBe(1);
});

test('the steps appup and relup put it into the release, and into its archive', async () => {
  await writeFiles(project, { 'sarma.config.json': config(['assemble', 'appup', 'relup', 'tar']) });
  const { stdout, stderr, exitCode } = await sarma('assemble');
  expect(exitCode, stderr).toBe(0);
  expect(stdout).toContain(`wrote ${APPUP}\n`);
  expect(stdout).toContain(`Upgrades from 0.1.0: ${RELUP}\n`);
  const relup = await json(RELUP);
  expect(relup).toEqual({
    format: 1,
    name: 'counter',
    version: '0.2.0',
    from: [{ version: '0.1.0', up: [{ reload: 'counter' }], down: [{ reload: 'counter' }] }],
  });
  const archive = /burrito_out\/\S+-0\.2\.0-\S+\.tar\.gz/.exec(stdout)![0];
  const packed = await execa('tar', ['-xzOf', archive, 'releases/0.2.0/relup.json'], { cwd: project });
  expect(JSON.parse(packed.stdout)).toEqual(relup);
});

test('they lead from what upgradeFrom or --upgrade-from names, also from the directory that is replaced', async () => {
  const steps = ['assemble', 'appup', 'relup'];
  await writeFiles(project, { 'sarma.config.json': config(steps, { upgradeFrom: '0.0.1' }) });
  expect((await sarma('assemble')).stderr).toContain('"0.0.1" is neither');
  await rm(path.join(project, 'burrito_out'), { recursive: true });
  const replaced = await sarma('assemble', '--upgrade-from', '_build/prod/rel/counter');
  expect(replaced.exitCode, replaced.stderr).toBe(0);
  expect((await json(RELUP)).from).toMatchObject([{ version: '0.1.0' }]);
});

test('a release that nothing leads to says so, and is made', async () => {
  await rm(path.join(project, 'burrito_out'), { recursive: true });
  await rm(path.join(project, '_build'), { recursive: true });
  await writeFiles(project, { 'sarma.config.json': config(['assemble', 'appup', 'relup']) });
  const { stdout, exitCode } = await sarma('assemble');
  expect(stdout).toContain('step appup: counter 0.2.0 leads from no earlier version');
  expect(exitCode).toBe(0);
  expect(existsSync(path.join(project, RELUP))).toBe(false);
});

describe('upgrade', () => {
  /** The version 0.1.0 runs in a directory of its own; 0.2.0 is an archive with this relup.json. */
  async function running(set: Readonly<Record<string, string>> = {}) {
    const directory = path.join(project, 'running');
    await cp(path.join(project, '_build/prod/rel/counter'), directory, { recursive: true });
    const env = { PATH: `${path.dirname(process.execPath)}:${process.env.PATH}`, ...set };
    const command = (...args: string[]) =>
      execa(path.join(directory, 'bin/counter'), args, { env, reject: false });
    onTestFinished(async () => void (await command('stop')));
    expect((await command('daemon')).stderr).toBe('');
    await writeFiles(project, { 'sarma.config.json': config(['assemble', 'appup', 'relup', 'tar']) });
    const archive = async () => {
      const { stdout, stderr } = await sarma('assemble');
      return path.join(project, /burrito_out\/\S+-0\.2\.0-\S+\.tar\.gz/.exec(stdout)?.[0] ?? stderr);
    };
    const state = async () =>
      JSON.parse(
        (await command('rpc', '--json', "const { timer, ...rest } = stateOf('counter'); rest")).stdout,
      );
    const pid = async () => (await command('pid')).stdout;
    return { command, archive, state, pid };
  }

  test('takes the new code into the running process where relup.json says so, and back again', async () => {
    const { command, archive, state, pid } = await running();
    const before = await pid();
    const up = await command('upgrade', await archive());
    expect(up.stdout + up.stderr).toContain('counter runs 0.2.0 (before: 0.1.0).');
    expect(await state()).toEqual({ started: 'old', changed: 'new' });
    const down = await command('downgrade');
    expect(down.stdout + down.stderr).toContain('counter runs 0.1.0 (before: 0.2.0).');
    expect(await pid()).toBe(before);
  });

  test('changes nothing where a codeChange that relup.json asks for throws', async () => {
    const { command, archive, state, pid } = await running();
    const before = await pid();
    const throwing = "codeChange: () => { throw new Error('cannot'); },";
    await writeFiles(project, {
      'application.js': application('new').replace(/codeChange: .*/, throwing),
    });
    const up = await command('upgrade', await archive());
    expect(up).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('cannot') });
    expect(up.stderr).toContain('codeChange of application counter failed. Everything stays as it was');
    expect(await state()).toEqual({ started: 'old' });
    expect(await pid()).toBe(before);
    expect((await command('version')).stdout).toBe('counter 0.1.0');
  });

  test('starts the new version beside the old one where relup.json leaves something out', async () => {
    const { command, archive, state, pid } = await running();
    const before = await pid();
    await writeFiles(project, {
      [APPUP]: JSON.stringify({ app: 'counter', from: '0.1.0', to: '0.2.0', up: [], down: [] }),
    });
    const up = await command('upgrade', await archive());
    expect(up.stdout).toContain(
      'relup.json is not followed: counter has changed, and no instruction names it.',
    );
    expect(await state()).toEqual({ started: 'new' });
    expect(await pid()).not.toBe(before);
  });

  test('starts it beside the old one, too, where the process takes no more code, and says why', async () => {
    const { command, archive, state, pid } = await running({ RELEASE_RELOADS: '0' });
    const before = await pid();
    const up = await command('upgrade', await archive());
    expect(up).toMatchObject({ exitCode: 0, stderr: '' });
    expect(up.stdout).toContain('RELEASE_RELOADS allows 0');
    expect(up.stdout).toContain('The new version is started beside the old one.');
    expect(await state()).toEqual({ started: 'new' });
    expect(await pid()).not.toBe(before);
  });
});
