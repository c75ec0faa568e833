// What is held to a target, in trees laid out as real packages are.
import { beforeAll, describe, expect, test } from 'vitest';
import type { AssembledRelease } from '../src/assembled-release.ts';
import { type Held, holdToTarget } from '../src/native/hold.ts';
import { newerSystemNotice, raiseRequirements } from '../src/native/needs.ts';
import { shippedTargets } from '../src/targets.ts';
import { compileStub } from './support/compile-stub.ts';
import { nativeSample, type Sample } from './support/native-samples.ts';

const APP = 'lib/app-1.0.0';
const release = {
  name: 'app',
  version: '1.0.0',
  packages: [{ name: 'app', version: '1.0.0', path: APP, firstParty: true }],
} as unknown as AssembledRelease;

const samples = new Map<string, Buffer>();
const sample = (one: Sample): Buffer => {
  const key = JSON.stringify(one);
  const bytes = samples.get(key) ?? nativeSample(one);
  samples.set(key, bytes);
  return bytes;
};

let linux: Buffer;
let linuxArm: Buffer;
let musl: Buffer;
let glibc: Buffer;
let mac: Buffer;
let windows: Buffer;
let node115: Buffer;
let node137: Buffer;
let program: Buffer;

beforeAll(() => {
  linux = sample({ kind: 'node-api', target: 'x86_64-linux-gnu' });
  linuxArm = sample({ kind: 'node-api', target: 'aarch64-linux-gnu' });
  glibc = sample({ kind: 'library', target: 'x86_64-linux-gnu', libc: 'glibc' });
  musl = sample({ kind: 'library', target: 'x86_64-linux-gnu', libc: 'musl' });
  mac = sample({ kind: 'node-api', target: 'aarch64-macos' });
  windows = sample({ kind: 'node-api', target: 'x86_64-windows-gnu' });
  node115 = sample({ kind: 'modules-structure', target: 'x86_64-linux-gnu', version: 115 });
  node137 = sample({ kind: 'modules-structure', target: 'x86_64-linux-gnu', version: 137 });
  program = sample({ kind: 'program', target: 'x86_64-linux-gnu' });
});

type Files = Readonly<Record<string, Buffer | object>>;

/** Packages by name, with what is in them; `package.json` is completed. */
async function held(target: string, packages: Readonly<Record<string, Files>>, skip: readonly string[] = []) {
  const dependencies = Object.fromEntries(Object.keys(packages).map((name) => [name, '*']));
  const all: Record<string, Files> = { '': { 'package.json': { dependencies } }, ...packages };
  const files = Object.entries(all).flatMap(([name, content]) => {
    const place = name === '' ? APP : `${APP}/node_modules/${name}`;
    const manifest = { name: name || 'app', version: '1.0.0', ...(content['package.json'] ?? {}) };
    return Object.entries({ ...content, 'package.json': manifest }).map(([file, value]) => {
      const bytes = Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value));
      return { path: `${place}/${file}`, mode: 0o644, size: bytes.length, content: bytes };
    });
  });
  return await holdToTarget({
    release,
    tree: { directories: [], files, links: [] },
    target: shippedTargets.get(target)!,
    runtime: { file: process.execPath, version: process.versions.node },
    skip,
  });
}

const found = ({ wrong, doubtful }: Held) => ({ wrong: wrong.length, doubtful: doubtful.length });
const RIGHT = { wrong: 0, doubtful: 0 };
const WRONG = { wrong: 1, doubtful: 0 };

