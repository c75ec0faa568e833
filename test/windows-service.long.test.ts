// Services for Windows, under Wine with Node 22: `bin\<name>.exe` of the directory, the executable, and both behind Wine's
// service manager. What Wine does not have: accounts without administrator rights, sessions without a desktop, and the
// restart of a service that failed.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeProgram } from './support/programs.ts';
import { run, temporaryDirectory, wrapCommand } from './support/run.ts';

const wine = spawnSync('wine', ['--version']).error === undefined;
if (!wine) console.log('windows-service.long.test.ts: wine is not installed');

// Written synchronously: Wine's pipes lose what console.log has not written yet.
const application = `
  import fs from 'node:fs';
  const say = (value) => fs.writeSync(1, JSON.stringify(value) + '\\n');
  export default {
    start({ args }) {
      const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => /^(RELEASE_|SARMA_BIN|FROM_BAT)/.test(name)));
      say({ pid: process.pid, execArgv: process.execArgv, args, env });
      const crash = process.env.RELEASE_MUTABLE_DIR + '\\\\crash';
      if (fs.existsSync(crash)) setTimeout(() => process.reallyExit(9), 1000);
      return setInterval(() => {}, 1000);
    },
    stop(timer) { clearInterval(timer); say('stopped'); },
  };
`;

