import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { BootFile } from '../src/boot-file.ts';
import {
  forgetOtherRelease,
  makePathsAbsolute,
  readEnvironment,
  releaseVariables,
} from '../src/environment.ts';
import { testRelease } from './support/release.ts';

const boot = {
  name: 'kv',
  version: '0.1.0',
  kind: 'service',
  configuration: { sys: 'releases/0.1.0/sys.config.json' },
} as BootFile;

const scratch = mkdtempSync(path.join(tmpdir(), 'sarma-environment-'));
afterAll(() => rmSync(scratch, { recursive: true }));

/** An install made by an executable has a marker. */
const install = path.join(scratch, 'install');
mkdirSync(path.join(install, '.sarma'), { recursive: true });
writeFileSync(path.join(install, '.sarma/marker'), 'sarma 1\n');
const home = path.join(scratch, 'home');
mkdirSync(home);

const read = (env: Record<string, string>, root = '/opt/kv', argv = ['start'], file = boot) =>
  readEnvironment(root, file, argv, env);

describe('defaults', () => {
  test('of a directory: its state lies in var/', () => {
    expect(read({})).toEqual({
      root: '/opt/kv',
      name: 'kv',
      version: '0.1.0',
      prog: 'bin/kv',
      command: 'start',
      node: 'kv',
      distribution: 'sname',
      mode: 'embedded',
      mutableDirectory: '/opt/kv/var',
      configDirectory: '/opt/kv/var',
      tmp: '/opt/kv/var/tmp',
      readOnly: false,
      cookie: undefined,
      sysConfig: '/opt/kv/releases/0.1.0/sys.config.json',
      bootFile: '/opt/kv/releases/0.1.0/boot.json',
      executable: undefined,
      isSource: false,
    });
  });

  test('what is set is taken, and directories follow the one of the state', () => {
    const env = {
      RELEASE_NODE: 'foo@10.0.0.1',
      RELEASE_DISTRIBUTION: 'name',
      RELEASE_MODE: 'interactive',
      RELEASE_MUTABLE_DIR: '/data',
      RELEASE_READ_ONLY: 'true',
      RELEASE_COOKIE: 'secret',
      RELEASE_PROG: '/usr/bin/kv',
    };
    expect(read(env, '/opt/kv', ['rpc', '1'])).toMatchObject({
      node: 'foo@10.0.0.1',
      distribution: 'name',
      mode: 'interactive',
      mutableDirectory: '/data',
      configDirectory: '/data',
      tmp: '/data/tmp',
      readOnly: true,
      cookie: 'secret',
      prog: '/usr/bin/kv',
      command: 'rpc',
    });
    expect(
      read({ RELEASE_MUTABLE_DIR: '/data', RELEASE_TMP: '/t', RELEASE_CONFIG_DIR: '/etc/kv' }),
    ).toMatchObject({
      mutableDirectory: '/data',
      tmp: '/t',
      configDirectory: '/etc/kv',
    });
  });

  test.each([
    [{ RELEASE_DISTRIBUTION: 'names' }, 'RELEASE_DISTRIBUTION is "names"; it may be sname, name, none.'],
    [{ RELEASE_MODE: 'fast' }, 'RELEASE_MODE is "fast"; it may be embedded, interactive.'],
    [
      { RELEASE_NODE: '../x' },
      'RELEASE_NODE is "../x"; it may hold letters, digits, and _ . @ - (not first a dot).',
    ],
  ])('%o is refused with what it may be', (env, message) => {
    expect(() => read(env)).toThrow(message);
  });

  test('name and version are those of boot.json', () => {
    expect(read({ RELEASE_NAME: 'helm', RELEASE_VSN: '9' })).toMatchObject({ name: 'kv', version: '0.1.0' });
  });

  test('the command that runs is not the one of the node that runs it', () => {
    expect(read({ RELEASE_COMMAND: 'start', RELEASE_ROOT: '/opt/kv' }, '/opt/kv', ['rpc']).command).toBe(
      'rpc',
    );
  });
});

describe('a release that was started by another one', () => {
  const inherited = {
    RELEASE_MUTABLE_DIR: '/other',
    RELEASE_COOKIE: 'x',
    RELEASE_CONTROL_PORT: '1',
    HOME: home,
  };
  const left = (RELEASE_ROOT: string) => {
    const env: NodeJS.ProcessEnv = { ...inherited, RELEASE_ROOT };
    forgetOtherRelease(install, env);
    return env;
  };

  test('takes nothing from what that one said of itself', () => {
    expect(left('/opt/other')).toEqual({ HOME: home });
  });

  test('takes what the user said, without a RELEASE_ROOT or with this very one, also through a link', () => {
    const link = path.join(scratch, 'link');
    symlinkSync(install, link);
    for (const root of [install, link, '']) expect(left(root)).toEqual({ ...inherited, RELEASE_ROOT: root });
  });
});

