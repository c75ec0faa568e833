// What is upgraded to lies beside what runs (docs/release.md, "Versions").
import { existsSync } from 'node:fs';
import {
  chmod,
  copyFile,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
} from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';
import type { BootFile } from '../packages/boot/src/boot-file.ts';
import { readEnvironment } from '../packages/boot/src/environment.ts';
import { makePermanent } from '../packages/boot/src/versions/permanent.ts';
import { lacks } from './support/requirements.ts';
import { temporaryDirectory } from './support/run.ts';
import {
  type BuiltVersion,
  changed,
  directoryRelease,
  executableRelease,
  refused,
  twoVersions,
} from './support/service-versions.ts';
import { ask, type Installed, say, startNode, withEnv } from './support/services.ts';

let first: BuiltVersion;
let second: BuiltVersion;

beforeAll(async () => {
  ({ first, second } = await twoVersions());
});

const chosen = (one: Installed, version: string) => withEnv(one, { RELEASE_VSN: version });

describe('of a directory release', () => {
  test.for(['archive', 'directory'] as const)(
    'the %s of another version lies beside it, whole',
    async (form) => {
      const one = await directoryRelease(first);
      expect(await say(one, 'unpack', second[form])).toBe('tick 0.2.0 is there.');
      expect(await say(one, 'version')).toBe('tick 0.1.0');
      expect(await say(chosen(one, '0.2.0'), 'version')).toBe('tick 0.2.0');
      expect(await say(one, 'versions')).toMatch(/^0\.1\.0 +\d+ MB {2}permanent\n0\.2\.0 +\d+ MB$/);
      const { paths } = JSON.parse(await say(chosen(one, '0.2.0'), 'describe', '--json'));
      expect(paths).toMatchObject({ root: path.join(one.root, 'versions/0.2.0'), state: one.state });
      expect(await readdir(path.join(one.root, 'versions'))).toEqual(['0.2.0']);
    },
  );

  test('the same Node lies there once', async () => {
    const one = await directoryRelease(first);
    await say(one, 'unpack', second.archive);
    const node = `runtime-${process.versions.node}/bin/node`;
    const files = [one.root, path.join(one.root, 'versions/0.2.0')].map((root) =>
      stat(path.join(root, node)),
    );
    const [ours, theirs] = await Promise.all(files);
    expect(theirs!.ino).toBe(ours!.ino);
  });

  test('the same version twice is there once; with other content it is refused', async () => {
    const one = await directoryRelease(first);
    await say(one, 'unpack', second.archive);
    expect(await say(one, 'unpack', second.directory)).toBe('tick 0.2.0 is there.');
    const other = await changed(second, 'releases/0.2.0/boot.cjs', (code) => `${code}\n`);
    expect(await refused(one, 'unpack', other)).toContain(
      'Version 0.2.0 is there already, and is not the same',
    );
    expect(await say(chosen(one, '0.2.0'), 'version')).toBe('tick 0.2.0');
  });

  test('without a node there is nothing to upgrade, and what to do instead is said', async () => {
    const one = await directoryRelease(first);
    expect(await refused(one, 'upgrade', second.archive)).toMatch(
      /tick is not running \(as far as \S+ knows\)\. Without it there is nothing to hand over: put the other version there by `\S+\/bin\/tick unpack PATH`, and start that with RELEASE_VSN=VERSION/,
    );
    expect(await refused(await executableRelease(first), 'downgrade')).toContain(
      'start the executable of the other version instead.',
    );
  });

  test('a child of a later version that calls the program of the first is no child of another release', async () => {
    const one = await directoryRelease(first);
    await say(one, 'unpack', second.archive);
    const child = withEnv(one, {
      RELEASE_ROOT: path.join(one.root, 'versions/0.2.0'),
      RELEASE_VSN: '0.2.0',
      RELEASE_NODE: 'other',
    });
    expect(JSON.parse(await say(child, 'describe', '--json'))).toMatchObject({
      version: '0.2.0',
      node: 'other',
    });
  });

  test('one that becomes permanent is what a start starts, and the way back is known', async () => {
    const one = await directoryRelease(first);
    await say(one, 'unpack', second.archive);
    const root = path.join(one.root, 'versions/0.2.0');
    await becomePermanent(one, '0.2.0', { root });
    expect(await say(one, 'version')).toBe('tick 0.2.0');
    expect(JSON.parse(await readFile(path.join(one.root, 'releases/start.json'), 'utf8'))).toMatchObject({
      version: '0.2.0',
      before: ['0.1.0'],
    });
    expect(await refused(one, 'remove', '0.2.0')).toContain('it is permanent');
    expect(await say(one, 'remove', '0.1.0')).toBe('tick 0.1.0 is removed.');
    expect((await readdir(one.root)).sort()).toEqual(['bin', 'package.json', 'releases', 'versions']);
    const node = await startNode(one);
    expect(node.printed()).toContain('started 0.2.0');
    await becomePermanent(one, '0.2.0', { root });
  });

  test('remove takes what no other version needs, and never what runs or is permanent', async () => {
    const one = await directoryRelease(first);
    await say(one, 'unpack', second.archive);
    expect(await refused(one, 'remove', '0.1.0')).toContain('it is permanent');
    expect(await refused(one, 'remove', '9')).toContain('9 is not there. Those that are: 0.1.0, 0.2.0.');
    const node = await startNode(chosen(one, '0.2.0'));
    expect(await refused(one, 'remove', '0.2.0')).toMatch(/0\.2\.0 stays: tick runs it \(PID \d+\)/);
    expect(await say(one, 'versions')).toMatch(/^0\.2\.0 +\d+ MB {2}provisional, tick runs \(PID \d+\)$/m);
    await node.kill();
    expect(await say(one, 'remove', '0.2.0')).toBe('tick 0.2.0 is removed.');
    expect(await readdir(path.join(one.root, 'versions'))).toEqual([]);
    expect(await say(one, 'version')).toBe('tick 0.1.0');
  });

  test('remove --old leaves what runs, what is permanent, and what was so before', async () => {
    const one = await directoryRelease(first);
    await say(one, 'unpack', second.archive);
    expect(await say(one, 'remove', '--old')).toBe('tick 0.2.0 is removed.');
    await say(one, 'unpack', second.archive);
    await becomePermanent(one, '0.2.0', { root: path.join(one.root, 'versions/0.2.0') });
    expect(await say(one, 'remove', '--old')).toBe('There is no old version.');
    const { stdout, stderr } = await ask(one, ['remove', '0.1.0', '0.2.0']);
    expect(stdout).toBe('tick 0.1.0 is removed.\n');
    expect(stderr).toContain('0.2.0 stays: it is permanent');
  });

  test('a torn, foreign or wrong archive is refused in a sentence, and nothing is left of it', async () => {
    const one = await directoryRelease(first);
    const folder = await temporaryDirectory();
    const torn = path.join(folder, 'torn.tar.gz');
    await copyFile(second.archive, torn);
    await truncate(torn, 5_000_000);
    const foreign = path.join(folder, 'foreign.tar.gz');
    await execa('tar', ['-czf', foreign, '-C', import.meta.dirname, 'support']);
    const renamed = (json: Buffer) => JSON.stringify({ ...JSON.parse(json.toString()), name: 'tock' });
    const other = await changed(second, 'releases/0.2.0/release.json', renamed);
    for (const [file, sentence] of [
      [torn, 'is damaged or no release'],
      [foreign, 'is no release to upgrade to: it has no releases/start.json'],
      [other, 'is the release tock, and this is tick.'],
      [second.executable, `is upgraded to by a .tar.gz, or an assembled directory of the new version.`],
      [
        path.join(folder, 'none'),
        'is neither a file, nor a directory, nor one of the versions that are there: 0.1.0.',
      ],
    ] as const)
      expect(await refused(one, 'unpack', file)).toContain(sentence);
    expect(await readdir(path.join(one.root, 'versions'))).toEqual([]);
  });

  test('a release for another system is refused', async () => {
    const one = await directoryRelease(first);
    // e_machine of the ELF header: s390x.
    const other = await changed(second, `runtime-${process.versions.node}/bin/node`, (node) =>
      Buffer.concat([node.subarray(0, 18), Buffer.from([22, 0]), node.subarray(20)]),
    );
    expect(await refused(one, 'unpack', other)).toMatch(
      /is for linux-s390x, and this is linux-\S+\. Get the one for linux-/,
    );
  });

  test('one that does not run here is refused before it is there', async () => {
    const one = await directoryRelease(first);
    const broken = await changed(second, 'releases/0.2.0/boot.cjs', (code) => `${code}\n)`);
    expect(await refused(one, 'unpack', broken)).toContain('does not run here');
    expect(await readdir(path.join(one.root, 'versions'))).toEqual([]);
  });

  test.skipIf(lacks('mounts'))('without room it says so, and nothing is left', async () => {
    const one = await directoryRelease(first);
    const script = `mount -t tmpfs -o size=20m tmpfs "$1" && "$2" unpack "$3"; ls -A "$1"`;
    const versions = path.join(one.root, 'versions');
    await mkdir(versions);
    const { stdout, stderr } = await execa(
      'unshare',
      ['-m', 'sh', '-c', script, 'sh', versions, one.command, second.archive],
      { env: one.env, reject: false },
    );
    expect(stderr).toMatch(/There is no room for another version in \S+ \(\d+ MB are free\)\./);
    expect(stdout).toBe('');
  });

  test.skipIf(lacks('root', 'setpriv'))('who may not write there is told so', async () => {
    const one = await directoryRelease(first);
    await chmod(one.root, 0o555);
    // Root, but without the right to write where its files do not let it.
    const caps = '-dac_override,-dac_read_search';
    const args = [`--bounding-set=${caps}`, `--inh-caps=${caps}`, one.command, 'unpack', second.archive];
    const { stderr } = await execa('setpriv', args, { env: one.env, reject: false });
    expect(stderr).toMatch(
      /EACCES.*New versions lie in \S+\/versions: run this as a user who may write there\./,
    );
  });

  test('others may look into it, whatever the umask of who puts it there', async () => {
    const one = await directoryRelease(first);
    const { exitCode, stderr } = await execa(
      'sh',
      ['-c', 'umask 077; exec "$0" "$@"', one.command, 'unpack', second.archive],
      { env: one.env, reject: false },
    );
    expect(exitCode, stderr).toBe(0);
    const closed = ['-type', 'd', '-not', '-perm', '755', '-o', '-not', '-perm', '-444'];
    expect((await execa('find', [path.join(one.root, 'versions'), ...closed])).stdout).toBe('');
  });

  test('what a killed unpack had begun is seen by nobody, and goes with the next', async () => {
    const one = await directoryRelease(first);
    const versions = path.join(one.root, 'versions');
    const child = execa(one.command, ['unpack', second.archive], { env: one.env, reject: false });
    while (!existsSync(versions) || (await readdir(versions)).length === 0) await pause(5);
    child.kill('SIGKILL');
    await child;
    expect(await say(one, 'versions')).toMatch(/^0\.1\.0 .*permanent$/);
    await say(one, 'unpack', second.archive);
    expect(await readdir(versions)).toEqual(['0.2.0']);
  });
});

