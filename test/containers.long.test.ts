// Two containers with the same user on one volume: neither sees the other's processes, both see the other's locks.
import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { makeProgram } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { run, temporaryDirectory, wrapProgram } from './support/run.ts';

/** Has the executables v1 to v4. */
let directory: string;

beforeAll(async () => {
  directory = await temporaryDirectory();
  for (const version of [1, 2, 3, 4]) {
    const program = await makeProgram(
      { name: 'contained', version: `${version}.0.0`, bin: 'main.js' },
      {
        'main.js': `
          console.log('version ${version}, process', process.pid);
          if (process.argv[2] === 'wait') process.stdin.once('data', () => {
            console.log(require('./late.js'));
            process.exit();
          });
        `,
        'late.js': `module.exports = 'version ${version} to the end';`,
      },
    );
    await copyFile(await wrapProgram(program), path.join(directory, `v${version}`));
  }
});

/** `contained COMMAND …`: with processes, mounts and users of its own, its root being whoever started it. */
async function shell(lines: string) {
  const place = await temporaryDirectory();
  const prelude = `
    set -eu
    cd "$1"
    mkdir volume
    contained() {
      unshare --user --map-root-user --pid --fork --kill-child --mount --mount-proc \
        env SARMA_CACHE_DIR="$PWD/volume" "$@"
    }
  `;
  return await run('sh', ['-c', prelude + lines, 'sh', place], { env: { V: directory } });
}

describe.skipIf(lacks('userNamespaces', 'pidNamespaces', 'mounts'))('two containers with one volume', () => {
  test('start for the first time at once: both run, from one install', async () => {
    const { stdout, stderr, exitCode } = await shell(`
      contained "$V/v1" >one & one=$!
      contained "$V/v1" >two & two=$!
      wait $one; wait $two
      cat one two
      ls volume/releases volume/runtimes | grep -c '^contained-1\\.0\\.0-[0-9a-f]*$\\|^node-'
      ls volume/releases volume/runtimes | grep -c tmp || true
    `);
    expect({ stdout, stderr, exitCode }).toEqual({
      stdout: 'version 1, process 1\nversion 1, process 1\n2\n0\n',
      stderr: '',
      exitCode: 0,
    });
  });

  test('an upgrade in one leaves what runs in the other whole, and removes it once that has ended', async () => {
    const { stdout, stderr, exitCode } = await shell(`
      mkfifo input
      contained "$V/v1" wait <input >output & program=$!
      exec 9>input
      while [ ! -s output ]; do sleep 0.05; done
      for version in 2 3; do contained "$V/v$version"; done
      ls volume/releases | sed 's/-[0-9a-f]*$//'
      echo go >&9
      wait $program
      cat output
      contained "$V/v4"
      ls volume/releases | sed 's/-[0-9a-f]*$//'
    `);
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
    expect(stdout.split('\n')).toEqual([
      ...['version 2, process 1', 'version 3, process 1'],
      ...['contained-1.0.0', 'contained-2.0.0', 'contained-3.0.0'],
      ...['version 1, process 1', 'version 1 to the end', 'version 4, process 1'],
      ...['contained-3.0.0', 'contained-4.0.0', ''],
    ]);
  });

  test('uninstall in one is refused while the other runs', async () => {
    const { stdout, stderr } = await shell(`
      mkfifo input
      contained "$V/v1" wait <input >output & program=$!
      exec 9>input
      while [ ! -s output ]; do sleep 0.05; done
      contained "$V/v2" maintenance uninstall --yes || echo "exit code $?"
      echo go >&9
      wait $program
      cat output
    `);
    expect(stdout).toBe('exit code 125\nversion 1, process 1\nversion 1 to the end\n');
    expect(stderr).toMatch(/^contained: it is running from .*contained-1\.0\.0-[0-9a-f]*; stop it first\n$/);
  });
});
