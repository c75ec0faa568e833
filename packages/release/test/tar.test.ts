import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { readAssembledRelease } from '../../wrapper/src/assembled-release.ts';
import { treeOf } from '../../wrapper/src/build.ts';
import { shippedTargets } from '../../wrapper/src/targets.ts';
import type { TreeFile } from '../../wrapper/src/tree.ts';
import type { AssembledRelease } from '../src/index.ts';
import { includeRuntime } from '../src/runtime-directory.ts';
import { type TarOptions, tarRelease } from '../src/tar.ts';
import { install, project, release, write } from './support/project.ts';

const version = process.versions.node;
const linux = { target: 'linux-x64', windows: false, runtime: { version, file: process.execPath } };
const windows = { target: 'win-x64', windows: true, runtime: undefined };

/** A project with a dependency that is linked to, and a file name longer than a tar header. */
const files = {
  'package.json': { name: 'app', version: '1.0.0', main: 'main.js', dependencies: { dep: 'file:dep' } },
  'main.js': `console.log(require('dep'), process.argv.slice(2).join(), process.execPath)`,
  'dep/package.json': { name: 'dep', version: '2.0.0', main: 'd.js' },
  'dep/d.js': `module.exports = 'dep'`,
  [`${'long-name-'.repeat(10)}é/${'x'.repeat(90)}.txt`]: 'long',
  'tool.sh': '#!/bin/sh\n',
};

async function assembled(more: Readonly<Record<string, string | object>> = {}) {
  const root = project({ ...files, ...more });
  mkdirSync(path.join(root, 'node_modules'));
  symlinkSync('../dep', path.join(root, 'node_modules/dep'));
  return await release(root);
}

interface Tarred extends Omit<TarOptions, 'output' | 'tree'> {
  readonly without?: readonly string[];
  readonly files?: readonly TreeFile[];
}

/** Writes a tar, and nothing else beside it. */
async function tarred(made: AssembledRelease, { without = [], files = [], ...options }: Tarred) {
  const output = path.join(made.path, '../../out');
  const release = await readAssembledRelease(made.path);
  const target = shippedTargets.get(options.windows ? 'win-x64' : 'linux-x64')!;
  const tree = await treeOf({ release, directory: made.path, target, without, files });
  const file = await tarRelease(made, { ...options, tree, output });
  expect(readdirSync(output).filter((name) => !name.endsWith('.tar.gz'))).toEqual([]);
  return file;
}

/** Unpacks with the system's tar. */
function unpacked(file: string): string {
  const directory = path.join(path.dirname(file), '..', `unpacked ${path.basename(file)}`);
  mkdirSync(directory);
  execFileSync('tar', ['-xzf', file, '-C', directory]);
  return directory;
}

const names = (directory: string) => readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort();

test('a tar unpacks to a release that runs', async () => {
  const made = await assembled();
  const file = await tarred(made, linux);
  expect(path.basename(file)).toBe('app-1.0.0-linux-x64.tar.gz');
  const root = unpacked(file);
  const ran = execFileSync(path.join(root, 'bin/app'), ['a', 'b'], { encoding: 'utf8', env: {} });
  expect(ran).toBe(`dep a,b ${root}/runtime-${version}/bin/node\n`);
  expect(names(root).filter((name) => lstatSync(path.join(root, name)).isSymbolicLink())).toHaveLength(1);
  expect(names(root)).toContain(`lib/app-1.0.0/${'long-name-'.repeat(10)}é/${'x'.repeat(90)}.txt`);
  expect(statSync(path.join(root, 'lib/app-1.0.0/tool.sh')).mode & 0o777).toBe(0o755);
  expect(statSync(path.join(root, 'lib/app-1.0.0/main.js')).mode & 0o777).toBe(0o644);
  expect(statSync(path.join(root, 'lib/app-1.0.0/main.js')).mtimeMs).toBe(946_684_800_000);
});

test('the same release in another directory, at another time and with other modes gives the same bytes', async () => {
  const options = { ...linux, runtime: undefined };
  const [first, second] = [await assembled(), await assembled()];
  const main = path.join(second.path, 'lib/app-1.0.0/main.js');
  utimesSync(main, 1, 1);
  chmodSync(main, 0o600);
  chmodSync(path.dirname(main), 0o700);
  const [a, b] = await Promise.all(
    [first, second].map(async (one) => readFileSync(await tarred(one, options))),
  );
  expect(a!.equals(b!)).toBe(true);
  // RFC 1952: a comment, no name, no time, no system.
  expect(a!.subarray(0, 10).toString('hex')).toBe('1f8b08100000000000ff');
  const listed = execFileSync('tar', ['-tvzf', '-', '--numeric-owner'], { input: a!, encoding: 'utf8' });
  for (const line of listed.trim().split('\n'))
    expect(line).toMatch(/^(drwxr-xr-x|-rw-r--r--|-rwxr-xr-x|lrwxrwxrwx) 0\/0 /);
});

