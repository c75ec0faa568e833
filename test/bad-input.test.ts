// Bad input gets a sentence and loses nothing: exit code, message, and a project that is afterwards what it was before.
import { chmod, mkdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { listing } from './support/installs.ts';
import { writeFiles } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { type RunOptions, temporaryDirectory, wrapCommand } from './support/run.ts';
import type { Surroundings } from './support/surroundings.ts';

const quickly = ['--runtime', process.execPath, '--compression', 'fast'];

/** What Sarma takes for an executable that it made: a stub's stamp (docs/format.md). */
const older = Buffer.alloc(8192);
older.write('\x89SARMA-STAMP\r\n\x1a\n', 4096, 'latin1');
older.writeUInt32LE(1, 4112);

/** A project that can be wrapped, and was once: its outputs must survive what fails later. */
let project: string;

beforeEach(async () => {
  // With nothing of others beside it.
  project = path.join(await temporaryDirectory(), 'project');
  await writeFiles(project, {
    'package.json': JSON.stringify({ name: 'kept', version: '1.0.0', bin: 'main.js' }),
    'main.js': 'console.log("hello")',
  });
  await mkdir(path.join(project, 'burrito_out'));
  for (const name of ['kept_linux-x64', 'kept_win-x64.exe']) {
    await writeFile(path.join(project, 'burrito_out', name), older);
  }
});

const manifest = async (fields: object) =>
  await writeFiles(project, {
    'package.json': JSON.stringify({ name: 'kept', version: '1.0.0', ...fields }),
  });

interface Failure extends RunOptions {
  readonly args?: readonly string[];
  readonly exitCode?: number;
  readonly says: RegExp;
}

/** What a build may leave though it failed: its first results, the assembled release and what was locked for it. */
const RESULTS = /^(_build|sarma\.lock\.json)/;

async function fails({ args = quickly, exitCode = 1, says, ...options }: Failure) {
  const before = await projectFiles();
  const result = await wrapCommand(args, { cwd: project, ...options });
  expect(result.stderr).toMatch(says);
  expect(result.stderr).not.toMatch(/fault in Sarma|^ {4}at /m);
  expect({ exitCode: result.exitCode, signal: result.signal }).toEqual({ exitCode, signal: undefined });
  expect(await projectFiles()).toEqual(before);
  return result.stdout;
}

/** With sizes and times for files; directories have another time when something came and went in them. */
async function projectFiles() {
  const entries = Object.entries(await listing(project)).filter(([name]) => !RESULTS.test(name));
  return entries.map(([name, line]) => (line.startsWith('4') ? name : `${name} ${line}`));
}

describe('a project', () => {
  test('without package.json', async () => {
    await rename(path.join(project, 'package.json'), path.join(project, 'other.json'));
    await fails({ says: /^error: There is no package\.json in .*wrap cli\.ts/ });
  });

  test('that does not exist', async () => {
    await fails({ args: ['no/such/folder', ...quickly], says: /^error: .*no\/such\/folder/ });
  });

  test('whose package.json is broken', async () => {
    await writeFile(path.join(project, 'package.json'), '{\n "name": "kept",\n oops\n}');
    await fails({ says: /^error: .*package\.json:3 / });
  });

  test('whose entry does not exist', async () => {
    await manifest({ bin: 'dist/cli.js', scripts: { build: 'tsc' } });
    await fails({ says: /^error: bin .*dist\/cli\.js.*npm run build/ });
    await fails({ args: ['--entry', 'nothing.js', ...quickly], says: /^error: --entry says nothing\.js/ });
  });

  test('whose entry is a folder', async () => {
    await mkdir(path.join(project, 'folder'));
    await fails({ args: ['--entry', 'folder', ...quickly], says: /^error: .*folder/ });
  });

  test('without the node_modules that it depends on', async () => {
    await manifest({ bin: 'main.js', dependencies: { 'left-pad': '^1.0.0' } });
    await fails({ says: /^error: left-pad is not installed, .* Run: npm install$/m });
  });

  test('with a native package whose install script was blocked', async () => {
    await manifest({ bin: 'main.js', dependencies: { native: '^1.0.0' } });
    await writeFiles(project, {
      'node_modules/native/package.json': JSON.stringify({
        name: 'native',
        version: '1.0.0',
        scripts: { install: 'node-gyp rebuild' },
      }),
      'node_modules/native/binding.gyp': '{}',
      'node_modules/native/index.js': '',
    });
    await fails({
      says: /^warning: native@1.0.0 .* Run: npm .*\nerror: linux-x64: .*\n {2}native@1.0.0: .*install script did not run/,
    });
  });

  test('with a program whose name leads out of the folder is built inside of it', async () => {
    await manifest({ bin: { '../../escape': 'main.js' } });
    await wrapCommand(['-t', 'linux-x64', ...quickly], { cwd: project });
    const outputs = Object.keys(await listing(path.dirname(project))).filter((name) =>
      name.includes('escape'),
    );
    for (const name of outputs)
      expect(name).toMatch(new RegExp(`^${path.basename(project)}/(_build|burrito_out)/`));
    expect(outputs.filter((name) => name.endsWith('burrito_out/escape_linux-x64'))).toHaveLength(1);
  });

  test('with a version that is no folder name', async () => {
    await fails({ args: ['--release-version', '../../1', ...quickly], says: /^error: .*\.\.\/\.\.\/1/ });
  });

  test('with names that the target cannot tell apart', async () => {
    await writeFiles(project, { 'Readme.txt': 'a', 'README.txt': 'b' });
    await fails({
      args: ['-t', 'win-x64', '--runtime', '22', '--compression', 'fast'],
      says: /README\.txt.*Readme\.txt|Readme\.txt.*README\.txt/,
    });
  });

  test('with a link that leads to itself', async () => {
    await symlink('circle', path.join(project, 'circle'));
    const { exitCode, stderr } = await wrapCommand([...quickly, '-q'], { cwd: project });
    expect(stderr).toMatch(/^error: .*\/circle/);
    expect(stderr).not.toMatch(/fault in Sarma|^ {4}at /m);
    expect(exitCode).toBe(1);
  });
});

describe('a target', () => {
  test('that does not exist, with the nearest', async () => {
    await fails({
      args: ['-t', 'linux-x46'],
      exitCode: 2,
      says: /^error: Unknown target "linux-x46"\. Did you mean linux-x64\?/,
    });
  });

  test('for which no such Node is built', async () => {
    await fails({ args: ['-t', 'win-x86', '--runtime', '24'], says: /win-x86.*22/ });
  });
});

describe('a runtime', () => {
  test('whose range nothing satisfies, with what there is', async () => {
    await fails({ args: ['--runtime', '^99'], says: /99.*\b24\.\d+\.\d+/s });
  });

  test('that is not there', async () => {
    await fails({ args: ['--runtime', './no-node'], says: /no-node/ });
  });

  test('that is no Node', async () => {
    await fails({ args: ['--runtime', './main.js'], says: /main\.js/ });
  });

  test('that is for another system', async () => {
    await fails({ args: ['-t', 'win-x64', '--runtime', process.execPath], says: /win-x64/ });
  });

  test('that is not the one that was locked', async () => {
    const first = await wrapCommand(['--runtime', '24', '--compression', 'fast', '-o', 'first/'], {
      cwd: project,
    });
    expect(first.exitCode).toBe(0);
    const lock = path.join(project, 'sarma.lock.json');
    const text = await readFile(lock, 'utf8');
    await writeFile(lock, text.replace(/"sha256": "[0-9a-f]{8}/, '"sha256": "00000000'));
    await fails({
      args: ['--runtime', '24', '--compression', 'fast'],
      env: { SARMA_BUILD_CACHE: await temporaryDirectory() },
      says: /sha256|SHA-256|is not what it should be/i,
    });
  });

  test('whose lock file is broken', async () => {
    await writeFile(path.join(project, 'sarma.lock.json'), '{ "runtime": ');
    await fails({ says: /sarma\.lock\.json/ });
  });

  test('without a network, and with nothing in the cache', async () => {
    const nowhere = 'http://127.0.0.1:9';
    const env = {
      ...{ SARMA_BUILD_CACHE: await temporaryDirectory(), NODEJS_ORG_MIRROR: nowhere },
      ...{ npm_config_registry: nowhere, NPM_CONFIG_REGISTRY: nowhere },
    };
    await fails({ args: [], env, says: /127\.0\.0\.1:9/ });
    await fails({ args: ['--offline'], env, says: /offline/i });
  });
});

describe('an output', () => {
  test('that is a folder', async () => {
    await mkdir(path.join(project, 'burrito_out/new/kept_linux-x64'), { recursive: true });
    await fails({ args: ['-t', 'linux-x64', '-o', 'burrito_out/new', ...quickly], says: /is a directory/ });
  });

  test('below a file', async () => {
    await fails({ args: ['-o', 'main.js/program', ...quickly], says: /main\.js/ });
  });

  test('where nothing can be written', async () => {
    await fails({ args: ['-o', '/proc/program', ...quickly], says: /\/proc/ });
  });

  test('that would replace a folder which is no release', async () => {
    await writeFiles(project, { 'precious/file.txt': 'mine' });
    await fails({ args: ['--release-dir', 'precious', ...quickly], says: /precious/ });
    expect(await readFile(path.join(project, 'precious/file.txt'), 'utf8')).toBe('mine');
  });

  /** A directory with something mounted on it; the files that lie there in the end are printed. */
  const mounted = (mount: string, directory: string): Surroundings => [
    ...['unshare', '-m', 'sh', '-c'],
    `${mount} "$0" && "$@"; code=$?; find "$0" -type f ! -path "*/code/*"; exit $code`,
    directory,
  ];
  const small = (directory: string) => mounted('mount -t tmpfs -o size=1m tmpfs', directory);

  test.skipIf(lacks('mounts'))('for whose release there is no space, or no right to write', async () => {
    await writeFiles(project, { 'large.bin': 'x'.repeat(2 << 20) });
    const args = ['-q', '--release-dir', 'small/release', ...quickly];
    const directory = path.join(project, 'small');
    await mkdir(directory);
    await fails({
      args,
      under: small(directory),
      says: /^error: .*cannot be written to \S+\/small\/release: no space left on the device; 2\d{6} bytes are needed, \d+ are available\. /im,
    });
    await fails({
      args,
      under: mounted('mount -t tmpfs -o ro tmpfs', directory),
      says: /^error: .*cannot be written to \S+\/small\/release: the file system is read-only\. /im,
    });
  });

  test.skipIf(lacks('root'))('for whose release a file cannot be read', async () => {
    await writeFiles(project, { 'secret.bin': '' });
    await chmod(path.join(project, 'secret.bin'), 0);
    await fails({
      args: ['-q', ...quickly],
      under: ['setpriv', '--bounding-set=-dac_override,-dac_read_search'],
      says: /^error: \S+\/secret\.bin, which belongs into the release, cannot be read by this user\. /im,
    });
  });

  test.skipIf(lacks('mounts'))('that is to be started, where the build cache is read-only', async () => {
    const cache = await temporaryDirectory();
    const env = { SARMA_BUILD_CACHE: cache };
    const args = ['-o', '_build/started', ...quickly];
    expect((await wrapCommand(args, { cwd: project, env })).exitCode).toBe(0);
    await fails({
      args: ['--verify', ...args],
      env,
      under: mounted('mount --bind "$0" "$0" && mount -o remount,bind,ro', cache),
      says: /^error: .*Cannot write to the build cache \S+: .*SARMA_BUILD_CACHE/im,
    });
  });

  test.skipIf(lacks('mounts'))('for which there is no space', async () => {
    const directory = path.join(project, 'small');
    await mkdir(directory);
    const stdout = await fails({
      args: ['-q', '-o', 'small/program', ...quickly],
      under: small(directory),
      says: /^error: .*(no space|space left)/im,
    });
    expect(stdout).toBe('');
  });

  test.skipIf(lacks('mounts'))('when the build cache has no space', async () => {
    const cache = await temporaryDirectory();
    const stdout = await fails({
      args: ['-q', ...quickly],
      env: { SARMA_BUILD_CACHE: cache },
      under: small(cache),
      says: /^error: .*No space left in the build cache/m,
    });
    expect(stdout).toBe('');
  });
});
