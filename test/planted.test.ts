// What others put where a program unpacks itself is never executed (promise P10).
import { beforeAll, describe, expect, test } from 'vitest';
import { plant } from './support/planted.ts';
import { lacks } from './support/requirements.ts';
import { machineThatPrintsItsBase, type SealedMachine } from './support/sealed.ts';

let machine: SealedMachine;

beforeAll(async () => {
  machine = await machineThatPrintsItsBase('planted');
});

describe.skipIf(lacks('mounts', 'setpriv'))('what others have planted is never executed', () => {
  test("though it would be if it were one's own", async () => {
    const { stdout } = await machine.shell(
      `${plant('/var/tmp/sarma-0')} SARMA_CACHE_DIR=/var/tmp/sarma-0 ./app`,
    );
    expect(stdout).toBe('planted\n');
  });

  test.each([
    ['a directory of another user', `${plant('/var/tmp/sarma-1234')} chown -R 666:666 /var/tmp/sarma-1234`],
    [
      'a directory that others can write to',
      `${plant('/var/tmp/sarma-1234')} chown -R 1234:1234 /var/tmp/sarma-1234; chmod 777 /var/tmp/sarma-1234`,
    ],
    [
      'a directory that a group can write to',
      `${plant('/var/tmp/sarma-1234')} chown -R 1234:666 /var/tmp/sarma-1234; chmod 775 /var/tmp/sarma-1234`,
    ],
    [
      'a link of another user',
      `${plant('/mnt/real')} chown -R 1234:1234 /mnt/real; ln -s /mnt/real /var/tmp/sarma-1234; chown -h 666 /var/tmp/sarma-1234`,
    ],
    ['a file', 'echo >/var/tmp/sarma-1234'],
    ['a link that leads to itself', 'ln -s sarma-1234 /var/tmp/sarma-1234'],
    ['a pipe', 'mkfifo /var/tmp/sarma-1234'],
  ])('%s', async (_, lines) => {
    const { stdout, stderr, exitCode } = await machine.shell(`${lines}\n as 1234 env -u HOME ./app`);
    expect({ stdout, stderr, exitCode }).toEqual({ stdout: '/tmp/sarma-1234\n', stderr: '', exitCode: 0 });
  });

  test('an install below a directory that others can write to', async () => {
    const { stdout, stderr } = await machine.shell(`
      mkdir -m 777 /mnt/open; install -d -o 1234 -m 700 /mnt/open/own
      ${plant('/mnt/open/own/x')} chown -R 1234 /mnt/open/own/x
      as 1234 env -u HOME SARMA_CACHE_DIR=/mnt/open/own/x ./app
    `);
    expect({ stdout, stderr }).toEqual({ stdout: '/var/tmp/sarma-1234\n', stderr: '' });
  });

  test('folders of another user in a directory like /tmp that a variable names', async () => {
    const { stdout, stderr } = await machine.shell(`
      mkdir -m 1777 /mnt/open
      ${plant('/mnt/open')} chown -R 666 /mnt/open/runtimes /mnt/open/releases
      as 1234 env SARMA_CACHE_DIR=/mnt/open ./app
    `);
    expect({ stdout, stderr }).toEqual({ stdout: '/mnt/home-1234/.cache/sarma\n', stderr: '' });
  });

  test('a prepared install of another user beside the executable', async () => {
    const { stdout } = await machine.shell(`
      id=$(id_of ./app)
      mkdir -p /mnt/lib/sarma bin
      ${plant('/mnt/lib/sarma/$id')} chown -R 666 /mnt/lib
      mv app bin; as 1234 bin/app
    `);
    expect(stdout).toBe('/mnt/home-1234/.cache/sarma\n');
  });

  test.each(['runtimes', 'releases', 'runtimes/*', 'releases/*'])(
    "%s of another user in one's own directory, as a backup may restore them",
    async (what) => {
      const { stdout, stderr } = await machine.shell(`
        own=/mnt/home-1234/.cache/sarma
        as 1234 ./app >/dev/null
        rm -r $own; ${plant('$own')} chown -R 1234:1234 $own; chown -R 666 $own/${what}
        as 1234 ./app
      `);
      expect({ stdout, stderr }).toEqual({ stdout: '/var/tmp/sarma-1234\n', stderr: '' });
    },
  );

  test.each(['/mnt/a', '/mnt/a/b', '/mnt/a/b/c'])(
    'a link of another user in any component of the path: %s',
    async (component) => {
      const { stdout, stderr } = await machine.shell(`
        mkdir -p /mnt/a/b; ${plant('/mnt/a/b/c')} chown -R 1234:1234 /mnt/a
        mv ${component} /mnt/real
        ln -s /mnt/real ${component}
        as 1234 env SARMA_CACHE_DIR=/mnt/a/b/c ./app
        chown -h 666 ${component}
        as 1234 env SARMA_CACHE_DIR=/mnt/a/b/c ./app
      `);
      // A link of one's own is followed, to what one would have run without it.
      expect({ stdout, stderr }).toEqual({ stdout: 'planted\n/mnt/home-1234/.cache/sarma\n', stderr: '' });
    },
  );

  test("a link of root or one's own is followed", async () => {
    const { stdout } = await machine.shell(
      'install -d -o 1234 /mnt/real; ln -s /mnt/real /mnt/link; as 1234 env SARMA_CACHE_DIR=/mnt/link/x ./app',
    );
    expect(stdout).toBe('/mnt/real/x\n');
  });
});
