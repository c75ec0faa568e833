// Where no directory allows executing files, as in a container with a read-only root: the runtime is executed from memory.
import { beforeAll, describe, expect, test } from 'vitest';
import { makeProgram } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { wrapProgram } from './support/run.ts';
import { type SealedMachine, sealedMachine } from './support/sealed.ts';

/** Nothing can be executed from any place that a user without a home has. */
const NOEXEC = 'for place in /tmp /var/tmp /dev/shm; do mount -o remount,noexec "$place"; done';

let machine: SealedMachine;

const MAIN = `
const { execFileSync, execSync, fork } = require('node:child_process');
const cluster = require('node:cluster');
const { once } = require('node:events');
const { readdirSync, readlinkSync } = require('node:fs');
const { Worker, isMainThread } = require('node:worker_threads');

const actions = {
  base: () => console.log(__filename.slice(0, __filename.indexOf('/releases/'))),
  path: () => console.log(process.execPath === '/proc/' + process.pid + '/exe', process.argv[0] === process.execPath),
  async children() {
    const started = async (what, child) => console.log(what, (await once(child, 'exit'))[0]);
    await started('fork', fork(__filename, ['child']));
    cluster.setupPrimary({ args: ['child'] });
    await started('cluster', cluster.fork());
    await started('worker', new Worker(__filename));
    console.log('spawn', execFileSync(process.execPath, ['-p', '6 * 7'], { encoding: 'utf8' }).trim());
    console.log('shell', execSync('"' + process.execPath + '" -p "6 * 7"', { encoding: 'utf8' }).trim());
    console.log('itself', execFileSync(process.env.SARMA_BIN, ['base'], { encoding: 'utf8' }).trim());
  },
  // The path is good in a child too, for a child of its own.
  child: () => fork(__filename, ['grandchild']).on('exit', (code) => process.exit(code + 1)),
  grandchild: () => process.exit(6),
  open() {
    const open = readdirSync('/proc/self/fd').map((name) => {
      try { return readlinkSync('/proc/self/fd/' + name); } catch { return ''; }
    });
    console.log(open.filter((path) => /memfd|sarma/.test(path)).map((path) => path.replace(/-[0-9a-f]{12}$/, '')).join());
  },
};
if (isMainThread) actions[process.argv[2] ?? 'base']();
else process.exit(7);
`;

beforeAll(async () => {
  const program = await makeProgram({ name: 'memory', bin: 'main.js' }, { 'main.js': MAIN });
  machine = await sealedMachine(await wrapProgram(program));
});

describe.skipIf(lacks('mounts', 'setpriv'))('where no directory allows executing files', () => {
  const printed = async (lines: string) => {
    const { stdout, stderr, exitCode } = await machine.shell(`${NOEXEC}\n${lines}`);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    return stdout;
  };

  test('a program runs, the first time and later, and only its release is unpacked', async () => {
    expect(
      await printed(`
        as 1234 env -u HOME ./app
        as 1234 env -u HOME ./app
        find /var/tmp/sarma-1234 -name node; ls -A /tmp /dev/shm
        du -sm /var/tmp/sarma-1234 | cut -f 1`),
    ).toBe('/var/tmp/sarma-1234\n/var/tmp/sarma-1234\n/dev/shm:\n\n/tmp:\n1\n');
  });

  test('a small tmpfs is enough: a read-only root, and 20 MB', async () => {
    expect(
      await printed(`
        mount -o remount,size=20m /dev/shm
        for place in /tmp /var/tmp /mnt /; do mount -o bind,remount,ro "$place"; done
        HOME=/nowhere setpriv --reuid=1234 --regid=1234 --clear-groups ./app`),
    ).toBe('/dev/shm/sarma-1234\n');
  });

  test('another place that allows it goes first', async () => {
    expect(await printed('as 1234 ./app; [ -z "$(find /var/tmp /tmp -mindepth 1)" ]')).toBe(
      '/mnt/home-1234/.cache/sarma\n',
    );
  });

  test('process.execPath is one that starts Node: by fork, cluster, spawn and a shell, and in children', async () => {
    expect(await printed('as 1234 env -u HOME ./app path; as 1234 env -u HOME ./app children')).toBe(
      'true true\nfork 7\ncluster 7\nworker 7\nspawn 42\nshell 42\nitself /var/tmp/sarma-1234\n',
    );
  });

  test('nothing of the stub is open in the program but the lock', async () => {
    expect(await printed('as 1234 env -u HOME ./app open')).toBe(
      '/var/tmp/sarma-1234/releases/memory-1.0.0\n',
    );
  });

  test('a release that lost a file gets it back, and maintenance knows it', async () => {
    expect(
      await printed(`
        as 1234 env -u HOME ./app
        rm /var/tmp/sarma-1234/releases/memory-*/lib/memory-*/main.js
        as 1234 env -u HOME ./app
        as 1234 env -u HOME ./app maintenance directory | sed 's/-[^-]*$//'
        as 1234 env -u HOME ./app maintenance verify 2>&1 | sed 's/.*: //'
        as 1234 env -u HOME ./app maintenance uninstall --yes 2>/dev/null
        find /var/tmp /tmp /dev/shm -mindepth 1`),
    ).toBe(
      '/var/tmp/sarma-1234\n/var/tmp/sarma-1234\n/var/tmp/sarma-1234/releases/memory-1.0.0\nevery file is as it should be\n',
    );
  });

  test('a machine that allows no memory to be executed is told so, exit code 125', async () => {
    const { stdout, stderr, exitCode } = await machine.shell(`${NOEXEC}
      cd /mnt; as 1234 env -u HOME strace -qq -o /dev/null -e trace=memfd_create -e inject=memfd_create:error=EACCES ./app`);
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 125 });
    expect(stderr.split('\n').slice(-4)).toEqual([
      '  /dev/shm/sarma-1234: its file system is mounted noexec',
      '  memory: nothing can be executed from there: permission denied',
      'set MEMORY_INSTALL_DIR to a directory of your own that allows executing files',
      '',
    ]);
  });

  test('a kernel that does not know MFD_EXEC runs it', async () => {
    expect(
      await printed(
        'as 1234 env -u HOME strace -qq -o /dev/null -e trace=memfd_create -e inject=memfd_create:error=EINVAL:when=1 ./app',
      ),
    ).toBe('/var/tmp/sarma-1234\n');
  });

  test('without /proc every path that was tried is told', async () => {
    const { stdout, stderr, exitCode } = await machine.shell(
      `${NOEXEC}\numount -l /proc; as 1234 env -u HOME ./app`,
    );
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 125 });
    expect(stderr).toContain('  /dev/shm/sarma-1234: its file system is mounted noexec\n');
  });
});