describe.skipIf(process.platform !== 'linux')('the state of a wrapped service', () => {
  const stateOf = (env: Record<string, string>, file = boot) =>
    read(env, install, ['start'], file).mutableDirectory;

  test('lies in the first of: RELEASE_MUTABLE_DIR, STATE_DIRECTORY of systemd, XDG_STATE_HOME, the home', () => {
    const XDG_STATE_HOME = '/state';
    const STATE_DIRECTORY = '/var/lib/kv:/var/lib/more';
    expect(stateOf({ HOME: home, XDG_STATE_HOME, STATE_DIRECTORY, RELEASE_MUTABLE_DIR: '/data' })).toBe(
      '/data',
    );
    expect(stateOf({ HOME: home, XDG_STATE_HOME, STATE_DIRECTORY })).toBe('/var/lib/kv');
    expect(stateOf({ HOME: home, XDG_STATE_HOME })).toBe('/state/kv');
    expect(stateOf({ HOME: home })).toBe(`${home}/.local/state/kv`);
  });

  test('a relative XDG_STATE_HOME does not count, as its specification says', () => {
    expect(stateOf({ HOME: home, XDG_STATE_HOME: 'state' })).toBe(`${home}/.local/state/kv`);
  });

  test('without HOME, the home is that of the user', () => {
    expect(stateOf({})).toBe(`${userInfo().homedir}/.local/state/kv`);
  });

  test.skipIf(process.getuid?.() !== 0)(
    'a HOME that belongs to somebody else, as after sudo, is not used',
    () => {
      const theirs = path.join(scratch, 'theirs');
      mkdirSync(theirs);
      execFileSync('chown', ['65534', theirs]);
      expect(stateOf({ HOME: theirs })).toBe(`${userInfo().homedir}/.local/state/kv`);
    },
  );

  test.skipIf(process.getuid?.() !== 0)(
    'a program without any keeps its state where nobody else can have made it',
    async () => {
      const release = await testRelease({
        directory: tmpdir(),
        boot: {
          kind: 'cli',
          programs: { demo: 'lib/demo/cli.mjs' },
          instructions: [{ do: 'configure' }, { do: 'run', program: 'demo' }],
        },
        files: {
          '.sarma/marker': 'sarma 1\n',
          'releases/0.1.0/start-demo.cjs': `globalThis[Symbol.for('sarma.program')] = 'demo';\nrequire('./boot.cjs');\n`,
          'lib/demo/cli.mjs': `console.log(globalThis[Symbol.for('sarma.release')].release.mutableDirectory);`,
        },
      });
      execFileSync('chmod', ['-R', 'a+rX', release.root]);
      const options = { entry: 'start-demo.cjs', env: { HOME: '', XDG_STATE_HOME: '' } };
      expect((await release.run([], { ...options, uid: 54321 })).stdout).toBe(`${release.root}/var\n`);
    },
  );

  test('its executable is SARMA_BIN, which says nothing in a directory', () => {
    expect(read({ SARMA_BIN: '/usr/bin/kv', HOME: home }, install)).toMatchObject({
      executable: '/usr/bin/kv',
      prog: '/usr/bin/kv',
    });
    expect(read({ SARMA_BIN: '/usr/bin/kv' }).executable).toBeUndefined();
  });

  test.skipIf(process.getuid?.() !== 0)(
    'a user without a home is told what to set; a program runs all the same',
    async () => {
      const release = await testRelease({
        directory: tmpdir(),
        applications: ['web'],
        files: { 'lib/web/application.mjs': 'export default {};', '.sarma/marker': 'sarma 1\n' },
      });
      execFileSync('chmod', ['-R', 'a+rX', release.root]);
      // A number without an entry in the password database, as in containers.
      const uid = 54321;
      const { stdout, stderr, code } = await release.run(['version'], { uid, env: { HOME: '' } });
      expect({ stdout, code }).toEqual({ stdout: '', code: 1 });
      expect(stderr).toMatch(
        /^demo: There is no place for the state of demo .* Set RELEASE_MUTABLE_DIR to a directory\.\n$/,
      );
      const given = await release.run(['version'], { uid, env: { HOME: '', RELEASE_MUTABLE_DIR: '/data' } });
      expect(given).toMatchObject({ stdout: 'demo 0.1.0\n', stderr: '', code: 0 });
    },
  );
});

test('children get everything but the cookie', () => {
  const variables = releaseVariables(read({ RELEASE_COOKIE: 'secret', RELEASE_NODE: 'foo' }));
  expect(variables).toMatchObject({ RELEASE_ROOT: '/opt/kv', RELEASE_NODE: 'foo', RELEASE_VSN: '0.1.0' });
  expect(Object.values(variables)).not.toContain('secret');
});

test('relative paths are those of the first process, also of several in CONFORM_CONF_PATH', () => {
  const lists = (...paths: readonly string[]) => paths.join(path.delimiter);
  const env: NodeJS.ProcessEnv = {
    RELEASE_BASE_DIR: '/first',
    RELEASE_CONFIG_DIR: 'etc',
    CONFORM_CONF_PATH: lists('kv.conf', '/etc/web.conf'),
    CONFORM_SCHEMA_PATH: '',
  };
  makePathsAbsolute(env);
  expect(env).toEqual({
    RELEASE_BASE_DIR: '/first',
    RELEASE_CONFIG_DIR: path.resolve('/first/etc'),
    CONFORM_CONF_PATH: lists(path.resolve('/first/kv.conf'), '/etc/web.conf'),
    CONFORM_SCHEMA_PATH: '',
  });
});
