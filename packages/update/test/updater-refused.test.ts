// Where an executable is not to be replaced, or cannot be.
import { execFileSync } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { lacks } from '../../../test/support/requirements.ts';
import { run, temporaryDirectory } from '../../../test/support/run.ts';
import { expectOld, type Installed, install, publishedHello } from './support/updater.ts';

const place = await publishedHello();

/** As nobody, who may read what a test has made. */
const NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] as const;

async function installedForAll(mode: number, name = 'bin'): Promise<Installed> {
  const root = await mkdtemp(path.join(tmpdir(), 'sarma-updater-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  await chmod(root, 0o755);
  const folder = path.join(root, name);
  const installed = await install(place, { folder, root });
  await chmod(folder, mode);
  return installed;
}

test.skipIf(lacks('root', 'setpriv'))(
  'who may not replace the file is told who may, before anything is fetched',
  async () => {
    const installed = await installedForAll(0o755, 'the programs');
    place.takeRequests();
    const { stderr, exitCode } = await installed.update(['--version', '0.9.0'], { under: NOBODY });
    expect({ stderr, exitCode }).toEqual({
      stderr: `${installed.file} cannot be replaced: you may not write there. Try it with \`sudo '${installed.file}' maintenance update --version 0.9.0\`.\n`,
      exitCode: 1,
    });
    expect(place.takeRequests().filter(({ path: asked }) => asked.endsWith('_linux-x64'))).toEqual([]);
    await expectOld(installed);
  },
);

test.skipIf(lacks('root', 'setpriv'))(
  'a file that is executed as its owner (setuid) becomes that of whoever replaces it, and is so no more',
  async () => {
    const { file, update } = await installedForAll(0o777);
    await chmod(file, 0o4755);
    expect((await update([], { under: NOBODY })).exitCode).toBe(0);
    const { mode, uid } = await stat(file);
    expect([mode & 0o7777, uid]).toEqual([0o755, 65534]);
  },
);

test.skipIf(lacks('root', 'setpriv'))(
  'in a directory like /tmp, only whoever owns the file replaces it',
  async () => {
    const installed = await installedForAll(0o1777);
    expect((await installed.update([], { under: NOBODY })).stderr).toContain(
      'belongs to another user, who alone can replace it',
    );
    await expectOld(installed);
    await chown(installed.file, 65534, 65534);
    expect((await installed.update([], { under: NOBODY })).exitCode).toBe(0);
  },
);

test.skipIf(lacks('root', 'strace'))('root is not told to become root', async () => {
  const installed = await install(place);
  const { stderr } = await run(
    'strace',
    [
      ...['-f', '-qq', '-o', '/dev/null', '-e', 'trace=rename', '-e', 'inject=rename:error=EPERM'],
      ...[...installed.command, 'update', '2', 'maintenance', 'update'],
    ],
    { env: { ...installed.env } },
  );
  expect(stderr).toMatch(/^\/.*hello cannot be written: EPERM: operation not permitted, rename/);
  await expectOld(installed);
});

/** Runs the updater with its folder in a mount of its own. */
async function updateOnMount({ file, folder, command }: Installed, mount: string) {
  const words = [...command, 'update', '2', 'maintenance', 'update'].map((word) => `'${word}'`).join(' ');
  const line = `cp '${file}' /mnt/hello.old && ${mount} && cd '${folder}' && { ${words}; echo "exit $?"; ls -A .; }`;
  return await run('unshare', ['-m', 'sh', '-c', `mount -t tmpfs tmpfs /mnt && ${line}`], {
    env: { SARMA_BIN: file },
  });
}

test.skipIf(lacks('mounts'))('on a read-only file system it says so', async () => {
  const installed = await install(place);
  const mount = `mount --bind '${installed.folder}' '${installed.folder}' && mount -o remount,ro,bind '${installed.folder}'`;
  const { stderr, stdout } = await updateOnMount(installed, mount);
  expect(stderr).toMatch(/cannot be written: EROFS: read-only file system/);
  expect(stdout).toBe('exit 1\nhello\n');
});

test.skipIf(lacks('mounts'))('a file that is mounted by itself is told so before it is fetched', async () => {
  const installed = await install(place, { folder: path.join(await temporaryDirectory(), 'the programs') });
  place.takeRequests();
  const { stderr, stdout } = await updateOnMount(
    installed,
    `mount --bind /mnt/hello.old '${installed.file}'`,
  );
  expect(stderr).toMatch(/the programs\/hello is mounted by itself, so no other file can take its name: /);
  expect(stdout).toBe('exit 1\nhello\n');
  expect(place.takeRequests().filter(({ path: asked }) => asked.endsWith('_linux-x64'))).toEqual([]);
});

test.skipIf(lacks('mounts', 'setcap'))(
  'root is told where nobody can tell whether the file has file capabilities',
  async () => {
    const installed = await install(place);
    const { stderr, stdout } = await updateOnMount(
      installed,
      'mount --bind /dev/null "$(command -v getcap)"',
    );
    expect(stderr).toMatch(
      /^Without getcap nobody .* give them to the new version again\.\n.* is hello 1\.1\.0 now/,
    );
    expect(stdout).toBe('exit 0\n.hello.previous\nhello\n');
    expect((await installed.rollback()).stderr).not.toContain('getcap');
  },
);

test.skipIf(lacks('mounts', 'setcap'))(
  'a file with file capabilities stays where the new one cannot be given them',
  async () => {
    const installed = await install(place);
    const { stderr, stdout } = await updateOnMount(
      installed,
      `setcap cap_chown+ep '${installed.file}' && mount --bind /dev/null "$(command -v setcap)"`,
    );
    expect(stderr).toMatch(
      /^The new version cannot be given the file capabilities of .*hello: spawn setcap EACCES\.\n$/,
    );
    expect(stdout).toBe('exit 1\nhello\n');
  },
);

test.skipIf(lacks('mounts'))('where there is no room it says so, and leaves nothing', async () => {
  const installed = await install(place);
  const mount = `mount -t tmpfs -o size=3m tmpfs '${installed.folder}' && cp -p /mnt/hello.old '${installed.file}'`;
  const { stderr, stdout } = await updateOnMount(installed, mount);
  expect(stderr).toMatch(/^The new version needs 2\.1 MB in .*, and 1\.0 MB are free there\.\n$/);
  expect(stdout).toBe('exit 1\nhello\n');
});

test.skipIf(lacks('strace')).each(['pwrite64', 'fsync'])(
  'where the disk is full or fails at %s, the old version stays and nothing is left',
  async (call) => {
    const installed = await install(place);
    const { stderr, exitCode } = await run(
      'strace',
      [
        ...['-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`, '-e', `inject=${call}:error=ENOSPC`],
        ...[...installed.command, 'update', '2', 'maintenance', 'update'],
      ],
      { env: { ...installed.env } },
    );
    expect({ stderr, exitCode }).toEqual({
      stderr: 'There is no room for the new version: make some where the program lies.\n',
      exitCode: 1,
    });
    await expectOld(installed);
  },
);

test.skipIf(lacks('root', 'dpkg-deb'))(
  'a file of a package is left to the package manager, which is named',
  async () => {
    const root = await temporaryDirectory();
    const installed = await install(place, { folder: path.join(root, 'opt/sarma-test-hello') });
    await mkdir(path.join(root, 'DEBIAN'));
    await writeFile(
      path.join(root, 'DEBIAN/control'),
      'Package: sarma-test-hello\nVersion: 1.0.0\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\nDescription: none\n',
    );
    const archive = path.join(await temporaryDirectory(), 'hello.deb');
    execFileSync('dpkg-deb', ['--build', root, archive]);
    execFileSync('dpkg', ['-i', archive]);
    try {
      const { stderr, exitCode } = await installed.update([], {
        env: { SARMA_BIN: '/opt/sarma-test-hello/hello' },
      });
      expect({ stderr, exitCode }).toEqual({
        stderr:
          '/opt/sarma-test-hello/hello belongs to a package (dpkg: sarma-test-hello: /opt/sarma-test-hello/hello): update that.\n',
        exitCode: 1,
      });
    } finally {
      execFileSync('dpkg', ['-P', 'sarma-test-hello']);
    }
  },
);

test.each([
  ['Cellar/hello/1.0.0/bin', 'Homebrew, which updates it: `brew upgrade hello`'],
  ['Caskroom/hello/1.0.0', 'Homebrew, which updates it: `brew upgrade hello`'],
  ['scoop/apps/hello/1.0.0', 'Scoop, which updates it: `scoop update hello`'],
  [
    'Microsoft/WinGet/Packages/Us.Hello_Microsoft.Winget.Source_8wekyb',
    'WinGet, which updates it: `winget upgrade Us.Hello`',
  ],
  ['chocolatey/lib/hello/tools', 'Chocolatey, which updates it: `choco upgrade hello`'],
  [
    'lib/node_modules/@us/hello/node_modules/@us/hello-linux-x64/bin',
    'npm, which updates it: `npm update -g @us/hello`',
  ],
  [
    'node_modules/.pnpm/hello-linux-x64@1.0.0/node_modules/hello-linux-x64',
    'npm, which updates it: `npm update`',
  ],
  ['.local/share/mise/installs/hello/1.0.0', 'mise, which updates it: `mise upgrade hello`'],
])('what lies in …/%s is left to whoever has put it there, also through a link', async (where, message) => {
  const folder = path.join(await temporaryDirectory(), where);
  const installed = await install(place, { folder });
  const linked = path.join(await temporaryDirectory(), 'hello');
  await symlink(installed.file, linked);
  expect(await installed.update([], { env: { SARMA_BIN: linked } })).toMatchObject({
    stderr: `${installed.file} belongs to ${message}.\n`,
    exitCode: 1,
  });
  expect(await installed.update(['--check'])).toMatchObject({
    stdout: expect.stringContaining(`this is 1.0.0. ${installed.file} belongs to ${message}.\n`),
    exitCode: 10,
  });
  await expectOld(installed);
});
