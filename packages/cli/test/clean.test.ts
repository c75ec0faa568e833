import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { hostTarget } from './support/host.ts';
import { ended, folder, quickly, sarma } from './support/sarma.ts';

const ROOT = '_build/prod/rel/store';

/** A service that has been built, in two versions; a node ran in the directory, and somebody put files beside it all. */
async function built(): Promise<string> {
  const manifest = (version: string) =>
    JSON.stringify({ name: 'store', version, type: 'module', sarma: { application: './a.js' } });
  const directory = await folder({
    'package.json': manifest('0.1.0'),
    'a.js': 'export default { start: () => setInterval(() => {}, 1000) };\n',
    'sarma.config.json': JSON.stringify({ runtime: { include: false }, steps: ['assemble', 'tar'] }),
  });
  for (const version of ['0.1.0', '0.2.0']) {
    await writeFile(path.join(directory, 'package.json'), manifest(version));
    expect((await sarma(['assemble'], { directory })).stderr).toBe('');
  }
  for (const name of [
    `${ROOT}/var/data.db`,
    'burrito_out/notes.txt',
    '_build/prod/rel/own/file',
    '_build/own',
  ]) {
    const file = path.join(directory, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, 'mine');
  }
  return directory;
}

/** All files, sorted. */
async function files(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(directory, path.join(entry.parentPath, entry.name)))
    .sort();
}

const PROJECT = ['a.js', 'package.json', 'sarma.config.json'];
const OTHERS = ['_build/own', '_build/prod/rel/own/file', 'burrito_out/notes.txt'];

test('clean removes the assembled directory but its state, and the outputs of this version', async () => {
  const directory = await built();
  const archive = (version: string) => `burrito_out/store-${version}-${hostTarget}.tar.gz`;
  const others = [archive('0.1.0'), archive('0.2.0-rc.1')];
  await copyFile(path.join(directory, archive('0.2.0')), path.join(directory, others[1]!));
  const { stdout, exitCode } = await sarma(['clean'], { directory });
  expect(exitCode).toBe(0);
  expect(stdout).toBe(`removed ${ROOT}\nremoved ${archive('0.2.0')}\n`);
  const left = [...PROJECT, ...OTHERS, `${ROOT}/var/data.db`, ...others, 'burrito_out/SHA256SUMS'];
  expect(await files(directory)).toEqual(left.sort());
  expect((await sarma(['clean'], { directory })).stdout).toBe('There is nothing to remove.\n');
});

test('the state that clean has spared is there after the next assembly, and clean --implode removes it alone, too', async () => {
  const directory = await built();
  await sarma(['clean'], { directory });
  expect(await sarma(['assemble', '-q'], { directory })).toMatchObject({ exitCode: 0, stderr: '' });
  expect(await files(directory)).toContain(`${ROOT}/releases/start.json`);
  expect(await files(directory)).toContain(`${ROOT}/var/data.db`);
  await sarma(['clean'], { directory });
  expect((await sarma(['clean', '--implode', '--yes'], { directory })).stdout).toContain(`removed ${ROOT}\n`);
  expect(await files(directory)).toEqual([...PROJECT, ...OTHERS].sort());
});

test('clean --implode removes all that Sarma has made, and nothing else', async () => {
  const directory = await built();
  const refused = await sarma(['clean', '--implode'], { directory });
  expect(refused.stderr).toContain('there is no terminal to ask on. If it may: sarma clean --implode --yes');
  expect(refused.exitCode).toBe(1);
  expect(existsSync(path.join(directory, ROOT, 'bin'))).toBe(true);
  const { stdout, exitCode } = await sarma(['clean', '--implode', '--yes'], { directory });
  expect(exitCode).toBe(0);
  expect(stdout).toContain(`removed ${ROOT}\n`);
  expect(stdout).toContain('left burrito_out/notes.txt: not made by Sarma\n');
  expect(await files(directory)).toEqual([...PROJECT, ...OTHERS].sort());
});

test('clean --implode leaves no empty folder of its own', async () => {
  const directory = await folder({
    'package.json': JSON.stringify({ name: 'hello', version: '1.0.0', bin: 'main.js' }),
    'main.js': '',
  });
  expect((await sarma(['wrap', ...quickly], { directory })).exitCode).toBe(0);
  expect((await sarma(['clean', '--implode', '--yes'], { directory })).exitCode).toBe(0);
  expect((await readdir(directory)).filter((name) => name !== 'sarma.lock.json').sort()).toEqual([
    'main.js',
    'package.json',
  ]);
});

test('clean --implode says where it could not look for what was made', async () => {
  const directory = await folder({
    'package.json': JSON.stringify({ name: 'hello', version: '1.0.0', bin: 'not-built.js' }),
    '_build/prod/rel/hello/releases/start.json': '{}',
  });
  const { stdout, stderr, exitCode } = await sarma(['clean', '--implode', '--yes'], { directory });
  expect(stdout).toBe('removed _build/prod/rel/hello\n');
  expect(stderr).toMatch(
    /^warning: Of what was made elsewhere than in _build and burrito_out nothing is known: .*not-built\.js/,
  );
  expect(exitCode).toBe(0);
});

test('on a terminal it asks, and takes only a yes', async () => {
  const directory = await built();
  for (const answer of ['\x04', 'n\n', '\n']) {
    expect(await answered(directory, answer)).toContain('Nothing was removed.');
    expect(existsSync(path.join(directory, ROOT, 'bin'))).toBe(true);
  }
  expect(await answered(directory, 'y\n')).toContain(`removed ${ROOT}`);
  expect(await files(directory)).toEqual([...PROJECT, ...OTHERS].sort());
});

/** What a terminal shows when the question is answered so. */
async function answered(directory: string, answer: string): Promise<string> {
  const bin = fileURLToPath(new URL('../bin/sarma.js', import.meta.url));
  const command = `'${process.execPath}' '${bin}' clean --implode`;
  const child = spawn('script', ['-qec', command, '/dev/null'], { cwd: directory });
  child.stdout.on('data', (text: Buffer) => {
    if (text.includes('[y/N]')) child.stdin.write(answer);
  });
  return (await ended(child)).stdout;
}

test('where a node runs nothing is removed', async () => {
  const directory = await built();
  const command = path.join(directory, ROOT, 'bin/store');
  const env = { ...process.env, PATH: `${path.dirname(process.execPath)}:${process.env.PATH}` };
  const node = (word: string) => promisify(execFile)(command, [word], { env });
  await node('daemon');
  onTestFinished(async () => void (await node('stop')));
  const refused = await sarma(['clean'], { directory });
  expect(refused.stderr).toMatch(
    /store runs from .*rel\/store \(PID \d+\), so nothing is removed\. Stop it first: .*bin\/store stop/,
  );
  expect(existsSync(path.join(directory, ROOT, 'releases'))).toBe(true);
  expect((await node('ping')).stdout).toContain('pong');
});
