// Where locks cannot be trusted, because other machines write there too: NFS, SMB, FUSE, 9p. Shown on FUSE, by two mounts
// of one directory, which know nothing of each other's locks, as two machines with one home directory.
import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { makeProgram } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { run, temporaryDirectory, wrapProgram } from './support/run.ts';

const VERSIONS = ['1.0.0', '1.1.0', '1.2.0'];
/** Has the executables of all versions as v1.0.0 and so on. */
let directory: string;

beforeAll(async () => {
  directory = await temporaryDirectory();
  for (const version of VERSIONS) {
    const program = await makeProgram(
      { name: 'networked', version, bin: 'main.js' },
      { 'main.js': `console.log('${version}');`, 'text.txt': 'a text' },
    );
    await copyFile(await wrapProgram(program), path.join(directory, `v${version}`));
  }
});

/** `on 1 COMMAND …` and `on 2 COMMAND …` run a command on one of the machines. What is really there is in $store. */
const machines = `
  set -eu
  cd "$1"
  mount -t tmpfs -o mode=755 tmpfs /mnt
  store=/mnt/store
  mkdir -p $store/base /mnt/1 /mnt/2
  trap 'umount /mnt/1; umount /mnt/2' EXIT
  bindfs $store /mnt/1
  bindfs $store /mnt/2
  on() { machine=$1; shift; SARMA_CACHE_DIR=/mnt/$machine/base "$@"; }
  names() { ls $store/base/releases $store/base/runtimes | sed 's/-[0-9a-f]\\{12\\}/-ID/; s/^node-.*-ID/node-ID/; /:$/d; /^$/d' | sort; }
`;

const shell = async (lines: string) =>
  await run('unshare', ['-m', 'sh', '-c', machines + lines, 'sh', directory]);

describe.skipIf(lacks('mounts', 'fuse', 'strace'))('on a network file system', () => {
  test('two machines that install at once both run; the loser discards its own', async () => {
    const { stdout, stderr } = await shell(`
      # The first is held at its renames; by then the second is done.
      on 1 strace -f -qq -o /dev/null -e trace=renameat -e inject=renameat:delay_enter=3000000 ./v1.0.0 &
      while ! ls -d $store/base/releases/*.tmp >/dev/null 2>&1; do sleep 0.05; done
      on 2 ./v1.0.0
      wait
      names
    `);
    expect({ stdout, stderr }).toEqual({
      stdout: '1.0.0\n1.0.0\nnetworked-1.0.0-ID\nnode-ID\n',
      stderr: '',
    });
  });

  test('what is installed is synced at once, and is not looked at again after a loss of power', async () => {
    const { stdout, stderr } = await shell(`
      on 1 strace -f -qq -o /mnt/trace -e trace=renameat,syncfs ./v1.0.0
      grep -o '^[0-9]* *[a-z]*' /mnt/trace | sed 's/.* //' | uniq -c | sed 's/^ *//'
      grep -h durable $store/base/*/*/.sarma/marker
    `);
    expect(stderr).toBe('');
    // Marker, synced, published: the runtime and the release.
    expect(stdout).toMatch(/^1\.0\.0\n(1 renameat\n1 syncfs\n[12] renameat\n)/);
    expect(stdout).toMatch(/durable 1\ndurable 1\n$/);
  });

  test('nothing younger than 30 days is removed: another machine may be at work on it, or run it', async () => {
    const { stdout, stderr } = await shell(`
      on 1 ./v1.0.0
      release=$(echo $store/base/releases/*)
      mkdir "$release.0123456789abcdef.tmp"
      rm -r "$release"
      on 2 ./v1.0.0
      on 2 ./v1.1.0
      on 2 ./v1.2.0
      names
    `);
    expect({ stdout, stderr }).toEqual({
      stdout: [
        ...[
          '1.0.0',
          '1.0.0',
          '1.1.0',
          '1.2.0',
          'networked-1.0.0-ID',
          'networked-1.0.0-ID.0123456789abcdef.tmp',
        ],
        ...['networked-1.1.0-ID', 'networked-1.2.0-ID', 'node-ID', ''],
      ].join('\n'),
      stderr: '',
    });
  });

  test('what is older is: temporaries, and versions that nobody has started for so long', async () => {
    const { stdout, stderr } = await shell(`
      on 1 ./v1.0.0
      on 1 ./v1.1.0
      old=$(echo $store/base/releases/networked-1.0.0-*)
      mkdir "$old.0123456789abcdef.tmp"
      touch -d '31 days ago' "$old.0123456789abcdef.tmp" "$old/.sarma/marker"
      on 2 ./v1.2.0
      names
    `);
    expect({ stdout, stderr }).toEqual({
      stdout: '1.0.0\n1.1.0\n1.2.0\nnetworked-1.1.0-ID\nnetworked-1.2.0-ID\nnode-ID\n',
      stderr: '',
    });
  });

  test('a version that is started there once a day is not old, whenever it was installed', async () => {
    const { stdout, stderr } = await shell(`
      on 1 ./v1.0.0
      on 1 ./v1.1.0
      touch -d '31 days ago' $store/base/releases/networked-1.0.0-*/.sarma/marker
      on 2 ./v1.0.0
      on 2 ./v1.2.0
      names
    `);
    expect(stderr).toBe('');
    expect(stdout).toContain('networked-1.0.0-ID\n');
  });

  test('what one machine lost comes back by the other', async () => {
    const { stdout, stderr } = await shell(`
      on 1 ./v1.0.0
      rm $store/base/releases/*/lib/*/text.txt
      on 2 ./v1.0.0
      ls $store/base/releases/*/lib/*
    `);
    expect(stderr).toBe('');
    expect(stdout).toBe('1.0.0\n1.0.0\nmain.js\npackage.json\ntext.txt\n');
  });

  test('that has no locks at all, and cannot be synced, old versions go, and `uninstall` leaves no install', async () => {
    const { stdout, stderr } = await shell(`
      bare() { on 1 strace -f -qq -o /dev/null -e trace=flock,syncfs -e inject=flock:error=ENOLCK -e inject=syncfs:error=EIO "$@"; }
      bare ./v1.0.0
      bare ./v1.1.0
      touch -d '31 days ago' $store/base/releases/networked-1.0.0-*/.sarma/marker
      bare ./v1.2.0
      names
      grep -c '^unpruned' $store/base/releases/*/.sarma/marker | sed 's/.*://'
      bare ./v1.2.0 maintenance prune 2>&1
      bare ./v1.2.0 maintenance uninstall --yes >/dev/null 2>&1
      find $store/base/releases $store/base/runtimes -mindepth 1 2>/dev/null || true
    `);
    expect(stderr).toBe('');
    expect(stdout).toBe(
      '1.0.0\n1.1.0\n1.2.0\nnetworked-1.1.0-ID\nnetworked-1.2.0-ID\nnode-ID\n0\n0\n/mnt/1/base: removed 0 directories\n',
    );
  });
});