describe.skipIf(!wine)('under Wine', () => {
  let prefix: string;
  let env: NodeJS.ProcessEnv;
  /** The release as a directory, and as an executable. */
  let root: string;
  let executable: string;
  let keepsWineUp: ChildProcess;

  /** What it prints goes through files: Node cannot open a pipe of Unix that Wine hands it as a standard stream. */
  const start = async (file: string, args: readonly string[], more: NodeJS.ProcessEnv = {}) => {
    const directory = await temporaryDirectory();
    const [out, err] = [path.join(directory, 'out'), path.join(directory, 'err')];
    const line = 'out=$1 err=$2; shift 2; exec wine "$@" >"$out" 2>"$err"';
    const options = { env: { ...env, ...more } };
    const { exitCode } = await run('sh', ['-c', line, 'sh', out, err, file, ...args], options);
    return { exitCode, stdout: await readFile(out, 'utf8'), stderr: await readFile(err, 'utf8') };
  };
  const program = () => path.join(root, 'bin/winsvc.exe');
  const windows = (unix: string) => `Z:${unix.replaceAll('/', '\\')}`;

  beforeAll(async () => {
    prefix = await temporaryDirectory();
    env = { ...process.env, WINEPREFIX: prefix, WINEDEBUG: '-all', SARMA_CACHE_DIR: 'C:\\cache' };
    await run('wine', ['winecfg', '-v', 'win10'], { env });
    const project = await makeProgram(
      { name: 'winsvc', type: 'module', sarma: { application: './application.js' } },
      {
        'application.js': application,
        'sarma.config.mjs': `export default { releases: { winsvc: {
          steps: ['assemble', 'tar', 'wrap'], targets: ['win-x64'], runtime: { version: '22' },
        } } };`,
        // biome-ignore lint/suspicious/noTemplateCurlyInString: what a vm.args says
        'rel/vm.args': '# for the node\n--no-warnings\n--title=${TITLE:-plain}\n-winsvc port 4000\n',
        'rel/remote.vm.args': '--throw-deprecation\n',
        'rel/env.bat': '@echo off\nset FROM_BAT=yes\n',
      },
    );
    const output = await temporaryDirectory();
    const { exitCode, stderr } = await wrapCommand([
      project.directory,
      '--compression',
      'fast',
      '-o',
      `${output}/`,
    ]);
    if (exitCode !== 0) throw new Error(stderr);
    const archive = (await readdir(output)).find((name) => name.endsWith('.tar.gz'))!;
    root = path.join(output, 'release with blank');
    await mkdir(root);
    await run('tar', ['xzf', path.join(output, archive), '-C', root]);
    executable = path.join(output, 'winsvc.exe');
    await rename(path.join(output, 'winsvc_win-x64.exe'), executable);
    // The machine would stop with its last program, and start its services with the next.
    keepsWineUp = spawn('wine', ['cmd', '/c', 'pause'], { env, stdio: ['pipe', 'ignore', 'ignore'] });
  }, 600_000);

  afterAll(async () => {
    keepsWineUp?.kill();
    await run('wineserver', ['-k'], { env });
  });

  /** Starts a node, waits until it answers, and stops it: what it said when it was up. */
  const startAndStop = async (file: string, args: readonly string[], more: NodeJS.ProcessEnv = {}) => {
    const node = start(file, args, more);
    const stop = async () => {
      while ((await start(file, ['ping'], more)).exitCode !== 0) await sleep(200);
      return await start(file, ['stop'], more);
    };
    const [{ stdout, exitCode }, stopped] = await Promise.all([node, stop()]);
    expect([exitCode, stopped.exitCode]).toEqual([0, 0]);
    expect(stdout).toMatch(/\n"stopped"\n$/);
    return JSON.parse(stdout.split('\n')[0]!) as {
      execArgv: string[];
      args: string[];
      env: Record<string, string>;
    };
  };

  test('bin\\<name>.exe starts the directory with its own runtime, and the arguments of vm.args', async () => {
    const given = ['a b', '', 'say "so"', 'back\\', 'ünï'];
    const more = {
      REPLACE_OS_VARS: 'true',
      TITLE: 'two words',
      RELEASE_ROOT: 'C:\\other',
      RELEASE_NODE: 'other',
      // What env.bat leaves alone comes through as it was.
      FROM_BAT_NOT: 'ünï→',
    };
    const found = await startAndStop(program(), ['start', ...given], more);
    expect(found.args).toEqual(given);
    expect(found.execArgv).toEqual(['--no-warnings', '--title=two words']);
    expect(found.env).toMatchObject({
      RELEASE_ROOT: windows(root),
      RELEASE_NAME: 'winsvc',
      RELEASE_VSN: '1.0.0',
      RELEASE_COMMAND: 'start',
      RELEASE_NODE: 'winsvc',
      RELEASE_PROG: windows(program()),
      FROM_BAT: 'yes',
      FROM_BAT_NOT: 'ünï→',
    });
  });

  test('an executable reads them too, since there is no shell', async () => {
    const found = await startAndStop(executable, [], { REPLACE_OS_VARS: 'true' });
    expect(found.execArgv).toEqual(['--no-warnings', '--title=plain']);
    expect(found.env).toMatchObject({ SARMA_BIN: windows(executable), FROM_BAT: 'yes' });
  });

  describe.each(['the directory', 'the executable'])('%s', (form) => {
    const file = () => (form === 'the directory' ? program() : executable);

    test('takes remote.vm.args for other commands, and files that the environment names', async () => {
      const named = path.join(path.dirname(root), 'own.args');
      await writeFile(named, '--stack-trace-limit=3\r\n');
      const evaluate = (more: NodeJS.ProcessEnv) =>
        start(file(), ['eval', '--json', 'process.execArgv'], more);
      expect(JSON.parse((await evaluate({})).stdout)).toEqual(['--throw-deprecation']);
      expect(JSON.parse((await evaluate({ RELEASE_REMOTE_VM_ARGS: windows(named) })).stdout)).toEqual([
        '--stack-trace-limit=3',
      ]);
      const { exitCode, stderr } = await evaluate({ RELEASE_REMOTE_VM_ARGS: 'C:\\none.args' });
      expect(exitCode).not.toBe(0);
      expect(stderr).toContain("the file of Node's arguments cannot be read: C:\\none.args: no such file");
      await writeFile(named, '# more than fits\n'.repeat(5000));
      expect((await evaluate({ RELEASE_REMOTE_VM_ARGS: windows(named) })).stderr).toContain('it is too long');
    });

    test('is a service: registered, started, asked, stopped, removed', async () => {
      const words = (...args: string[]) => start(file(), ['service', ...args]);
      const until = async (exitCode: number) => {
        for (;;) {
          const status = await words('status');
          if (status.exitCode === exitCode && !/starting|stopping/.test(status.stdout)) return status.stdout;
          await sleep(200);
        }
      };
      expect(await words('status')).toMatchObject({ exitCode: 4, stderr: 'There is no service winsvc.\n' });
      expect((await words('install')).stdout).toContain('sc start winsvc');
      expect(await words('install')).toMatchObject({
        exitCode: 1,
        stderr: expect.stringContaining('there is one already; `service uninstall` it first'),
      });
      expect(await words('status')).toMatchObject({ exitCode: 3, stdout: 'winsvc was not started yet.\n' });

      await start('net', ['start', 'winsvc']);
      expect(await until(0)).toMatch(/^winsvc runs, process \d+\.\n$/);
      while ((await start(file(), ['ping'])).exitCode !== 0) await sleep(200);
      await start('net', ['stop', 'winsvc']);
      expect(await until(3)).toBe('winsvc does not run; its last exit code is 0.\n');
      const log = await readFile(path.join(await state(), 'log/winsvc.log'), 'utf8');
      expect(log).toMatch(/^\{"pid".*\}\n"stopped"\n$/);

      await writeFile(path.join(await state(), 'crash'), '');
      await start('net', ['start', 'winsvc']);
      expect(await until(3)).toBe('winsvc does not run; its last exit code is 9.\n');
      await rm(path.join(await state(), 'crash'));

      await start('net', ['start', 'winsvc']);
      while ((await start(file(), ['ping'])).exitCode !== 0) await sleep(200);
      expect(await words('uninstall')).toMatchObject({
        exitCode: 0,
        stdout: 'winsvc is no service any more.\n',
      });
      expect((await start(file(), ['ping'])).exitCode).toBe(1);
      expect((await words('status')).exitCode).toBe(4);
      expect((await readdir(path.dirname(file()))).filter((name) => name.includes('-service'))).toEqual([]);
    });

    /** A service gets the environment of the machine, so its state is where it is without any variable. */
    const state = async () => {
      if (form === 'the directory') return path.join(root, 'var');
      const users = path.join(prefix, 'drive_c/users');
      for (const user of await readdir(users)) {
        const found = path.join(users, user, 'AppData/Local/winsvc');
        if (await readdir(found).catch(() => undefined)) return found;
      }
      throw new Error('no state directory');
    };
  });

  test('a release whose name ends with -service logs by its whole name', async () => {
    const copy = path.join(await temporaryDirectory(), 'release');
    await run('cp', ['-al', root, copy]);
    await rm(path.join(copy, 'var'), { recursive: true, force: true });
    const file = path.join(copy, 'bin/user-service.exe');
    await rename(path.join(copy, 'bin/winsvc.exe'), file);
    await start(file, ['service', 'install']);
    await start('net', ['start', 'user-service']);
    while ((await start(file, ['ping'])).exitCode !== 0) await sleep(200);
    expect((await start(file, ['service', 'uninstall'])).exitCode).toBe(0);
    expect(await readdir(path.join(copy, 'var/log'))).toEqual(['user-service.log']);
  });

  test('a service that is not ours is left alone', async () => {
    const { exitCode, stderr } = await start(program(), ['service', 'uninstall', '--name', 'Spooler']);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('this service was not registered by Sarma, and is left alone');
  });

  test('what the service manager calls says so to others', async () => {
    const { exitCode, stderr } = await start(program(), ['--sarma-service', 'winsvc']);
    expect([exitCode, stderr]).toEqual([
      1,
      'winsvc: this is for the service manager to call; `service install` registers it.\n',
    ]);
  });

  test('the log is carried and begins anew when it is full', async () => {
    const lines = Array.from({ length: 2000 }, (_, index) => `line ${index + 1}\n`).join('');
    const log = path.join(path.dirname(root), 'carried.log');
    const { exitCode } = await run(
      'wine',
      [program(), '--sarma-log', windows(log), '--bytes', '9000', '--files', '2'],
      {
        env,
        input: lines,
      },
    );
    expect(exitCode).toBe(0);
    const kept = (await readFile(`${log}.1`, 'utf8')) + (await readFile(log, 'utf8'));
    expect(kept.length).toBeGreaterThan(9000);
    expect(lines.endsWith(kept)).toBe(true);
  });

  test('a version that is not there and a runtime that is missing are sentences', async () => {
    const other = await start(program(), ['version'], { RELEASE_VSN: '9.9.9' });
    expect([other.exitCode, other.stderr]).toEqual([
      1,
      `winsvc: version "9.9.9" is not in ${windows(root)}\\releases.\n`,
    ]);
    await writeFile(
      path.join(root, 'releases/start.json'),
      JSON.stringify({ version: '1.0.0', runtime: null }),
    );
    const { exitCode, stderr } = await start(program(), ['version']);
    expect(exitCode).toBe(1);
    expect(stderr).toBe(
      'winsvc: it comes without a runtime and needs Node 22, but there is no "node.exe" on the PATH.\n',
    );

    const runtime = (await readdir(root)).find((name) => name.startsWith('runtime-'))!;
    const host = { WINEPATH: windows(path.join(root, runtime)) };
    expect(await start(program(), ['version'], host)).toMatchObject({ exitCode: 0, stderr: '' });
    const described = path.join(root, 'releases/1.0.0/release.json');
    const text = await readFile(described, 'utf8');
    await writeFile(described, text.replace(/"nodeLine": ?22/, '"nodeLine": 24'));
    const refused = await start(program(), ['version'], host);
    const found = `${windows(path.join(root, runtime))}\\node.exe is v${runtime.slice('runtime-'.length)}`;
    expect([refused.exitCode, refused.stderr]).toEqual([
      1,
      `winsvc: it needs Node 24, but ${found}. Put one of that line first on the PATH.\n`,
    ]);
  });
});
