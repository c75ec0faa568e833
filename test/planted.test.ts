// What others put where a program unpacks itself is never executed (promise P10).
import { beforeAll, describe, expect, test } from 'vitest';
import { makeProgram } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { wrapProgram } from './support/run.ts';
import { type SealedMachine, sealedMachine } from './support/sealed.ts';

/** The program prints the base that it runs from, and what becomes of loading packages that are not there. */
let machine: SealedMachine;

beforeAll(async () => {
  const program = await makeProgram(
    { name: 'planted', bin: 'main.js' },
    {
      'main.js': `
        const { dirname } = require('node:path');
        console.log(dirname(dirname(dirname(dirname(__dirname)))), ...process.argv.slice(2));
        for (const name of ['planted', '@planted/scoped']) {
          if (process.argv[2] !== 'require') break;
          try { console.log(require(name)); } catch (error) { console.log(error.code); }
          import(name).then((module) => console.log(module.default), (error) => console.log(error.code));
        }
      `,
    },
  );
  machine = await sealedMachine(await wrapProgram(program));
});

describe.skipIf(lacks('mounts', 'setpriv'))('what others have planted is never executed', () => {
  /** A complete install, but for a runtime that is none. It has size and time of the real one. */
  const plant = (base: string) => `
    ./app maintenance extract ${base} 2>/dev/null
    node=$(echo ${base}/runtimes/*/bin/node)
    size=$(stat -c %s "$node")
    printf '#!/bin/sh\\necho planted\\nexit\\n' >"$node"
    truncate -s "$size" "$node"
    touch -d '2000-01-01 00:00:00 UTC' "$node"
  `;

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
      id=$(basename "$(./app maintenance directory)"); id=\${id##*-}
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

  test.skipIf(lacks('setfacl'))('a directory that an access list lets another user write to', async () => {
    const { stdout, stderr } = await machine.shell(`
      echo 'own:x:1234:1234::/mnt/home-1234:/bin/sh' >passwd
      echo 'own:x:1234:' >group
      for file in passwd group; do mount --bind $file /etc/$file; done
      ${plant('/mnt/base')} chown -R 1234:1234 /mnt/base; chmod 775 /mnt/base
      as 1234 env SARMA_CACHE_DIR=/mnt/base ./app
      setfacl -m u:666:rwx /mnt/base
      as 1234 env SARMA_CACHE_DIR=/mnt/base ./app
    `);
    // A group that nobody else is in is oneself; the list shows in the mode as the group's rights.
    expect({ stdout, stderr }).toEqual({ stdout: 'planted\n/mnt/home-1234/.cache/sarma\n', stderr: '' });
  });

  test.skipIf(lacks('userNamespaces'))(
    'a directory of another user in /var/tmp that looks like one of root in a user namespace',
    async () => {
      const { stdout, stderr } = await machine.shell(`
        for user in 0 65534; do ${plant('/var/tmp/sarma-$user')} done
        chown -R 666:666 /var/tmp/sarma-*
        as 1234 env -u HOME unshare --user --map-root-user ./app
        as 1234 ./app
        as 1234 unshare --user --map-root-user ./app
        as 1234 unshare --user ./app
        as 1234 env -u HOME unshare --user ./app
      `);
      expect(stderr).toBe('');
      expect(stdout).toBe(`/tmp/sarma-0\n${'/mnt/home-1234/.cache/sarma\n'.repeat(3)}/tmp/sarma-65534\n`);
    },
  );

  test.skipIf(lacks('fuse'))(
    'a FUSE file system of another user in /var/tmp, which shows what owners he likes',
    async () => {
      const { stdout, stderr } = await machine.shell(`
        ${plant('/mnt/evil')}
        install -d -o 666 /var/tmp/sarma-1234
        trap 'umount /var/tmp/sarma-1234' EXIT
        bindfs -o allow_other --force-user=1234 /mnt/evil /var/tmp/sarma-1234
        stat -c %u /var/tmp/sarma-1234
        as 1234 env -u HOME ./app
      `);
      expect({ stdout, stderr }).toEqual({ stdout: '1234\n/tmp/sarma-1234\n', stderr: '' });
    },
  );

  test("a link of root or one's own is followed", async () => {
    const { stdout } = await machine.shell(
      'install -d -o 1234 /mnt/real; ln -s /mnt/real /mnt/link; as 1234 env SARMA_CACHE_DIR=/mnt/link/x ./app',
    );
    expect(stdout).toBe('/mnt/real/x\n');
  });

  test('a module beside an install in a directory like /tmp is not loaded', async () => {
    const { stdout, stderr } = await machine.shell(`
      for name in planted @planted/scoped; do
        mkdir -p "/tmp/node_modules/$name"
        echo 'module.exports = "planted module"' >"/tmp/node_modules/$name/index.js"
      done
      as 1234 env SARMA_CACHE_DIR=/tmp/own ./app require
      # The same files, started without the stub: what would have happened.
      release=$(echo /tmp/own/releases/*)
      /tmp/own/runtimes/*/bin/node "$release/lib/planted-1.0.0/main.js" require
    `);
    const [guarded, unguarded] = stdout.split(/^\/tmp\/own require\n/m).filter(Boolean);
    expect(stderr).toBe('');
    expect(guarded!.trim().split('\n')).toEqual([
      ...['MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'],
      ...['ERR_MODULE_NOT_FOUND', 'ERR_MODULE_NOT_FOUND'],
    ]);
    expect(unguarded).toContain('planted module');
  });
});