describe.skipIf(lacks('mounts', 'setpriv'))('a program with native addons', () => {
  test('is told that no directory allows executing files, since they cannot be loaded from there', async () => {
    const program = await makeProgram(
      { name: 'native', bin: 'main.js', dependencies: { '@node-rs/crc32': '1.10.8' } },
      { 'main.js': `console.log(require('@node-rs/crc32').crc32('x'))` },
    );
    const native = await sealedMachine(await wrapProgram(program));
    const { stdout, stderr, exitCode } = await native.shell(`${NOEXEC}
      as 1234 env -u HOME ./app || code=$?
      find /tmp /var/tmp /dev/shm -mindepth 1
      exit "$code"`);
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 125 });
    expect(stderr.split('\n')).toEqual([
      'native: found no directory to unpack into; tried:',
      '  /var/tmp/sarma-1234: its file system is mounted noexec',
      '  /tmp/sarma-1234: its file system is mounted noexec',
      '  /dev/shm/sarma-1234: its file system is mounted noexec',
      'set NATIVE_INSTALL_DIR to a directory of your own that allows executing files',
      '',
    ]);
  });
});

describe.skipIf(lacks('mounts', 'setpriv'))('a service with Node arguments in a vm.args', () => {
  test('runs from memory too, behind its shell script, and as a daemon whose log is carried', async () => {
    const program = await makeProgram(
      { name: 'remembered', type: 'module', bin: '', sarma: { application: './application.js' } },
      {
        'application.js': `
          export default {
            start() {
              console.log(process.execArgv.includes('--no-warnings'), process.execPath === '/proc/' + process.pid + '/exe');
              if (process.env.ENDS) setTimeout(() => process.exit(5));
              return setInterval(() => {}, 1000);
            },
            stop: (timer) => clearInterval(timer),
          };
        `,
        'rel/vm.args': '--no-warnings\n',
      },
    );
    const service = await sealedMachine(await wrapProgram(program));
    const { stdout, stderr, exitCode } = await service.shell(`${NOEXEC}
      install -d -o 1234 state
      export RELEASE_MUTABLE_DIR=/mnt/state
      ENDS=1 as 1234 env -u HOME ./app start || echo "exit code $?"
      trap 'as 1234 env -u HOME ./app stop >/dev/null' EXIT
      as 1234 env -u HOME ./app daemon >/dev/null
      timeout 60 sh -c 'until grep -h ^true state/log/*.log; do sleep 0.1; done'`);
    expect({ stdout, stderr, exitCode }).toEqual({
      stdout: 'true true\nexit code 5\ntrue true\n',
      stderr: '',
      exitCode: 0,
    });
  });
});
