// A release with an env.sh or a vm.args is started by the shell: what the stub promises must hold behind it too.
import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, readdir, readlink } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { installsIn } from './support/installs.ts';
import { makeProgram } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { run, temporaryDirectory, wrapProgram } from './support/run.ts';
import { startProgram } from './support/running.ts';
import { type SealedMachine, sealedMachine } from './support/sealed.ts';

const versions = ['1.0.0', '1.1.0', '1.2.0', '1.3.0'];
const files: string[] = [];
let base: string;

beforeAll(async () => {
  for (const version of versions) {
    const program = await makeProgram(
      { name: 'shelled', version, type: 'module', bin: '', sarma: { application: './application.js' } },
      {
        'application.js': `
          import { spawnSync } from 'node:child_process';
          import { createRequire } from 'node:module';
          export default {
            start() {
              const open = 'for (const name of fs.readdirSync("/proc/self/fd")) try { console.log(fs.readlinkSync("/proc/self/fd/" + name)) } catch {}';
              const child = spawnSync(process.execPath, ['-e', open], { encoding: 'utf8' });
              const names = Object.keys(process.env).filter((name) => /^(SARMA|FROM)_/.test(name) && name !== 'SARMA_TEST_DIRECTORY').sort();
              const { pid, execArgv, argv, execPath } = process;
              let planted;
              try { planted = createRequire(import.meta.url)('planted'); } catch (error) { planted = error.code; }
              console.log(JSON.stringify({ pid, execArgv, args: argv.slice(2), execPath, names, planted, inherited: child.stdout.split('\\n') }));
              return setInterval(() => {}, 1000);
            },
            stop(timer) { clearInterval(timer); },
          };
        `,
        'rel/env.sh': 'export FROM_ENV_SH="$RELEASE_NAME $RELEASE_COMMAND"\n',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: what a vm.args says
        'rel/vm.args': '--no-warnings\n--title=${TITLE:-shelled}\n',
      },
    );
    files.push(await wrapProgram(program));
  }
});

beforeEach(async () => {
  base = await temporaryDirectory();
});

const env = (more: Readonly<Record<string, string>> = {}) => ({
  SARMA_CACHE_DIR: base,
  RELEASE_MUTABLE_DIR: path.join(base, 'state'),
  ...more,
});

/** A node in the foreground, and what it says of itself when it is up. */
async function startNode(file: string, args: readonly string[], more: Readonly<Record<string, string>> = {}) {
  const node = await startProgram(file, args, env(more));
  return { ...node, ended: () => node.say('') };
}

async function about(file: string, args: readonly string[], more: Readonly<Record<string, string>> = {}) {
  const node = await startNode(file, args, more);
  process.kill(node.pid, 'SIGTERM');
  const [line] = (await node.ended()).split('\n');
  return { started: node.pid, ...(JSON.parse(line!) as Record<string, unknown>) };
}

describe('a release with env.sh and vm.args', () => {
  test('runs as the process that was started, with the arguments as they were given', async () => {
    const given = ['a b', '', '"q"', "it's", '$HOME', '`id`', '*', 'line\nbreak', '\\'];
    const found = await about(files[0]!, ['start', ...given]);
    expect(found).toMatchObject({ pid: found.started, args: ['start', ...given] });
  });

  test('gets the arguments of vm.args and the variables of env.sh, and none that were for the script', async () => {
    const found = await about(files[0]!, ['start'], { REPLACE_OS_VARS: 'true', TITLE: 'a b`id`' });
    expect(found).toMatchObject({
      execArgv: ['--no-warnings', '--title=a b`id`'],
      names: ['FROM_ENV_SH', 'SARMA_BIN', 'SARMA_CACHE_DIR'],
    });
  });

  test('without a command starts, and answers to others', async () => {
    const node = await startNode(files[0]!, []);
    const ping = await run(files[0]!, ['ping'], { env: env() });
    const stop = await run(files[0]!, ['stop'], { env: env() });
    await node.ended();
    expect([ping.exitCode, stop.exitCode]).toEqual([0, 0]);
  });
});

