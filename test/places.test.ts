// Where a program unpacks itself (promises P9 and P11), whatever the machine denies it.
import { beforeAll, describe, expect, test } from 'vitest';
import { lacks } from './support/requirements.ts';
import { machineThatPrintsItsBase, type SealedMachine } from './support/sealed.ts';

/** Lets the system know user 1234, in this test's sealed machine. */
const PASSWD = `
  install -d -o 1234 -m 700 /mnt/home-1234
  mkdir -m 700 /mnt/etc
  { cat /etc/passwd; echo one:x:1234:1234::/mnt/home-1234:/bin/sh; } >/mnt/etc/passwd
  mount --bind /mnt/etc/passwd /etc/passwd
`;

let machine: SealedMachine;

beforeAll(async () => {
  machine = await machineThatPrintsItsBase('places');
});

describe.skipIf(lacks('mounts', 'setpriv'))('a program runs', () => {
  /** The last line tells the base. */
  const runsFrom = async (base: string, lines: string) => {
    const { stdout, stderr, exitCode } = await machine.shell(lines);
    expect({ last: stdout.trim().split('\n').at(-1), stderr, exitCode }).toEqual({
      last: base,
      stderr: '',
      exitCode: 0,
    });
  };

  test('from the cache directory of its user', async () => {
    await runsFrom('/mnt/home-1234/.cache/sarma', 'as 1234 ./app');
  });

  test('from XDG_CACHE_HOME, SARMA_CACHE_DIR and <NAME>_INSTALL_DIR, the last first', async () => {
    await runsFrom('/mnt/home-1234/xdg/sarma', 'as 1234 env XDG_CACHE_HOME=/mnt/home-1234/xdg ./app');
    await runsFrom(
      '/mnt/home-1234/a',
      'as 1234 env SARMA_CACHE_DIR=/mnt/home-1234/a XDG_CACHE_HOME=/mnt/home-1234/xdg ./app',
    );
    await runsFrom(
      '/mnt/home-1234/b',
      'as 1234 env SARMA_CACHE_DIR=/mnt/home-1234/a PLACES_INSTALL_DIR=/mnt/home-1234/b ./app',
    );
  });

  test('with HOME unset and no entry in passwd', async () => {
    await runsFrom('/var/tmp/sarma-1234', 'as 1234 env -u HOME ./app');
  });

  test('with a HOME that does not exist, and creates none', async () => {
    await runsFrom('/var/tmp/sarma-1234', 'as 1234 env HOME=/mnt/nowhere ./app; [ ! -e /mnt/nowhere ]');
  });

  test.each([
    ['empty', 'HOME='],
    ['relative', 'HOME=home-1234'],
    ['the root directory', 'HOME=/'],
    ['a file', 'HOME=/mnt/app'],
  ])('with a HOME that is %s', async (_, home) => {
    await runsFrom(
      '/var/tmp/sarma-1234',
      `as 1234 env ${home} ./app; [ "$(echo * .[!.]*)" = 'app home-1234 .[!.]*' ]`,
    );
  });

  test('with a HOME that ends in slashes', async () => {
    await runsFrom('/mnt/home-1234/.cache/sarma', 'as 1234 env HOME=/mnt/home-1234// ./app');
  });

  test.each([
    ['unset', '-u HOME'],
    ['empty', 'HOME='],
    ['relative', 'HOME=home-1234'],
    ["somebody else's", 'HOME=/mnt/home-0'],
  ])('from the home that passwd knows, with a HOME that is %s', async (_, home) => {
    await runsFrom(
      '/mnt/home-1234/.cache/sarma',
      `${PASSWD} install -d -m 755 /mnt/home-0; as 1234 env ${home} ./app; [ -z "$(ls -A /mnt/home-0)" ]`,
    );
  });

  test('as root by sudo, with the HOME of the user who asked for it, and leaves nothing there', async () => {
    await runsFrom(
      '/root/.cache/sarma',
      'install -d -o 1234 -m 700 /mnt/home-1234; HOME=/mnt/home-1234 ./app; [ -z "$(ls -A /mnt/home-1234)" ]',
    );
  });

  test('from TMPDIR, and not from one that is relative', async () => {
    const lines = 'mount -o remount,ro /var/tmp; mkdir -m 1777 tmp; as 1234 env -u HOME';
    await runsFrom('/mnt/tmp/sarma-1234', `${lines} TMPDIR=/mnt/tmp ./app`);
    await runsFrom('/tmp/sarma-1234', `${lines} TMPDIR=tmp ./app`);
  });

  test('with a relative XDG_CACHE_HOME', async () => {
    await runsFrom('/mnt/home-1234/.cache/sarma', 'as 1234 env XDG_CACHE_HOME=home-1234 ./app');
  });

  test('with a HOME that cannot be written to', async () => {
    await runsFrom('/var/tmp/sarma-1234', 'install -d -o 1234 -m 500 /mnt/home-1234; as 1234 ./app');
  });

  test("with somebody else's HOME, as after su or sudo", async () => {
    await runsFrom('/var/tmp/sarma-1235', 'as 1234 ./app; as 1235 env HOME=/mnt/home-1234 ./app');
  });

  test('as user A, then B, then root with the HOME of A, then A again', async () => {
    const { stdout, stderr } = await machine.shell(`
      as 1234 ./app
      as 1235 ./app
      HOME=/mnt/home-1234 HOME_OF_ROOT=1 XDG_CACHE_HOME= ./app maintenance directory
      as 1234 ./app again
      find /mnt/home-1234 ! -user 1234
    `);
    expect(stderr).toBe('');
    const lines = stdout.trim().split('\n');
    expect([lines[0], lines[1], lines[3]]).toEqual([
      '/mnt/home-1234/.cache/sarma',
      '/mnt/home-1235/.cache/sarma',
      '/mnt/home-1234/.cache/sarma again',
    ]);
    expect(lines[2]).not.toContain('1234');
    expect(lines).toHaveLength(4);
  });

  test('with a read-only root and one tmpfs', async () => {
    await runsFrom(
      '/dev/shm/sarma-1234',
      `for place in /tmp /var/tmp /mnt; do mount -o remount,ro "$place"; done
       HOME=/mnt/none setpriv --reuid=1234 --regid=1234 --clear-groups ./app`,
    );
  });

  test('with noexec temporary directories', async () => {
    await runsFrom(
      '/dev/shm/sarma-1234',
      `for place in /tmp /var/tmp; do mount -o remount,noexec "$place"; done
       as 1234 env -u HOME ./app
       [ -z "$(find /var/tmp /tmp -mindepth 1)" ]`,
    );
  });

  test('from another place when there is no room in the first, and leaves nothing there', async () => {
    await runsFrom(
      '/tmp/sarma-1234',
      'mount -o remount,size=20m /var/tmp; as 1234 env -u HOME ./app; [ -z "$(find /var/tmp -mindepth 1)" ]',
    );
  });

  test('from another place when the first turns out to be full, and leaves nothing there', async () => {
    // It has bytes enough, but not for that many files.
    await runsFrom(
      '/tmp/sarma-1234',
      'mount -o remount,nr_inodes=12 /var/tmp; as 1234 env -u HOME ./app; [ -z "$(find /var/tmp -mindepth 1)" ]',
    );
  });

  test.each([
    ['whose /proc is that of another', '--pid --fork'],
    ['with a /proc of its own', '--pid --fork --mount-proc'],
  ])('as PID 1 of an empty namespace %s, with nothing but HOME in its environment', async (_, options) => {
    await runsFrom(
      '/mnt/home-1234/.cache/sarma',
      `as 1234 true; unshare ${options} setpriv --reuid=1234 --regid=1234 --clear-groups env -i HOME=/mnt/home-1234 ./app`,
    );
  });

  test('where /proc hides the processes of others', async () => {
    await runsFrom('/mnt/home-1234/.cache/sarma', 'mount -t proc -o hidepid=2 proc /proc; as 1234 ./app');
  });

  test('with the whole root read-only but for one tmpfs', async () => {
    await runsFrom(
      '/dev/shm/sarma-1234',
      `for place in /tmp /var/tmp /mnt /; do mount -o bind,remount,ro "$place"; done
       ! touch /etc/x 2>/dev/null
       HOME=/mnt/none setpriv --reuid=1234 --regid=1234 --clear-groups ./app`,
    );
  });

  test('without /proc', async () => {
    const { stdout, exitCode } = await machine.shell('umount -l /proc; as 1234 ./app maintenance directory');
    expect({ stdout: stdout.replace(/[^/]*\n$/, ''), exitCode }).toEqual({
      stdout: '/mnt/home-1234/.cache/sarma/releases/',
      exitCode: 0,
    });
  });

  test('without write permission anywhere, from a prepared install beside it', async () => {
    const { stdout, stderr } = await machine.shell(`
      mkdir -p bin lib/sarma; mv app bin
      id=$(id_of bin/app)
      bin/app maintenance extract "lib/sarma/$id" 2>/dev/null
      for place in /tmp /var/tmp /dev/shm /mnt; do mount -o remount,ro "$place"; done
      HOME=/nowhere setpriv --reuid=1234 --regid=1234 --clear-groups bin/app | sed "s/$id/ID/"
    `);
    expect({ stdout, stderr }).toEqual({ stdout: '/mnt/lib/sarma/ID\n', stderr: '' });
  });
});

