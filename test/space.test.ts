// A disk that is full, a quota that is used up, and other limits (promise P11): it is said what is needed and what there
// is, nothing is left, and the next run with room works. space.long.test.ts has every single call.
import { beforeAll, describe, expect, test } from 'vitest';
import { makeProgram } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { type Transcript, wrapProgram } from './support/run.ts';
import { type SealedMachine, sealedMachine } from './support/sealed.ts';
import { onOneCore } from './support/surroundings.ts';

const NO_SPACE = 'no space left on the device, or the quota is used up';
const BYTES = String.raw`\d+ bytes are needed, \d+ are available to this user`;

/** There is no other place to unpack into, and the one there is has its base in /mnt/disk. */
const PRELUDE = () => `
  for place in /tmp /var/tmp /dev/shm /root; do mount -o remount,ro "$place"; done
  mkdir disk
  export SARMA_CACHE_DIR=/mnt/disk/base
  # A run that is stopped at a call, and goes on when it is told to.
  stopped_at() {
    ${onOneCore().join(' ')} strace -f -qq -o /mnt/trace -e trace="$1" -e inject="$1:signal=STOP:when=$2" ./app &
    strace=$!
    stopped=
    trap 'kill -KILL $strace $stopped 2>/dev/null' EXIT
    # A signal alone would end this shell without its trap.
    trap 'exit 143' TERM
    until grep -q 'stopped by SIGSTOP' /mnt/trace 2>/dev/null; do
      kill -0 "$strace"
      sleep 0.01
    done
    stopped=$(sed -n 's/^\\([0-9]*\\) .*stopped by SIGSTOP.*/\\1/p' /mnt/trace)
  }
  goes_on() {
    trap - EXIT
    kill -CONT "$stopped"
    wait "$strace"
  }
`;

let machine: SealedMachine;

beforeAll(async () => {
  const program = await makeProgram(
    { name: 'space', bin: 'main.js' },
    { 'main.js': `console.log('whole');`, 'data/text.txt': 'text' },
  );
  machine = await sealedMachine(await wrapProgram(program));
});

/**
 * `lines` run the program where there is no room, with `code` for its exit status; then `relief` makes room. Returns what the
 * first run printed on stderr.
 */
async function fails(lines: string, relief: string): Promise<string> {
  const left = 'find disk -type f -o -name "*.tmp" | grep -v "^disk/ballast$" || true';
  const script = `${PRELUDE()}
    code=0
    ${lines}
    echo "code $code"
    ${left}
    ${relief}
    ./app
    ls disk/base/releases disk/base/runtimes | grep -c '^space-1\\|^node-'
    find disk -name '*.tmp' -o -name '*.new'
    cd /
    umount /mnt/disk 2>/dev/null || true
  `;
  const { stdout, stderr, exitCode }: Transcript = await machine.shell(script);
  expect({ stdout, exitCode, stderr }).toEqual({ stdout: 'code 125\nwhole\n2\n', exitCode: 0, stderr });
  return stderr;
}

describe.skipIf(lacks('mounts'))('with too little room, all is said that helps, and nothing is left:', () => {
  test('a disk of 20 MB, which nothing is written to', async () => {
    const said = await fails(
      'mount -t tmpfs -o size=20m,mode=755 tmpfs disk; SARMA_CACHE_DIR=$SARMA_CACHE_DIR/of/mine ./app || code=$?; find disk -mindepth 1 >&2',
      'mount -o remount,size=300m disk',
    );
    expect(said).toMatch(
      /\n {2}\/mnt\/disk\/base\/of\/mine: no room: 1\d{8} bytes are needed, 2\d{7} are available to this user\n/,
    );
    expect(said).not.toMatch(/^disk\//m);
    expect(said).toMatch(
      /\nmake room in one of them, or set SPACE_INSTALL_DIR to .* has room for 1\d{8} bytes\n/,
    );
  });

  test('a limit of memory (`ulimit -d`), which nothing is left of', async () => {
    const { stdout, stderr } = await machine.shell(`${PRELUDE()}
      (ulimit -d 300; ./app) || echo "code $?"
      find disk -mindepth 1
    `);
    expect(stderr).toMatch(/^space: out of memory: raise what limits it/);
    expect(stdout).toBe('code 125\n');
  });

  test.skipIf(lacks('strace'))('a disk that somebody else fills meanwhile', async () => {
    const said = await fails(
      `mount -t tmpfs -o size=200m,mode=755 tmpfs disk
      stopped_at mkdirat 3
      fallocate -l 150m disk/ballast
      goes_on || code=$?`,
      'rm disk/ballast',
    );
    expect(said).toMatch(
      new RegExp(
        `cannot write /mnt/disk/base/runtimes/node-.*\\.tmp/bin/node: ${NO_SPACE}; 1\\d{8} ${BYTES.slice(4)}`,
      ),
    );
  });

  test.each([5, 9, 12, 16, 20])('a disk with room for %d files only', async (files) => {
    const said = await fails(
      `mount -t tmpfs -o size=300m,nr_inodes=${files},mode=755 tmpfs disk; ./app || code=$?`,
      'mount -o remount,nr_inodes=1000 disk',
    );
    expect(said).toMatch(new RegExp(`cannot \\w+ /mnt/disk/base.*: ${NO_SPACE}; ${BYTES}\n`));
  });

  test.skipIf(lacks('loops', 'mkfs.btrfs'))('a quota', async () => {
    const said = await fails(
      `truncate -s 500M image
      mkfs.btrfs -q image >/dev/null 2>&1
      mkdir volume
      mount -o loop image volume
      btrfs quota enable volume
      btrfs -q subvolume create volume/user
      btrfs qgroup limit 20M volume/user
      mount --bind volume/user disk
      ./app || code=$?`,
      'btrfs qgroup limit none volume/user',
    );
    expect(said).toMatch(new RegExp(`cannot write /mnt/disk/base/.*: ${NO_SPACE}; ${BYTES}\n`));
  });

  test('`ulimit -f`', async () => {
    const said = await fails(`(ulimit -f 20000; ./app) || code=$?`, 'true');
    expect(said).toContain('/bin/node: larger than files may be here (`ulimit -f`)\n');
  });

  test('`ulimit -v`', async () => {
    const said = await fails(`(ulimit -v 20000; ./app) || code=$?`, 'true');
    expect(said).toMatch(/: not enough memory to unpack frame \d of \d, which is \d+ bytes long\n/);
  });

  test.skipIf(lacks('loops', 'mkfs.ext4', 'strace'))(
    'a disk that fails, and is read-only from then on',
    async () => {
      const { stdout, stderr } = await machine.shell(`${PRELUDE()}
      truncate -s 300M image
      mkfs.ext4 -q image
      mount -o loop image disk
      stopped_at pwrite64 50
      mount -o remount,abort disk
      goes_on || echo "code $?"
      umount disk
      mount -o loop image disk
      ls disk/base/releases disk/base/runtimes | grep -v '\\.tmp$\\|^$\\|:$' || true
      ./app
      find disk -name '*.tmp' -o -name '*.new'
      cd /
      umount /mnt/disk
    `);
      expect(stderr).toMatch(
        /: cannot write \/mnt\/disk\/base\/.*: (the file system is read-only|input\/output error)\n/,
      );
      expect(stdout).toBe('code 125\nwhole\n');
    },
  );
});