describe('an addon that was built for this machine', () => {
  test('is right there, and named for every other system, CPU and C library', async () => {
    const packages = { fast: { 'build/Release/fast.node': linux, 'lib/libfast.so': glibc } };
    expect(found(await held('linux-x64', packages))).toEqual(RIGHT);
    const { wrong, packages: names } = await held('darwin-arm64', packages);
    expect(wrong).toHaveLength(1);
    expect(wrong[0]).toMatch(
      /^fast@1\.0\.0: build\/Release\/fast\.node is an addon for Linux x64; darwin-arm64 needs macOS arm64\. .*wrap\.addons\.rebuild/,
    );
    expect(names).toEqual(['fast']);
    // An x64 library is for Linux, as arm64 is; the target is named by both files.
    expect((await held('linux-arm64', packages)).wrong).toHaveLength(2);
  });

  test('for another C library is wrong, though its system and CPU are right', async () => {
    const packages = { fast: { 'build/Release/fast.node': glibc } };
    expect(found(await held('linux-x64', packages))).toEqual(RIGHT);
    const { wrong } = await held('linux-x64-musl', packages);
    expect(wrong[0]).toMatch(/for Linux x64 \(glibc\); linux-x64-musl needs Linux x64 \(musl\)/);
    expect(found(await held('linux-x64', { fast: { 'build/Release/fast.node': musl } }))).toEqual(WRONG);
  });

  test('for another version of Node is wrong, with the Node to build it with', async () => {
    expect(found(await held('linux-x64', { old: { 'build/Release/old.node': node137 } }))).toEqual(
      process.versions.modules === '137' ? RIGHT : WRONG,
    );
    const { wrong } = await held('linux-x64', { old: { 'build/Release/old.node': node115 } });
    expect(wrong[0]).toMatch(
      /is an addon for NODE_MODULE_VERSION 115; linux-x64 needs NODE_MODULE_VERSION 137/,
    );
    expect(wrong[0]).toContain(`Run npm rebuild old with Node ${process.versions.node}`);
  });

  test('is missed even where an extension that is no addon has an ending like one', async () => {
    const others = { 'bin/linux-x64-115/a.node': node115, 'build/test_extension.node': glibc };
    expect(found(await held('linux-x64', { old: others }))).toEqual(WRONG);
  });

  test('is a warning where the project can do without its package', async () => {
    const packages = {
      parent: { 'package.json': { optionalDependencies: { fast: '*' } } },
      fast: { 'build/Release/fast.node': linux },
    };
    // `held` makes the project depend on every package.
    expect(found(await held('win-x64', packages))).toEqual(WRONG);
    const { fast, parent } = packages;
    const nested = { parent, 'parent/node_modules/fast': { ...fast, 'package.json': { name: 'fast' } } };
    expect(found(await held('win-x64', nested))).toEqual({ wrong: 0, doubtful: 1 });
  });

  test('is cut off: that is said', async () => {
    const { wrong } = await held('linux-x64', { fast: { 'fast.node': linux.subarray(0, 600) } });
    expect(wrong[0]).toContain('fast.node is cut off or damaged');
  });
});

describe('files for other systems', () => {
  test('are no mistake beside one that fits, and are weighed', async () => {
    const packages = {
      fast: {
        'prebuilds/linux-x64/fast.node': linux,
        'prebuilds/linux-arm64/fast.node': linuxArm,
        'prebuilds/darwin-x64+arm64/fast.node': mac,
        'prebuilds/win32-x64/fast.node': windows,
      },
    };
    for (const target of ['linux-x64', 'linux-arm64', 'darwin-arm64', 'win-x64'])
      expect(found(await held(target, packages))).toEqual(RIGHT);
    const bytes = linuxArm.length + mac.length + windows.length;
    expect((await held('linux-x64', packages)).foreign).toEqual([{ package: 'fast', bytes }]);
    const { wrong } = await held('win-arm64', packages);
    expect(wrong).toEqual([expect.stringContaining('none of its 4 native files is for it')]);
  });

  test('are chosen by the version of Node, too', async () => {
    const others = { 'bin/linux-x64-115/a.node': node115, 'prebuilds/linux-x64/a.abi115.node': node115 };
    const fitting = sample({ kind: 'node-api', target: 'x86_64-linux-gnu' });
    expect(found(await held('linux-x64', { a: { ...others, 'bin/linux-x64-137/a.node': fitting } }))).toEqual(
      RIGHT,
    );
    expect(found(await held('linux-x64', { a: others }))).toEqual(WRONG);
  });

  test('are wrong in the folder of the target', async () => {
    const packages = {
      fast: { 'prebuilds/linux-x64/fast.node': linux, 'prebuilds/linux-arm64/fast.node': linux },
    };
    expect(found(await held('linux-x64', packages))).toEqual(RIGHT);
    expect((await held('linux-arm64', packages)).wrong[0]).toContain(
      'prebuilds/linux-arm64/fast.node is an addon for Linux x64',
    );
  });

  test('in packages of their own need one of the family that fits', async () => {
    const family = {
      fast: {
        'package.json': { optionalDependencies: { '@fast/linux-x64': '*', '@fast/darwin-arm64': '*' } },
      },
      '@fast/linux-x64': { 'package.json': { os: ['linux'], cpu: ['x64'] }, 'fast.node': linux },
    };
    expect(found(await held('linux-x64', family))).toEqual(RIGHT);
    const { wrong } = await held('darwin-arm64', family);
    expect(wrong).toEqual([expect.stringContaining('npm install --os=darwin --cpu=arm64 fast@1.0.0')]);
    const both = {
      ...family,
      '@fast/darwin-arm64': { 'package.json': { os: ['darwin'], cpu: ['arm64'] }, 'fast.node': mac },
    };
    expect(found(await held('darwin-arm64', both))).toEqual(RIGHT);
  });
});

