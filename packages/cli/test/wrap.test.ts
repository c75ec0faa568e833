import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, stat, symlink } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { singleTargets } from '@sarma/wrapper';
import { describe, expect, test } from 'vitest';
import { hostTarget, shippedMatrix } from './support/host.ts';
import { folder, hello, quickly, sarma } from './support/sarma.ts';

const run = promisify(execFile);
const target = hostTarget;

test('in a project with nothing but a package.json, `wrap --current` gives burrito_out/NAME_TARGET, and it runs', async () => {
  const directory = await folder(hello);
  const wrapped = await sarma(['--current', ...quickly], { directory, program: 'wrap' });
  expect(wrapped.stderr).toBe('');
  expect(wrapped.stdout).toMatch(/^hello 1\.2\.3 from package\.json: bin → main\.js$/m);
  expect(wrapped.exitCode).toBe(0);
  const file = path.join(directory, 'burrito_out', `hello_${target}`);
  const SARMA_CACHE_DIR = path.join(directory, 'installs');
  const { stdout } = await run(file, ['to', 'all'], { env: { ...process.env, SARMA_CACHE_DIR } });
  expect(stdout).toBe('hello to all\n');
});

test('a build leaves nothing in the project but its outputs and the lock file', async () => {
  const directory = await folder(hello);
  await sarma(['wrap', ...quickly], { directory });
  const found = await readdir(directory);
  expect(found.toSorted()).toEqual(['_build', 'burrito_out', 'main.js', 'package.json', 'sarma.lock.json']);
  expect(await readdir(path.join(directory, 'burrito_out'))).toEqual(withProofs(`hello_${target}`));
});

/** What lies in a folder of outputs when one executable was built into it. */
const withProofs = (name: string): string[] => ['SHA256SUMS', name, `${name}.cdx.json`];

test('without a word about targets it is for this machine, and says how to build for others', async () => {
  const directory = await folder(hello);
  const { stdout } = await sarma(['wrap', ...quickly], { directory });
  expect(stdout).toContain(
    `For this machine (${target}); --target all is for all ${singleTargets([...shippedMatrix.values()]).length} targets.`,
  );
});

test('SARMA_TARGET names the target where no flag does', async () => {
  const directory = await folder(hello);
  const environment = { SARMA_TARGET: 'nothing-like-it' };
  const { exitCode, stderr } = await sarma(['wrap', ...quickly], { directory, environment });
  expect(stderr).toMatch(/Unknown target "nothing-like-it"/);
  expect(exitCode).toBe(2);
  expect((await sarma(['wrap', '--current', ...quickly], { directory, environment })).exitCode).toBe(0);
});

test('one file needs no package.json', async () => {
  const directory = await folder({ 'greet.mjs': 'console.log("hi")\n' });
  const { exitCode, stderr } = await sarma(['greet.mjs', '-q', ...quickly], { directory, program: 'wrap' });
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(await readdir(path.join(directory, 'burrito_out'))).toEqual(withProofs(`greet_${target}`));
});

test('a replaced output is told in one line; --quiet says nothing at all', async () => {
  const directory = await folder(hello);
  const quiet = await sarma(['wrap', '-q', ...quickly], { directory });
  expect(quiet).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  const again = await sarma(['wrap', ...quickly], { directory });
  expect(again.stdout.match(/^Replaced: .*$/gm)).toEqual([`Replaced: burrito_out/hello_${target}`]);
});

test('a target that fails does not take the others with it, and the exit code says so', async () => {
  const directory = await folder(hello);
  // Node is not built for win-x86 any more.
  const options = ['--runtime', process.versions.node, '--compression', 'fast'];
  const { exitCode, stdout, stderr } = await sarma(['wrap', '-t', `win-x86,${target}`, ...options], {
    directory,
  });
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/^error: win-x86: /m);
  expect(stdout).toMatch(new RegExp(`^${target} +burrito_out/hello_${target} `, 'm'));
  expect(await readdir(path.join(directory, 'burrito_out'))).toEqual(withProofs(`hello_${target}`));
});