test('what belongs to the machine it was assembled on stays there', async () => {
  const made = await assembled();
  await includeRuntime(made.path, { version: '1.2.3', file: process.execPath, windows: false });
  write(made.path, { 'var/cookie': 'secret', 'bin/app.exe': '', 'releases/1.0.0/launcher': 'host' });
  write(made.path, { 'bin/helper.exe': 'an overlay', 'runtime-conf/a': 'another' });
  const root = unpacked(await tarred(made, { ...linux, runtime: undefined }));
  expect(names(root).filter((name) => /^(runtime|var)|exe$|launcher/.test(name))).toEqual([
    'bin/helper.exe',
    'runtime-conf',
    'runtime-conf/a',
  ]);
  expect(JSON.parse(readFileSync(path.join(root, 'releases/start.json'), 'utf8'))).toEqual({
    version: '1.0.0',
    runtime: null,
  });
  const ran = execFileSync(path.join(root, 'bin/app'), {
    encoding: 'utf8',
    env: { PATH: path.dirname(process.execPath) },
  });
  expect(ran).toBe(`dep  ${process.execPath}\n`);
});

test.each([linux, windows])(
  "a target ($target) has its own packages instead of the host's",
  async (target) => {
    // As in pnpm's store: the package for this machine lies elsewhere, and is linked to from beside the one that wants it.
    const store = 'node_modules/.store';
    const fast = {
      name: 'fast',
      version: '1.0.0',
      optionalDependencies: { 'fast-here': '1.0.0', 'fast-there': '1.0.0' },
    };
    const root = project({
      'package.json': { name: 'app', version: '1.0.0', main: 'main.js', dependencies: { fast: '1.0.0' } },
      'main.js': `console.log(require('fast'))`,
      [`${store}/fast/node_modules/fast/package.json`]: fast,
      [`${store}/fast/node_modules/fast/index.js`]: `module.exports = require('fast-there')`,
      [`${store}/here/node_modules/fast-here/package.json`]: { name: 'fast-here', version: '1.0.0' },
      'elsewhere/package.json': '{"name":"fast-there","version":"1.0.0"}',
      'elsewhere/index.js': `module.exports = 'there'`,
    });
    symlinkSync('.store/fast/node_modules/fast', path.join(root, 'node_modules/fast'));
    symlinkSync('../../here/node_modules/fast-here', path.join(root, store, 'fast/node_modules/fast-here'));
    const made = await release(root);
    const place = `lib/app-1.0.0/${store}`;
    const files = ['package.json', 'index.js'].map((name) => {
      const from = path.join(root, 'elsewhere', name);
      return {
        path: `${place}/fast/node_modules/fast-there/${name}`,
        mode: 0o755,
        size: statSync(from).size,
        content: from,
      };
    });
    const without = [`${place}/here/node_modules/fast-here`];
    const at = unpacked(await tarred(made, { ...target, runtime: undefined, without, files }));
    expect(names(at).filter((name) => name.endsWith('fast-here'))).toEqual([]);
    expect(statSync(path.join(at, files[0]!.path)).mode & 0o777).toBe(0o755);
    const main = path.join(at, 'lib/app-1.0.0/main.js');
    expect(execFileSync(process.execPath, [main], { encoding: 'utf8' })).toBe('there\n');
  },
);

test('the launcher is the log carrier of a service, and every program on Windows', async () => {
  const made = await assembled();
  const launcher = path.join(made.path, '../launcher');
  write(path.dirname(launcher), { launcher: 'launcher' });
  const where = async (kind: AssembledRelease['kind'], target: Tarred) => {
    const root = unpacked(await tarred({ ...made, kind }, { ...target, launcher }));
    return names(root).filter(
      (name) =>
        lstatSync(path.join(root, name)).isFile() &&
        readFileSync(path.join(root, name), 'utf8') === 'launcher',
    );
  };
  const none = { ...linux, runtime: undefined };
  expect(await where('service', { ...none, target: 'a' })).toEqual(['releases/1.0.0/launcher']);
  expect(await where('cli', { ...none, target: 'b' })).toEqual([]);
  expect(await where('cli', { ...windows, target: 'c' })).toEqual(['bin/app.exe']);
  expect(await where('service', { ...windows, target: 'd' })).toEqual(['bin/app.exe']);
});

