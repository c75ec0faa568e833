// What a process may lack when a program is started: streams, a working directory, limits, a file system around it, calls
// of a newer kernel. It runs as plain Node does there.
import { execFileSync } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { marker, onlyInstall } from './support/installs.ts';
import { makeProgram, type Program } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { run, temporaryDirectory, wrapProgram } from './support/run.ts';
import { type SealedMachine, sealedMachine } from './support/sealed.ts';
import { runTraced } from './support/strace.ts';

let program: Program;
let file: string;
let machine: SealedMachine;

beforeAll(async () => {
  program = await makeProgram(
    { name: 'bare', bin: 'main.js' },
    {
      'main.js': `
        const fs = require('node:fs');
        const { fork } = require('node:child_process');
        const [action = 'base', argument] = process.argv.slice(2);
        const actions = {
          base: () => console.log(__filename.slice(0, __filename.indexOf('/releases/')), ...process.argv.slice(3)),
          streams() {
            const names = [0, 1, 2].map((number) => fs.readlinkSync('/proc/self/fd/' + number));
            fs.writeFileSync(argument, names.join());
          },
          cwd() {
            try { console.log(process.cwd()); } catch (error) { console.log(error.code); }
          },
          fork: () => fork(__filename, ['forked']).on('exit', (code) => console.log('the child ended with', code)),
          forked: () => process.exit(7),
        };
        actions[action]();
      `,
    },
  );
  file = await wrapProgram(program);
  machine = await sealedMachine(file);
});

/** As plain Node is started with the same program. */
const plain = () => `${process.execPath} ${path.join(program.directory, program.entry)}`;

/** What SARMA_DEBUG prints, which must not land in a file that got the number of a closed stream. */
const MESSAGE = '^sarma [0-9]+[.][0-9]+ ms: ';

describe('with closed standard streams', () => {
  const streams = ['<&-', '>&-', '2>&-'];
  const combinations = Array.from({ length: 7 }, (_, number) =>
    streams.filter((_, bit) => ((number + 1) >> bit) & 1).join(' '),
  );

  test.each(combinations)(
    '%s: the program finds what Node would, on the first run and later',
    async (closed) => {
      const base = await temporaryDirectory();
      const said = path.join(base, 'said');
      const streamsOf = async (command: string) => {
        const { exitCode } = await run('sh', ['-c', `exec ${command} streams ${said} ${closed}`], {
          env: { SARMA_CACHE_DIR: path.join(base, 'cache'), SARMA_DEBUG: '1' },
        });
        const text = await readFile(said, 'utf8');
        await rm(said);
        return { exitCode, text: text.replaceAll(/(pipe|socket):\[\d+\]/g, '$1') };
      };
      const expected = await streamsOf(plain());
      expect(expected.text).toContain('/dev/null');
      expect(await streamsOf(file)).toEqual(expected);
      expect(await streamsOf(file)).toEqual(expected);
      expect((await run('grep', ['-rlE', MESSAGE, base])).stdout).toBe('');
    },
  );
});

describe('in a working directory that was deleted', () => {
  test.each(['base', 'cwd'])(
    'the program runs as Node would (%s), on the first run and later',
    async (action) => {
      const gone = async (command: string) => {
        const directory = await temporaryDirectory();
        const env = { SARMA_CACHE_DIR: base };
        return await run('sh', ['-c', `rmdir "$PWD"; exec ${command} ${action}`], { cwd: directory, env });
      };
      const base = await temporaryDirectory();
      const expected = action === 'cwd' ? await gone(plain()) : null;
      for (const _ of ['first', 'second']) {
        const { stdout, stderr, exitCode } = await gone(file);
        expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
        expect(stdout).toBe(expected?.stdout ?? `${base}\n`);
      }
    },
  );
});

describe('with small limits', () => {
  // Node itself needs some twenty descriptors, and crashes with fewer.
  test.each([
    ['24 open files', 'ulimit -n 24'],
    ['a stack of 256 KiB', 'ulimit -s 256'],
    ['no locked memory', 'ulimit -l 0'],
  ])('of %s the program runs, on the first run and later', async (_, limit) => {
    const base = await temporaryDirectory();
    for (const _ of ['first', 'second']) {
      const { stdout, stderr, exitCode } = await run('sh', ['-c', `${limit}; exec ${file}`], {
        env: { SARMA_CACHE_DIR: base },
      });
      expect({ stdout, stderr, exitCode }).toEqual({ stdout: `${base}\n`, stderr: '', exitCode: 0 });
    }
  });

  test.skipIf(lacks('mounts', 'setpriv'))(
    'of 6 open files it is told that there are too many, and nothing is published',
    async () => {
      const { stdout, stderr, exitCode } = await machine.shell(`
        as 1234 sh -c 'ulimit -n 6; exec ./app' || code=$?
        find /mnt/home-1234 /tmp /var/tmp /dev/shm -name bin
        exit $code`);
      expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 125 });
      expect(stderr).toContain(': too many open files\n');
    },
  );
});