test.each([
  ['a directory', directoryRelease, 'archive'],
  ['an executable', executableRelease, 'executable'],
] as const)(
  'the same version of %s put there by two at the same moment is there once',
  async (_form, release, what) => {
    const one = await release(first);
    const both = await Promise.all([1, 2].map(() => ask(one, ['unpack', second[what]])));
    for (const { stdout, stderr } of both) expect([stdout, stderr]).toEqual(['tick 0.2.0 is there.\n', '']);
    expect(await say(one, 'versions')).toMatch(/^0\.1\.0 +\d+ MB {2}permanent\n0\.2\.0 +\d+ MB$/);
  },
);

/** What a version that has taken over does. */
async function becomePermanent(
  { env }: Installed,
  version: string,
  { root, executable }: { readonly root: string; readonly executable?: string },
): Promise<void> {
  const boot = JSON.parse(
    await readFile(path.join(root, `releases/${version}/boot.json`), 'utf8'),
  ) as BootFile;
  const environment = readEnvironment(root, boot, ['start'], { ...env, SARMA_BIN: executable });
  await makePermanent(boot, environment, { from: { version: '', executable: undefined } });
}

describe('of an executable', () => {
  test('one that becomes permanent takes the place of the file, of which a copy stays', async () => {
    const one = await executableRelease(first);
    await say(one, 'unpack', second.executable);
    const executable = path.join(one.state, 'versions/0.2.0/tick');
    const copy = { ...one, command: executable };
    const root = await say(withEnv(copy, { SARMA_MAINTENANCE: 'directory' }));
    const asked = await say(copy, 'versions');
    expect(asked).toMatch(/^0\.1\.0 +\d+ MB {2}permanent\n0\.2\.0 +\d+ MB$/);
    await becomePermanent(one, '0.2.0', { root, executable });
    expect(await say(one, 'version')).toBe('tick 0.2.0');
    expect(await say(one, 'versions')).toMatch(/^0\.2\.0 +\d+ MB {2}permanent\n0\.1\.0 +\d+ MB$/);
    expect(
      (await readFile(path.join(one.state, 'versions/0.1.0/tick'))).equals(await readFile(first.executable)),
    ).toBe(true);
    expect((await stat(one.program)).mode & 0o777).toBe(0o755);
    expect(await readdir(path.dirname(one.program))).toEqual(['tick']);
  });

  test('what takes the place of the file is for the same users, and a link to it stays one', async () => {
    const one = await executableRelease(first);
    await chmod(one.program, 0o750);
    const link = `${one.program}-link`;
    await symlink('tick', link);
    await say(one, 'unpack', second.executable);
    const copy = { ...one, command: path.join(one.state, 'versions/0.2.0/tick') };
    const root = await say(withEnv(copy, { SARMA_MAINTENANCE: 'directory' }));
    await becomePermanent(one, '0.2.0', { root, executable: link });
    expect(await say(one, 'version')).toBe('tick 0.2.0');
    expect((await stat(one.program)).mode & 0o777).toBe(0o750);
    expect((await lstat(link)).isSymbolicLink()).toBe(true);
  });

  test('the executable of another version has a copy in the state directory', async () => {
    const one = await executableRelease(first);
    // As before the first start, which makes it.
    await rm(one.state, { recursive: true });
    expect(await say(one, 'unpack', '0.1.0')).toBe('tick 0.1.0 is there.');
    expect((await stat(one.state)).mode & 0o777).toBe(0o700);
    expect(await say(one, 'unpack', second.executable)).toBe('tick 0.2.0 is there.');
    expect(await say(one, 'version')).toBe('tick 0.1.0');
    const copy = path.join(one.state, 'versions/0.2.0/tick');
    expect((await readFile(copy)).equals(await readFile(second.executable))).toBe(true);
    expect(await say(one, 'versions')).toMatch(/^0\.1\.0 +\d+ MB {2}permanent\n0\.2\.0 +\d+ MB$/);
    expect(await say(one, 'remove', '0.2.0')).toBe('tick 0.2.0 is removed.');
    expect(await readdir(path.join(one.state, 'versions'))).toEqual(['start.json']);
  });

  test('one with a flipped bit in its payload, another program and no program are refused', async () => {
    const one = await executableRelease(first);
    const folder = await temporaryDirectory();
    const damaged = path.join(folder, 'damaged');
    await copyFile(second.executable, damaged);
    const handle = await open(damaged, 'r+');
    const { size } = await handle.stat();
    const byte = Buffer.alloc(1);
    await handle.read(byte, 0, 1, Math.floor(size / 2));
    await handle.write(Buffer.from([byte[0]! ^ 1]), 0, 1, Math.floor(size / 2));
    await handle.close();
    for (const [file, sentence] of [
      [damaged, 'is damaged: its bytes are not those that were written.'],
      [process.execPath, 'is neither a .tar.gz, nor a directory, nor an executable that Sarma made'],
      [second.archive, 'is upgraded to by an executable of the new version.'],
    ] as const)
      expect(await refused(one, 'unpack', file)).toContain(sentence);
    expect(await readdir(path.join(one.state, 'versions'))).toEqual([]);
    await rm(folder, { recursive: true });
  });
});