describe('a program', () => {
  test('that an install script put there, or that is a command, has to fit', async () => {
    const command = { 'package.json': { bin: { tool: './bin/tool' } }, 'bin/tool': program };
    const installed = { 'package.json': { scripts: { postinstall: 'node get' } }, 'vendor/tool': program };
    for (const tool of [command, installed]) {
      expect(found(await held('linux-x64', { tool }))).toEqual(RIGHT);
      expect(found(await held('linux-x64-musl', { tool }))).toEqual(RIGHT); // it is static
      expect(found(await held('linux-arm64', { tool }))).toEqual(WRONG);
    }
  });

  test('that a package carries along for some systems is no mistake, one of another CPU doubtful', async () => {
    const exe = sample({ kind: 'program', target: 'x86_64-windows-gnu' });
    const macProgram = compileStub('aarch64-macos', '-fstrip');
    const notifier = {
      'vendor/notify.exe': exe,
      'vendor/mac/notify': macProgram,
      'fallbacks/linux/xsel': program,
    };
    expect(found(await held('linux-x64', { notifier }))).toEqual(RIGHT);
    expect(found(await held('darwin-x64', { notifier: { 'vendor/notify.exe': exe } }))).toEqual(RIGHT);
    expect(found(await held('win-arm64', { notifier: { 'vendor/notify.exe': exe } }))).toEqual(RIGHT);
    const { 'fallbacks/linux/xsel': xsel } = notifier;
    const clipboard = { clipboard: { 'fallbacks/linux/xsel': xsel } };
    expect(found(await held('linux-arm64', clipboard))).toEqual({ wrong: 0, doubtful: 1 });
  });
});

test('what is not loaded is not looked at: other names, objects, damaged files of a test', async () => {
  const junk = {
    'fixtures/elf.bin': linux.subarray(0, 600),
    'asset.js': linux,
    README: Buffer.from('#!'.repeat(100)),
  };
  expect(await held('darwin-arm64', { junk })).toMatchObject({ wrong: [], doubtful: [], foreign: [] });
});

test('--skip-addons takes files by path, package, and what is in a package', async () => {
  const packages = { '@scope/fast': { 'build/Release/fast.node': linux } };
  for (const pattern of ['@scope/fast', '@scope/fast/build', '*.node', `${APP}/node_modules/@scope`])
    expect(found(await held('win-x64', packages, [pattern]))).toEqual(RIGHT);
  expect(found(await held('win-x64', packages, ['fast.dll', '@scope/slow']))).toEqual(WRONG);
});

test('a newer C library than the runtime needs is asked of the host, with the file that needs it', async () => {
  const { needs } = await held('linux-x64', {
    fast: { 'prebuilds/linux-x64/fast.node': linux, 'libfast.so': glibc },
  });
  const requires = (versions: readonly string[]) => ({
    interpreter: '/lib64/ld-linux-x86-64.so.2',
    libraries: [{ name: 'libc.so.6', versions }],
  });
  expect(raiseRequirements(requires(['GLIBC_2.28']), needs).libraries).toEqual([
    {
      name: 'libc.so.6',
      versions: ['GLIBC_2.28', 'GLIBC_2.33'],
      for: { 'GLIBC_2.33': `${APP}/node_modules/fast/libfast.so` },
    },
  ]);
  expect(newerSystemNotice(requires(['GLIBC_2.28']), needs)).toBe(
    'Needs a newer system than Node itself: GLIBC_2.33 of libc.so.6 for fast/libfast.so. Where that is missing the executable says so.',
  );
  expect(raiseRequirements(requires(['GLIBC_2.34']), needs)).toEqual(requires(['GLIBC_2.34']));
  expect(newerSystemNotice(requires(['GLIBC_2.34']), needs)).toBeUndefined();
});

test('a project without a name cannot do without what it needs either', async () => {
  const packages = {
    '': { 'package.json': { name: undefined, dependencies: { fast: '*' } } },
    fast: { 'build/Release/fast.node': linux },
  };
  expect(found(await held('darwin-arm64', packages))).toEqual(WRONG);
});

test('versions of the C library that are no numbers do not hide what an addon needs', () => {
  const libraries = [{ name: 'libc.so.6', versions: ['GLIBC_2.28', 'GLIBC_ABI_DT_RELR'] }];
  const requires = { libraries } as unknown as Parameters<typeof raiseRequirements>[0];
  const need = { library: 'libc.so.6', prefix: 'GLIBC_', version: '2.38', place: 'a.node' };
  expect(raiseRequirements(requires, [need]).libraries[0]!.versions).toContain('GLIBC_2.38');
});