describe('an install in use through the shell', () => {
  test('is never removed; once the node has ended it is', async () => {
    const node = await startNode(files[0]!, ['start']);
    for (const file of files.slice(1)) await run(file, ['version'], { env: env() });
    expect(await installed()).toContain('1.0.0');
    await node.stop();
    await run(files[3]!, ['maintenance', 'prune'], { env: env() });
    expect(await installed()).not.toContain('1.0.0');
  });

  const installed = async () => (await installsIn(base)).releases.map((name) => name.split('-')[1]!);

  test('is held by descriptors that its children do not inherit', async () => {
    const node = await startNode(files[0]!, ['start']);
    const held = await heldBy(node.pid);
    process.kill(node.pid, 'SIGTERM');
    const [line] = (await node.ended()).split('\n');
    expect(held.map((file) => path.basename(path.dirname(file)))).toEqual(['releases', 'runtimes']);
    const { inherited } = JSON.parse(line!) as { inherited: string[] };
    expect(inherited.length).toBeGreaterThan(3);
    expect(inherited.filter((file) => held.includes(file))).toEqual([]);
  });

  const shells = ['/bin/bash', '/usr/bin/busybox'].filter((shell) => spawnSync(shell).error === undefined);

  test.skipIf(lacks('mounts')).each(shells)('and by %s as /bin/sh as well', async (shell) => {
    const line = `mount --bind ${shell} "$(readlink -f /bin/sh)" && exec "$0" start`;
    const node = await startProgram('unshare', ['-m', '/bin/bash', '-c', line, files[0]!], env());
    const held = await heldBy(node.pid);
    process.kill(node.pid, 'SIGTERM');
    await node.say('');
    expect(held).toHaveLength(2);
  });

  /** Directories of installs that a process has open. */
  const heldBy = async (pid: number) => {
    const folder = `/proc/${pid}/fd`;
    const links = await Promise.all(
      (await readdir(folder)).map((name) => readlink(path.join(folder, name)).catch(() => '')),
    );
    return links.filter((file) => /\/(releases|runtimes)\/[^/]+$/.test(file)).sort();
  };
});

describe.skipIf(lacks('mounts'))('where', () => {
  let machine: SealedMachine;

  beforeAll(async () => {
    machine = await sealedMachine(files[0]!);
  });

  test('others can write above the install, modules that they planted are refused', async () => {
    const planted =
      'mkdir -p /tmp/node_modules/planted; echo "module.exports = 1" >/tmp/node_modules/planted/index.js';
    const lines = `${planted}; mkdir -m 700 /tmp/own; export SARMA_CACHE_DIR=/tmp/own/cache RELEASE_MUTABLE_DIR=/mnt/state
      ./app start >out & while [ ! -s out ]; do sleep 0.1; done; kill $!; wait $! || true; cat out`;
    const { stdout, stderr } = await machine.shell(lines);
    expect(stderr).toBe('');
    const found = JSON.parse(stdout.split('\n')[0]!) as Record<string, unknown>;
    expect(found).toMatchObject({
      planted: 'MODULE_NOT_FOUND',
      names: ['FROM_ENV_SH', 'SARMA_BIN', 'SARMA_CACHE_DIR'],
    });
    expect(found.execArgv).toEqual([
      '--import',
      expect.stringMatching(/^file:\/\/\/.*guard\.cjs$/),
      '--no-warnings',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: what a vm.args says
      '--title=${TITLE:-shelled}',
    ]);
  });

  test.skipIf(lacks('setcap'))(
    'the file has capabilities, the shell is told nothing by the user that it would execute',
    async () => {
      const { stdout, stderr } = await machine.shell(`
        mkdir -p bin lib/sarma && mv app bin/app
        id=$(bin/app maintenance meta | sed 's/^{"id":"\\([^"]*\\)".*/\\1/')
        bin/app maintenance extract "lib/sarma/$id" 2>/dev/null
        setcap cap_net_bind_service+ep bin/app
        mount --bind /bin/bash "$(readlink -f /bin/sh)"
        as 1234 env SHELLOPTS=xtrace PS4='$(touch /tmp/by_ps4)+ ' BASH_ENV=/tmp/evil ENV=/tmp/evil OWN=kept \
          bin/app eval '[process.env.OWN, process.env.PS4]'
        ls /tmp
      `);
      expect(stderr).toBe('');
      expect(stdout).toBe("[ 'kept', undefined ]\n");
    },
  );

  test('there is no shell, a sentence says that it needs one', async () => {
    await mkdir(path.join(base, 'bin'));
    await copyFile('/bin/bash', path.join(base, 'bin/bash'));
    const hide = 'mount -t tmpfs tmpfs "$(dirname "$(readlink -f /bin/sh)")"; exec "$0" start';
    const { exitCode, stderr } = await run(
      'unshare',
      ['-m', path.join(base, 'bin/bash'), '-c', hide, files[0]!],
      { env: env() },
    );
    expect(exitCode).toBe(126);
    expect(stderr).toBe(
      'shelled: cannot execute /bin/sh: no such file or directory; this release has an env.sh or a vm.args and starts by a shell script\n',
    );
  });
});