describe.skipIf(lacks('mounts', 'setpriv', 'strace'))('where nothing can be unpacked', () => {
  const nowhere = 'for place in /tmp /var/tmp /dev/shm; do mount -o remount,ro "$place"; done';

  test('every path that was tried is told, with the reason and the variable that helps; exit code 125', async () => {
    const { stdout, stderr, exitCode } = await machine.shell(`${nowhere}
      mkdir -m 777 /mnt/open
      as 1234 env -u HOME SARMA_CACHE_DIR=/mnt/open/cache PLACES_INSTALL_DIR=relative TMPDIR=/mnt ./app`);
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 125 });
    expect(stderr.split('\n')).toEqual([
      'places: found no directory to unpack into; tried:',
      '  relative: not an absolute path',
      '  /mnt/open/cache: others can write to: /mnt/open',
      '  /var/tmp/sarma-1234: cannot create: /var/tmp/sarma-1234: the file system is read-only',
      '  /mnt/sarma-1234: cannot create: /mnt/sarma-1234: permission denied',
      '  /tmp/sarma-1234: cannot create: /tmp/sarma-1234: the file system is read-only',
      '  /dev/shm/sarma-1234: cannot create: /dev/shm/sarma-1234: the file system is read-only',
      'set PLACES_INSTALL_DIR to a directory of your own that allows executing files',
      '',
    ]);
  });

  test('because no directory can be made, that is said, and nothing is left', async () => {
    const { stdout, stderr, exitCode } = await machine.shell(`${nowhere}
      SARMA_CACHE_DIR=/mnt/base strace -f -qq -o /dev/null -e trace=mkdirat -e inject=mkdirat:error=EACCES ./app || code=$?
      [ ! -e base ]
      exit $code
    `);
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 125 });
    expect(stderr).toContain('  /mnt/base: cannot create: /mnt/base: permission denied\n');
  });
});

describe('a runtime that cannot be executed', () => {
  test.skipIf(lacks('mounts'))('is exit code 126, with the way around a policy that forbids it', async () => {
    const { stderr, exitCode } = await machine.shell(`
      export SARMA_CACHE_DIR=/mnt/base
      ./app >/dev/null
      mount --bind base/runtimes base/runtimes
      mount -o bind,remount,noexec base/runtimes
      ./app
    `);
    expect(exitCode).toBe(126);
    expect(stderr).toMatch(
      /^places: cannot execute \/mnt\/base\/runtimes\/.*\/bin\/node: permission denied\n/,
    );
    expect(stderr).toContain('`places maintenance extract DIR`');
  });
});