test.runIf(target === 'linux-x64')(
  'a row of the project has the stub of the row with its triple',
  async () => {
    const row = { os: 'linux', cpu: 'x64', zig: 'x86_64-linux-musl' };
    const directory = await folder({ ...hello, 'targets.json': JSON.stringify({ 'linux-x64-corp': row }) });
    await sarma(['wrap', '-q', '-t', 'linux-x64-corp', ...quickly], { directory });
    const file = path.join(directory, 'burrito_out/hello_linux-x64-corp');
    const SARMA_CACHE_DIR = path.join(directory, 'installs');
    const { stdout } = await run(file, ['to', 'all'], { env: { ...process.env, SARMA_CACHE_DIR } });
    expect(stdout).toBe('hello to all\n');
  },
);

describe('-o is', () => {
  test('the file, when one is built', async () => {
    const directory = await folder(hello);
    await sarma(['wrap', '-q', '-o', 'out/program', ...quickly], { directory });
    // Whoever names a file gets that file.
    expect(await readdir(path.join(directory, 'out'))).toEqual(['program']);
    expect((await stat(path.join(directory, 'out/program'))).mode & 0o777).toBe(0o755);
  });

  test('a file for Windows without .exe with a warning', async () => {
    const directory = await folder(hello);
    const options = ['--runtime', '22', '--compression', 'fast'];
    const named = await sarma(['wrap', '-t', 'win-x64', '-o', 'out/program', ...options], { directory });
    expect(named.stderr).toMatch(/^warning: out\/program is for Windows.*name it out\/program\.exe\.$/m);
    expect(await readdir(path.join(directory, 'out'))).toEqual(['program']);
    const good = await sarma(['wrap', '-t', 'win-x64', '-o', 'out/a.EXE', ...options], { directory });
    expect(good.stderr).not.toContain('is for Windows');
  });

  test('the file with the archives of the step tar beside it', async () => {
    const steps = JSON.stringify({ steps: ['assemble', 'tar', 'wrap'] });
    const directory = await folder({ ...hello, 'sarma.config.json': steps });
    await sarma(['wrap', '-o', 'out/api', ...quickly], { directory });
    expect((await readdir(path.join(directory, 'out'))).toSorted()).toEqual([
      'api',
      `hello-1.2.3-${target}.tar.gz`,
    ]);
    expect((await stat(path.join(directory, 'out/api'))).isFile()).toBe(true);
  });

  test('the folder, when it is one or ends in a slash', async () => {
    const directory = await folder(hello);
    await mkdir(path.join(directory, 'there'));
    await sarma(['wrap', '-q', '-o', 'there', ...quickly], { directory });
    await sarma(['wrap', '-q', '-o', 'new/', ...quickly], { directory });
    expect(await readdir(path.join(directory, 'there'))).toEqual(withProofs(`hello_${target}`));
    expect(await readdir(path.join(directory, 'new'))).toEqual(withProofs(`hello_${target}`));
  });

  test('refused as a file when several are built, and the file stays', async () => {
    const manifest = { name: 'two', version: '1.0.0', bin: { a: 'main.js', b: 'main.js' } };
    const directory = await folder({ ...hello, 'package.json': JSON.stringify(manifest), 'out.txt': 'mine' });
    const argv = ['wrap', '--bin', 'a,b', '-o', 'out.txt', ...quickly];
    const { exitCode, stderr } = await sarma(argv, { directory });
    expect(stderr).toMatch(/^error: .*out\.txt is a file, but 2 executables are built/);
    expect(exitCode).toBe(1);
    expect(await readFile(path.join(directory, 'out.txt'), 'utf8')).toBe('mine');
  });

  test('refused where the file to be written is a folder', async () => {
    const directory = await folder(hello);
    await mkdir(path.join(directory, 'burrito_out', `hello_${target}`), { recursive: true });
    const { exitCode, stderr } = await sarma(['wrap', ...quickly], { directory });
    expect(stderr).toMatch(/is a directory; remove it or choose another -o/);
    expect(exitCode).toBe(1);
  });
});

test('it works through a link in the node_modules of another project', async () => {
  const directory = await folder(hello);
  const checkout = fileURLToPath(new URL('..', import.meta.url));
  await mkdir(path.join(directory, 'node_modules/.bin'), { recursive: true });
  await symlink(checkout, path.join(directory, 'node_modules/sarma'));
  await symlink('../sarma/bin/sarma.js', path.join(directory, 'node_modules/.bin/sarma'));
  const { stdout } = await run(process.execPath, ['node_modules/.bin/sarma', 'assemble'], { cwd: directory });
  expect(stdout).toMatch(/^Assembled _build\/prod\/rel\/hello: /m);
});
