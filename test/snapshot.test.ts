// Programs that start from a start-up snapshot (`wrap.snapshot`): docs/decisions/0026.
import { mkdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { onlyInstall } from './support/installs.ts';
import { makeProgram, writeFiles } from './support/programs.ts';
import { run, temporaryDirectory, wrapCommand, wrapProgram } from './support/run.ts';

const MAIN = `
  import { fork } from 'node:child_process';
  import { createRequire } from 'node:module';
  import v8 from 'node:v8';
  import { Worker } from 'node:worker_threads';
  import { at } from './at.ts';

  const built: string[] = [...Object.keys(process.env), process.cwd(), ...process.argv];
  const made = { at: at(), built };

  async function main([what, ...args]: string[]): Promise<void> {
    const here = createRequire(process.argv[1]!);
    if (what === 'built') console.log(JSON.stringify(made));
    if (what === 'runs') console.log(JSON.stringify([process.argv, process.cwd(), process.env, process.execPath]));
    if (what === 'exit') process.exitCode = Number(args[0]);
    if (what === 'throw') throw new Error('thrown');
    if (what === 'stdin') for await (const chunk of process.stdin) process.stdout.write(String(chunk).toUpperCase());
    if (what === 'beside') console.log(here('./beside.cjs'));
    if (what === 'planted') console.log(here('planted'));
    if (what === 'fork') fork(here.resolve('./child.cjs'), args);
    if (what === 'worker') new Worker(here.resolve('./child.cjs'), { argv: args });
  }
  v8.startupSnapshot.setDeserializeMainFunction(() => main(process.argv.slice(2)));
`;

const FILES = {
  'main.ts': MAIN,
  'at.ts': `export enum Where { Here = 'once' }\nexport const at = (): string => Where.Here;`,
  'beside.cjs': `module.exports = 'beside';`,
  'child.cjs': `console.log('child', ...process.argv.slice(2));`,
};

async function makeSnapshot(files: Readonly<Record<string, string>>) {
  return await makeProgram(
    {
      name: 'shot',
      bin: Object.keys(files)[0]!,
      type: 'module',
      sarma: { wrap: { snapshot: true } },
    },
    files,
  );
}

let file: string;
let base: string;

async function started(...args: readonly string[]) {
  return await run(file, args, { env: { SARMA_CACHE_DIR: base } });
}

beforeAll(async () => {
  file = await wrapProgram(await makeSnapshot(FILES));
  base = await temporaryDirectory();
});

test('what stands outside the main function has been done while wrapping, once, and saw nothing of the machine', async () => {
  const first = await started('built');
  expect(first).toMatchObject({ stderr: '', exitCode: 0 });
  expect(await started('built')).toEqual(first);
  const { at, built } = JSON.parse(first.stdout);
  expect(at).toBe('once');
  for (const text of built) expect(text).not.toContain(process.cwd());
  for (const name of ['PATH', 'SARMA_TEST_DIRECTORY']) expect(built).not.toContain(name);
});

describe('the main function', () => {
  test('gets the arguments, the environment and the directory of the run', async () => {
    const cwd = await realpath(await temporaryDirectory());
    const env = { SARMA_CACHE_DIR: base, GREETING: 'hello' };
    const { stdout, stderr, exitCode } = await run(file, ['runs', '--help', 'a b', '--'], { cwd, env });
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    const [argv, directory, environment, execPath] = JSON.parse(stdout);
    const { release, runtime } = await onlyInstall(base);
    expect(argv).toEqual([
      execPath,
      path.join(release, 'lib/shot-1.0.0/main.js'),
      'runs',
      '--help',
      'a b',
      '--',
    ]);
    expect(execPath).toBe(path.join(runtime, 'bin/node'));
    expect(directory).toBe(cwd);
    expect(environment).toMatchObject({ GREETING: 'hello', SARMA_BIN: file });
  });

  test('decides the exit status, and what it throws is shown', async () => {
    expect(await started('exit', '42')).toEqual({ stdout: '', stderr: '', exitCode: 42, signal: undefined });
    const { stderr, exitCode } = await started('throw');
    expect(stderr).toContain('Error: thrown');
    expect(exitCode).toBe(1);
  });

  test('reads standard input', async () => {
    const { stdout } = await run(file, ['stdin'], { env: { SARMA_CACHE_DIR: base }, input: 'text' });
    expect(stdout).toBe('TEXT');
  });

  test('requires files that lie beside its entry', async () => {
    expect(await started('beside')).toMatchObject({ stdout: 'beside\n', stderr: '', exitCode: 0 });
  });

  test('forks a module and starts a worker, which run that and not the program', async () => {
    expect(await started('fork', 'x')).toMatchObject({ stdout: 'child x\n', stderr: '', exitCode: 0 });
    expect(await started('worker', 'y')).toMatchObject({ stdout: 'child y\n', stderr: '', exitCode: 0 });
  });
});

test('NODE_OPTIONS and the word maintenance mean what they do elsewhere', async () => {
  const env = { SARMA_CACHE_DIR: base, NODE_OPTIONS: '--no-such-option' };
  expect((await run(file, ['built'], { env })).stderr).toContain(
    '--no-such-option is not allowed in NODE_OPTIONS',
  );
  const { release } = await onlyInstall(base);
  expect((await started('maintenance', 'directory')).stdout).toBe(`${release}\n`);
  expect((await started('maintenance', 'verify')).stderr).toMatch(/: every file is as it should be\n$/);
});

test('no package from above the install is taken for one that it lacks', async () => {
  const around = await temporaryDirectory();
  await writeFiles(around, { 'node_modules/planted/index.js': `module.exports = 'planted';` });
  const inside = path.join(around, 'cache');
  await mkdir(inside, { mode: 0o700 });
  const { stdout, stderr } = await run(file, ['planted'], { env: { SARMA_CACHE_DIR: inside } });
  expect(stdout).toBe('');
  expect(stderr).toContain("Cannot find module 'planted'");
});

describe('wrapping is refused', () => {
  const refused = async (files: Readonly<Record<string, string>>) => {
    const { directory } = await makeSnapshot(files);
    const out = path.join(await temporaryDirectory(), 'app');
    const given = ['--runtime', process.versions.node, '--compression', 'fast', '-o', out];
    const { stderr, exitCode } = await wrapCommand([directory, '--current', ...given]);
    expect(exitCode).toBe(1);
    return stderr;
  };

  test('where the entry names no main function', async () => {
    expect(await refused({ 'main.js': `console.log('hello');` })).toContain(
      'shot says nowhere what it does when it starts',
    );
  });

  test('where the entry fails, with what Node says', async () => {
    const stderr = await refused({ 'main.js': `throw new Error('no such thing');` });
    expect(stderr).toContain('Node made no snapshot of shot: it ended with exit status 1');
    expect(stderr).toContain('Error: no such thing');
  });

  test('where the entry ends the process', async () => {
    expect(await refused({ 'main.js': `process.exit(0);` })).toContain(
      'its entry ended the process before there was one',
    );
  });

  test('where it cannot be one file, naming the line', async () => {
    const stderr = await refused({ 'main.js': `\nconsole.log(import.meta.url);` });
    expect(stderr).toContain('lib/shot-1.0.0/main.js:2: a snapshot lies in no file');
  });
});