describe('a tar for Windows has no links', () => {
  async function ranWithout(made: AssembledRelease) {
    const root = unpacked(await tarred(made, windows));
    const links = names(root).filter((name) => lstatSync(path.join(root, name)).isSymbolicLink());
    expect(links).toEqual([]);
    const { entries, packages } = JSON.parse(
      readFileSync(path.join(root, `releases/${made.version}/release.json`), 'utf8'),
    );
    const [entry] = Object.values(entries) as [string];
    // What the release says of itself is where it says.
    for (const { path: place } of packages)
      expect(existsSync(path.join(root, place, 'package.json'))).toBe(true);
    return { root, ran: execFileSync(process.execPath, [path.join(root, entry)], { encoding: 'utf8' }) };
  }

  const needing = (name: string, other: string) => ({
    [`packages/${name}/package.json`]: {
      name: `@w/${name}`,
      version: '1.0.0',
      main: 'i.js',
      dependencies: { [`@w/${other}`]: '1.0.0', '@w/shared': '1.0.0' },
    },
    [`packages/${name}/i.js`]: `exports.name = '${name}'; exports.other = () => require('@w/${other}').name; exports.shared = require('@w/shared')`,
  });
  const workspaces = {
    'package.json': {
      name: 'root',
      version: '1.0.0',
      main: 'main.js',
      workspaces: ['packages/*'],
      dependencies: { '@w/a': '1.0.0', '@w/b': '1.0.0' },
    },
    'main.js': `const [a, b] = [require('@w/a'), require('@w/b')];
      console.log(a.other(), b.other(), a.shared === b.shared, require.cache[require.resolve('@w/b')].exports === b)`,
    ...needing('a', 'b'),
    ...needing('b', 'a'),
    'packages/shared/package.json': { name: '@w/shared', version: '1.0.0' },
    'packages/shared/index.js': 'module.exports = {}',
  };

  test.each(['npm', 'pnpm'] as const)(
    'and packages of a workspace that need each other stay one each (%s)',
    async (manager) => {
      const text = JSON.stringify(workspaces);
      const pnpm = {
        ...JSON.parse(text.replaceAll(/(\\?"@w\/\w+\\?":\\?)"1\.0\.0(\\?")/g, '$1"workspace:*$2')),
        'pnpm-workspace.yaml': 'packages: ["packages/*"]\n',
      };
      const root = project(manager === 'npm' ? workspaces : pnpm);
      install(root, manager);
      const { ran, root: at } = await ranWithout(await release(root));
      expect(ran).toBe('b a true true\n');
      expect(names(at).filter((name) => name.endsWith('shared/index.js'))).toHaveLength(1);
    },
  );

  test('and packages of pnpm find what lies beside them in its store', async () => {
    const root = project({
      'package.json': {
        name: 'app',
        version: '1.0.0',
        main: 'main.js',
        dependencies: { 'is-odd': '3.0.1', 'is-even': '1.0.0' },
      },
      'main.js': `console.log(require('is-odd')(3), require('is-even')(3), require('is-even/package.json').version)`,
    });
    install(root, 'pnpm');
    expect((await ranWithout(await release(root))).ran).toBe('true false 1.0.0\n');
  });

  test('and a folder that links to itself is refused', async () => {
    const made = await assembled();
    symlinkSync('.', path.join(made.path, 'lib/self'));
    await expect(tarred(made, windows)).rejects.toMatchObject({ code: 'TAR_FAILED' });
  });
});

test('a tar that Sarma made is not packed into the next release, wherever it lies and whatever it is called', async () => {
  const root = project({ 'package.json': { name: 'app', version: '1.0.0', main: 'main.js' }, 'main.js': '' });
  const file = await tarred(await release(root), linux);
  renameSync(file, path.join(root, 'yesterday.tgz'));
  mkdirSync(path.join(root, 'data'));
  execFileSync('tar', ['-czf', 'data/mine.tar.gz', 'main.js'], { cwd: root });
  write(root, { 'data/none.tar.gz': 'text' });
  const made = await release(root);
  expect(names(path.join(made.path, 'lib/app-1.0.0'))).toEqual([
    'data',
    'data/mine.tar.gz',
    'data/none.tar.gz',
    'main.js',
    'package.json',
  ]);
});