describe.skipIf(lacks('strace'))('on a kernel, or in a container, that has no', () => {
  test.each([
    ['statx', 'ENOSYS'],
    ['statx', 'EPERM'],
    ['fallocate', 'ENOSYS'],
    ['fallocate', 'EPERM'],
    ['fallocate', 'EOPNOTSUPP'],
    ['sched_getaffinity', 'EPERM'],
    ['flock', 'ENOLCK'],
  ])('%s (%s) a program runs, on the first run and later', async (call, error) => {
    const base = await temporaryDirectory();
    const log = path.join(await temporaryDirectory(), 'trace');
    for (const which of ['first', 'second']) {
      const { stdout, stderr, exitCode } = await runTraced(file, [], {
        env: { SARMA_CACHE_DIR: base },
        inject: [`${call}:error=${error}`],
        log,
      });
      expect({ stdout, stderr, exitCode }).toEqual({ stdout: `${base}\n`, stderr: '', exitCode: 0 });
      if (which === 'first') expect(await readFile(log, 'utf8')).toContain('(INJECTED)');
    }
  });
});

test.skipIf(lacks('strace'))(
  '`prune` says why a place cannot be locked, and blames nobody for it',
  async () => {
    const base = await temporaryDirectory();
    const env = { SARMA_CACHE_DIR: base };
    await run(file, [], { env });
    const inject = ['flock:error=EIO'];
    const { stderr, exitCode } = await runTraced(file, ['maintenance', 'prune'], { env, inject });
    const reason = `cannot lock ${base}/locks/gc: input/output error`;
    expect({ stderr, exitCode }).toEqual({ stderr: `bare: ${reason}\n`, exitCode: 125 });
  },
);

describe.skipIf(lacks('strace'))('where the file system cannot be synced,', () => {
  test.each(['ENOSYS', 'EIO'])(
    '(%s) what a loss of power tore is repaired, and read again after the next',
    async (error) => {
      const base = await temporaryDirectory();
      const env = { SARMA_CACHE_DIR: base };
      await run(file, [], { env });
      const { release } = await onlyInstall(base);
      const name = path.join(release, '.sarma/marker');
      const text = await readFile(name, 'utf8');
      await writeFile(name, text.replace(/^boot .*$/m, 'boot before'));
      const { stdout, stderr } = await runTraced(file, [], { env, inject: [`syncfs:error=${error}`] });
      expect({ stdout, stderr }).toEqual({ stdout: `${base}\n`, stderr: '' });
      const after = await marker(release);
      expect(after.get('durable')).toBe('0');
      expect(after.get('boot')).not.toBe('before');
    },
  );
});

describe.skipIf(lacks('mounts'))(
  'in a root directory with nothing but the executable and the libraries of Node',
  () => {
    // Asked outside, since the machine hides what lies in /tmp, and so may the Node of these tests.
    const libraries = execFileSync('ldd', [process.execPath], { encoding: 'utf8' }).match(/\/\S+/g)!;
    /** `/mnt/root`: no /proc, /dev, /etc, /tmp, no shell. */
    const BARE = `
    mkdir root
    for library in ${libraries.join(' ')}; do
      mkdir -p "root$(dirname "$library")"
      cp "$library" "root$library"
    done
    cp app root/app
  `;

    test.each([
      ['SARMA_CACHE_DIR', 'SARMA_CACHE_DIR=/some/cache', '/some/cache'],
      ['HOME', 'HOME=/', '/.cache/sarma'],
    ])('a program runs, unpacked where %s says', async (_, variable, base) => {
      const { stdout, stderr, exitCode } = await machine.shell(`${BARE}
      ${variable} chroot root /app base first
      ${variable} chroot root /app base second`);
      expect({ stdout, stderr, exitCode }).toEqual({
        stdout: `${base} first\n${base} second\n`,
        stderr: '',
        exitCode: 0,
      });
    });

    test('a program runs from /tmp, if there is that', async () => {
      const { stdout } = await machine.shell(`${BARE} mkdir -m 1777 root/tmp; chroot root /app`);
      expect(stdout).toBe('/tmp/sarma-0\n');
    });

    test('without any of them it is told that there is no place, and which variable names one', async () => {
      const { stdout, stderr, exitCode } = await machine.shell(`${BARE} ls root >before
      chroot root /app || code=$?
      ls root | diff - before
      exit $code`);
      expect({ stdout, stderr, exitCode }).toEqual({
        stdout: '',
        stderr:
          'bare: found no directory to unpack into; tried:\n' +
          '  nothing: there is no home, and neither /var/tmp, /tmp nor /dev/shm\n' +
          'set BARE_INSTALL_DIR to a directory of your own that allows executing files\n',
        exitCode: 125,
      });
    });

    test('a child of fork is Node, and not the program once more', async () => {
      const { stdout, stderr } = await machine.shell(`${BARE} SARMA_CACHE_DIR=/cache chroot root /app fork`);
      expect({ stdout, stderr }).toEqual({ stdout: 'the child ended with 7\n', stderr: '' });
    });

    test('no message lands in a file where streams are closed and there is no /dev/null for them', async () => {
      const { stdout } = await machine.shell(`${BARE}
      export SARMA_CACHE_DIR=/cache SARMA_DEBUG=1
      chroot root /app >&- 2>&- || true
      chroot root /app <&- >&- 2>&- || true
      grep -rlE '${MESSAGE}' root/cache || true`);
      expect(stdout).toBe('');
    });
  },
);
