import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { reportMissing } from '../src/addons/missing.ts';
import { hostTarget, shippedTargets } from '../src/targets.ts';
import { withFiles } from '../src/tree.ts';
import { ADDON_SOURCE, addonFile, compileArguments } from './support/addon-file.ts';
import { type AddonProject, addonProject, tarOf } from './support/addon-project.ts';
import { nativeSample } from './support/native-samples.ts';

const X64 = addonFile('x86_64-linux-gnu');
const ARM64 = addonFile('aarch64-linux-gnu');
const MAC = addonFile('aarch64-macos');
const WINDOWS = addonFile('x86_64-windows-gnu');
const HERE = hostTarget(shippedTargets).name === 'linux-arm64' ? ARM64 : X64;
const [HOST, OTHER] = HERE === X64 ? ['linux-x64', 'linux-arm64'] : ['linux-arm64', 'linux-x64'];
const OTHERS = HERE === X64 ? ARM64 : X64;

let project: AddonProject;
const modules = 'lib/app-1.0.0/node_modules';

beforeEach(async () => {
  project = await addonProject();
  await project.install('lib/app-1.0.0', { name: 'app', version: '1.0.0', dependencies: { fast: '1.0.0' } });
});
afterEach(() => project.close());

const install = (files: Readonly<Record<string, string | Buffer>>, manifest = {}, name = 'fast') =>
  project.install(`${modules}/${name}`, { name, version: '1.0.0', ...manifest }, files);

/** Paths of the package that are left out. */
const left = async (target: string, options = {}) =>
  (await project.find(target, options)).without.map((place) => place.slice(`${modules}/fast/`.length)).sort();

describe('prebuilt addons', () => {
  test('are reduced to those of the target, the host among them', async () => {
    await install({
      'prebuilds/linux-x64/fast.node': X64,
      'prebuilds/linux-arm64/fast.node': ARM64,
      'prebuilds/darwin-x64+arm64/fast.node': MAC,
      'prebuilds/win32-x64/fast.node': WINDOWS,
      'prebuilds/win32-x64/fast.pdb': 'symbols',
      'prebuilds/android-arm64/fast.node': ARM64,
    });
    expect(await left('linux-x64')).toEqual([
      'prebuilds/android-arm64',
      'prebuilds/darwin-x64+arm64',
      'prebuilds/linux-arm64',
      'prebuilds/win32-x64',
    ]);
    expect(await left('darwin-arm64')).not.toContain('prebuilds/darwin-x64+arm64');
    expect(await left('win-x64')).not.toContain('prebuilds/win32-x64');
    expect((await project.find('linux-arm64')).found).toEqual([
      { package: 'fast', version: '1.0.0', how: 'prebuild', detail: 'prebuilds/linux-arm64/fast.node' },
    ]);
  });

  test('of one folder are reduced to what node-gyp-build would choose from', async () => {
    const variants = {
      'fast.abi137.node': X64,
      'fast.abi115.node': X64,
      'electron.abi137.node': X64,
      'fast.glibc.node': X64,
      'fast.musl.node': X64,
      'fast.napi.node': X64,
      'fast.bare': X64,
    };
    const files = Object.entries(variants).map(([name, file]) => [`prebuilds/linux-x64/${name}`, file]);
    await install(Object.fromEntries(files));
    const stays = (all: readonly string[]) =>
      Object.keys(variants).filter((name) => !all.includes(`prebuilds/linux-x64/${name}`));
    expect(stays(await left('linux-x64'))).toEqual(['fast.abi137.node', 'fast.glibc.node', 'fast.napi.node']);
    expect(stays(await left('linux-x64-musl'))).toEqual([
      'fast.abi137.node',
      'fast.musl.node',
      'fast.napi.node',
    ]);
  });

  test('whose files are named for machines go by their names', async () => {
    await install({
      'prebuilds/linux-x64.node': X64,
      'prebuilds/linuxmusl-x64.node': X64,
      'prebuilds/linux-arm64.node': ARM64,
      'bin/win32-x64-137/fast.node': WINDOWS,
    });
    expect(await left('linux-x64')).toEqual([
      'bin/win32-x64-137/fast.node',
      'prebuilds/linux-arm64.node',
      'prebuilds/linuxmusl-x64.node',
    ]);
  });

  test('stay where the user says so, and so do files that only lie in a package', async () => {
    await install({
      'prebuilds/win32-x64/fast.node': WINDOWS,
      'vendor/tool': MAC,
      'build/Release/fast.node': HERE,
    });
    expect(await left(HOST!, { skip: ['fast/prebuilds'] })).toEqual([]);
    expect(await left(HOST!)).toEqual(['prebuilds/win32-x64']);
  });
});

describe('programs and libraries in folders named for machines', () => {
  const vendor = {
    'vendor/tool/COPYING': 'terms',
    'vendor/tool/arm64-linux/tool': ARM64,
    'vendor/tool/arm64-darwin/tool': MAC,
    'vendor/tool/x64-linux/tool': X64,
    'vendor/tool/x64-win32/tool.exe': WINDOWS,
    'vendor/tool/x64-win32/tool.json': '{}',
  };

  test('are reduced to those of the target, where there are some', async () => {
    await install(vendor);
    const [arm, mac, windows] = ['arm64-linux/tool', 'arm64-darwin/tool', 'x64-win32/tool.exe'].map(
      (file) => `vendor/tool/${file}`,
    );
    expect(await left('linux-x64')).toEqual([mac, arm, windows]);
    expect(await left('win-x64')).toEqual([mac, arm, 'vendor/tool/x64-linux/tool']);
    expect(await left('linux-s390x')).toEqual([]);
    const bytes = MAC.length + ARM64.length + WINDOWS.length;
    expect((await project.find('linux-x64')).left).toEqual([{ package: 'fast', bytes }]);
  });

  test('are found system by system, too', async () => {
    await install({
      'linux/x64/tool': X64,
      'linux/arm64/tool': ARM64,
      'mac/arm64/tool': MAC,
      'win/x64/tool.exe': WINDOWS,
    });
    expect(await left('linux-arm64')).toEqual(['linux/x64/tool', 'mac/arm64/tool', 'win/x64/tool.exe']);
  });

  test('stay where the configuration keeps them, and where folders are named for something else', async () => {
    await install({ ...vendor, 'tools/for-mac/tool': MAC, 'tools/for-linux/tool': X64 });
    expect(await left('linux-x64', { keep: ['*'] })).toEqual([]);
    expect(await left('linux-x64', { keep: ['fast/vendor/tool/arm64-linux', '*.exe'] })).toEqual([
      'vendor/tool/arm64-darwin/tool',
    ]);
  });
});

describe('a package whose install script did not run', () => {
  const scripts = { install: 'prebuild-install || node-gyp rebuild' };

  test('misses its addon on every target, unless the user skips it', async () => {
    await install({ 'index.js': '' }, { scripts });
    for (const target of [HOST!, OTHER!]) {
      expect((await project.find(target)).found).toMatchObject([
        { how: 'missing', detail: expect.stringContaining('its install script did not run') },
      ]);
    }
    expect((await project.find(HOST!, { skip: ['fast'] })).found).toEqual([]);
  });

  test('gets it from the publisher or the command of the user', { timeout: 30_000 }, async () => {
    await install({ 'index.js': '' }, { scripts });
    await project.write('made.node', HERE);
    const rebuild = `mkdir build && cp "${project.directory}/made.node" build/fast.node`;
    expect((await project.find(HOST!, { rebuild })).found).toMatchObject([
      { how: 'rebuilt', detail: 'build/fast.node' },
    ]);
    await project.write('.npmrc', `fast_binary_host=${project.registry.url}/mirror\n`);
    const file = `fast-v1.0.0-node-v137-linux-${HOST!.slice(6)}.tar.gz`;
    project.registry.files.set(`/mirror/v1.0.0/${file}`, await tarOf({ 'build/Release/fast.node': HERE }));
    expect((await project.find(HOST!)).found).toMatchObject([{ how: 'downloaded' }]);
  });
});

test('the runtime is read only where there are native files', async () => {
  await install({ 'index.js': '' });
  const runtime = path.join(project.directory, 'nothing');
  expect((await project.find(OTHER!, { runtime })).found).toEqual([]);
  await install({ 'build/Release/fast.node': HERE });
  await expect(project.find(OTHER!, { runtime })).rejects.toThrow('ENOENT');
});

describe('an addon that was built for this machine', () => {
  const built = { 'build/Release/fast.node': HERE, 'build/Release/obj.target/fast.node': HERE };

  test('gives way to the prebuilt one of the target', async () => {
    await install({ ...built, [`prebuilds/${OTHER}/fast.node`]: OTHERS });
    const { without, found } = await project.find(OTHER!);
    expect(without).toEqual(Object.keys(built).map((name) => `${modules}/fast/${name}`));
    expect(found).toMatchObject([{ how: 'prebuild' }]);
    expect((await project.find(HOST!)).found).toMatchObject([{ how: 'installed' }]);
  });

  test('and has no other fails the target, naming package and remedies', async () => {
    await install(built);
    const { found } = await project.find(OTHER!);
    expect(found).toEqual([
      { package: 'fast', version: '1.0.0', how: 'missing', detail: 'it has no addon that works there' },
    ]);
    expect(() => reportMissing(found, OTHER!, () => {})).toThrow(
      new RegExp(
        `^A package has no native addon for ${OTHER}:\\n  fast@1\\.0\\.0: it has no addon that works there\\.\\n.*wrap\\.addons\\.rebuild.*--skip-addons 'fast'$`,
        's',
      ),
    );
  });

  describe('for another version of Node', () => {
    const cpu = HERE === X64 ? 'x86_64' : 'aarch64';
    const old = (version: number) =>
      nativeSample({ kind: 'modules-structure', target: `${cpu}-linux-gnu`, version });
    const extension = nativeSample({ kind: 'library', target: `${cpu}-linux-gnu`, libc: 'glibc' });

    test('fails the target of this machine, and an extension beside it that is no addon is none', async () => {
      await install({ 'build/Release/fast.node': old(115), 'build/Release/test_extension.node': extension });
      const { found } = await project.find(HOST!);
      expect(found).toMatchObject([
        {
          how: 'missing',
          detail: `build/Release/fast.node is an addon for NODE_MODULE_VERSION 115; ${HOST} needs NODE_MODULE_VERSION 137 (Node 24.11.0)`,
        },
      ]);
      expect(() => reportMissing(found, HOST!, () => {})).toThrow(
        /Run npm rebuild fast with Node 24\.11\.0, .*--runtime 20\.(?!.*for other machines).*--skip-addons 'fast'$/s,
      );
    });

    test('is advised to keep its Node where that is the one that builds', async () => {
      await install({ 'build/Release/fast.node': old(Number(process.versions.modules)) });
      const runtime = path.join(project.directory, 'other-node');
      await project.write('other-node', 'node_register_module_v115\0');
      expect((await project.find(HOST!, { runtime })).found).toMatchObject([
        { advice: expect.stringContaining(`--runtime ${process.versions.node.split('.')[0]}.`) },
      ]);
    });

    test('is built by the command of the user', { timeout: 30_000 }, async () => {
      await install({ 'build/Release/fast.node': old(115) });
      await project.write('made.node', HERE);
      const rebuild = `cp "${project.directory}/made.node" build/Release/fast.node`;
      expect((await project.find(HOST!, { rebuild })).found).toMatchObject([{ how: 'rebuilt' }]);
    });
  });

  test('is no loss where the package falls back to JavaScript', async () => {
    const index =
      "try { module.exports = require('node-gyp-build')(__dirname) } catch (e) { module.exports = require('./fallback') }";
    await install({ ...built, 'index.js': index });
    const { found } = await project.find(OTHER!);
    expect(found).toMatchObject([{ how: 'missing', optional: true }]);
    const events: unknown[] = [];
    reportMissing(found, OTHER!, (event) => events.push(event));
    expect(events).toMatchObject([{ type: 'notice', level: 'warning', target: OTHER }]);
  });

  test("is no loss where the package is somebody's optional dependency only", async () => {
    await install(built, {}, 'quick');
    await install({}, { optionalDependencies: { quick: '1.0.0' } });
    expect((await project.find(OTHER!)).found).toMatchObject([
      { package: 'quick', how: 'missing', optional: true },
    ]);
  });

  test('stays and is not spoken of where the user skips it', async () => {
    await install(built);
    expect(await project.find(OTHER!, { skip: ['fast'] })).toEqual({
      without: [],
      files: [],
      found: [],
      left: [],
    });
  });
});

describe('a file that an install script put over another', () => {
  test('is, for other machines, the published one; one that was added is left out', async () => {
    const scripts = { postinstall: 'node install.js' };
    const manifest = { name: 'fast', version: '1.0.0', scripts };
    const integrity = await project.publish(manifest, { 'bin/fast': '#!/usr/bin/env node\n' });
    const packages = { 'node_modules/fast': { version: '1.0.0', integrity } };
    await project.write('package-lock.json', JSON.stringify({ lockfileVersion: 3, packages }));
    await install({ 'bin/fast': HERE, 'lib/helper': HERE }, { scripts });
    expect(await project.find(HOST!)).toMatchObject({ without: [], files: [] });
    expect((await project.find(OTHER!, { lookOnly: true })).found).toEqual([
      { package: 'fast', version: '1.0.0', how: 'downloaded', detail: 'fast@1.0.0', downloaded: false },
    ]);
    expect(project.registry.requests).toEqual([]);
    const { without, files, found } = await project.find(OTHER!);
    expect(files.map((file) => [file.path, file.mode])).toEqual([[`${modules}/fast/bin/fast`, 0o755]]);
    expect(await readFile(files[0]!.content, 'utf8')).toBe('#!/usr/bin/env node\n');
    expect(without).toEqual([`${modules}/fast/lib/helper`]);
    expect(found).toMatchObject([{ package: 'fast', how: 'missing' }]);
  });
});

test('files for other systems that lie in a package are nothing that this machine would have to fetch', async () => {
  const packages = { 'node_modules/fast': { version: '1.0.0', integrity: 'sha512-AA==' } };
  await project.write('package-lock.json', JSON.stringify({ lockfileVersion: 3, packages }));
  await install({ 'data/fixture': OTHERS }, { scripts: { postinstall: 'node install.js' } });
  expect(await project.find(HOST!, { offline: true })).toEqual({
    without: [],
    files: [],
    found: [],
    left: [],
  });
  await expect(project.find(OTHER!, { offline: true })).resolves.toBeDefined();
  await expect(project.find('win-x64', { offline: true })).rejects.toMatchObject({ code: 'OFFLINE' });
});

describe('archives of prebuilt addons', () => {
  const manifest = {
    scripts: { install: 'prebuild-install -r napi || node-gyp rebuild' },
    binary: { napi_versions: [3, 6, 99] },
  };
  const file = `fast-v1.0.0-napi-v6-linux-${OTHER!.slice(6)}.tar.gz`;

  beforeEach(async () => {
    await project.write('.npmrc', `fast_binary_host=${project.registry.url}/mirror\n`);
    await install({ 'build/Release/fast.node': HERE }, manifest);
  });

  test('come from where prebuild-install takes them, and are locked', async () => {
    const archive = await tarOf({ 'build/Release/fast.node': OTHERS });
    project.registry.files.set(`/mirror/v1.0.0/${file}`, archive);
    await expect(project.find(OTHER!, { frozen: true })).rejects.toMatchObject({ code: 'LOCKFILE_FROZEN' });
    const found = await project.find(OTHER!);
    expect(found.found).toMatchObject([{ how: 'downloaded' }]);
    expect(found.files.map((one) => one.path)).toEqual([`${modules}/fast/build/Release/fast.node`]);
    expect(await readFile(found.files[0]!.content)).toEqual(OTHERS);
    const lock = JSON.parse(await readFile(path.join(project.directory, 'sarma.lock.json'), 'utf8'));
    const sha256 = createHash('sha256').update(archive).digest('hex');
    expect(lock.downloads).toEqual({ [`${project.registry.url}/mirror/v1.0.0/${file}`]: { sha256 } });
    project.registry.files.clear();
    expect(await project.find(OTHER!, { offline: true, frozen: true })).toEqual(found);
  });

  test('that are locked and not here yet are told so by who only looks', async () => {
    const id = `${project.registry.url}/mirror/v1.0.0/${file}`;
    const downloads = { [id]: { sha256: '0'.repeat(64) } };
    await project.write('sarma.lock.json', JSON.stringify({ lockfileVersion: 1, runtimes: {}, downloads }));
    expect((await project.find(OTHER!, { lookOnly: true })).found).toEqual([
      { package: 'fast', version: '1.0.0', how: 'downloaded', detail: id, downloaded: false },
    ]);
    expect((await project.find(OTHER!, { offline: true })).found).toMatchObject([
      { how: 'missing', detail: expect.stringContaining('run: sarma fetch') },
    ]);
    expect(project.registry.requests).toEqual([]);
  });

  test('that are no archives are named, and not locked', async () => {
    project.registry.files.set(`/mirror/v1.0.0/${file}`, Buffer.from('<html>Log in first</html>'));
    await expect(project.find(OTHER!)).rejects.toMatchObject({
      code: 'ADDON_PACKAGE_INVALID',
      message: expect.stringMatching(
        /^http\S+\.tar\.gz, the addon of fast@1\.0\.0, cannot be unpacked: .*Clear the build cache/,
      ),
    });
    await expect(readFile(path.join(project.directory, 'sarma.lock.json'))).rejects.toThrow();
  });

  test('that are not what they were stop the build', async () => {
    const downloads = { [`${project.registry.url}/mirror/v1.0.0/${file}`]: { sha256: '0'.repeat(64) } };
    await project.write('sarma.lock.json', JSON.stringify({ lockfileVersion: 1, runtimes: {}, downloads }));
    project.registry.files.set(`/mirror/v1.0.0/${file}`, await tarOf({ 'build/Release/fast.node': OTHERS }));
    await expect(project.find(OTHER!)).rejects.toMatchObject({ code: 'INTEGRITY' });
  });

  test('that cannot be had, or hold another machine, are a line', async () => {
    expect((await project.find(OTHER!)).found).toMatchObject([
      {
        how: 'missing',
        detail: expect.stringMatching(/it has no addon that works there; http.*cannot be had \(404/),
      },
    ]);
    expect(project.events).toContainEqual(
      expect.objectContaining({ level: 'info', message: expect.stringContaining('cannot be had') }),
    );
    project.registry.files.set(`/mirror/v1.0.0/${file}`, await tarOf({ 'build/Release/fast.node': HERE }));
    expect((await project.find(OTHER!)).found).toMatchObject([
      { how: 'missing', detail: expect.stringContaining('holds no addon that works there') },
    ]);
  });

  test('of node-pre-gyp are unpacked where its module_path says', async () => {
    const binary = {
      module_name: 'quick',
      module_path: './lib/binding/{node_abi}-{platform}-{arch}',
      host: `${project.registry.url}/pre-gyp/`,
      remote_path: './v{version}',
    };
    await install(
      { 'lib/binding/here/quick.node': HERE },
      { scripts: { install: 'node-pre-gyp install --fallback-to-build' }, binary },
      'quick',
    );
    const [, cpu] = OTHER!.split('-');
    project.registry.files.set(
      `/pre-gyp/v1.0.0/quick-v1.0.0-node-v137-linux-${cpu}.tar.gz`,
      await tarOf({ 'here/quick.node': OTHERS }),
    );
    const places = (await project.find(OTHER!)).files.map((one) => one.path);
    expect(places).toEqual([`${modules}/quick/lib/binding/node-v137-linux-${cpu}/quick.node`]);
  });
});

describe('what node-pre-gyp is told by a package', () => {
  const quick = async (binary: object) => {
    await install(
      { 'lib/binding/here/quick.node': HERE },
      { scripts: { install: 'node-pre-gyp install' }, binary: { module_name: 'quick', ...binary } },
      'quick',
    );
    const [, cpu] = OTHER!.split('-');
    project.registry.files.set(
      `/quick-v1.0.0-node-v137-linux-${cpu}.tar.gz`,
      await tarOf({ 'here/quick.node': OTHERS }),
    );
  };

  test('leads to no place outside of the release', async () => {
    await quick({ module_path: '../../../../..', host: project.registry.url });
    const { files } = await project.find(OTHER!);
    expect(() => withFiles({ directories: [], files: [], links: [] }, files)).toThrow(
      expect.objectContaining({ code: 'FILE_OUTSIDE' }),
    );
  });

  test.each(['addons.example/quick', 'localhost:8080/quick'])(
    'may be an address without a scheme, which is a line: %s',
    async (host) => {
      await quick({ module_path: 'lib/binding', host });
      expect((await project.find(OTHER!)).found).toMatchObject([
        { how: 'missing', detail: expect.stringContaining(`${host}/quick-v1.0.0-node-v137-linux-`) },
      ]);
    },
  );
});

describe('wrap.addons.rebuild', { timeout: 60_000 }, () => {
  test('builds in a copy what is missing, once for a content', async () => {
    await install({ 'build/Release/fast.node': HERE, 'fast.c': ADDON_SOURCE });
    const log = path.join(project.directory, 'runs');
    const program = `
      const { appendFileSync, mkdirSync } = require('node:fs');
      const { SARMA_TARGET, SARMA_PLATFORM, SARMA_ARCH, SARMA_LIBC, SARMA_NODE, SARMA_ABI } = process.env;
      appendFileSync(${JSON.stringify(log)}, [SARMA_TARGET, SARMA_PLATFORM, SARMA_ARCH, SARMA_LIBC, SARMA_NODE, SARMA_ABI, process.argv[2]].join(' ') + '\\n');
      mkdirSync('build/Release', { recursive: true });
      require('node:child_process').execFileSync(process.execPath, ${JSON.stringify(compileArguments(OTHER === 'linux-arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu', 'fast.c', 'build/Release/fast.node'))});
    `;
    await project.write('rebuild.cjs', program);
    const rebuild = [process.execPath, path.join(project.directory, 'rebuild.cjs'), '{package}@{version}'];
    const found = await project.find(OTHER!, { rebuild });
    expect(found.found).toMatchObject([{ how: 'rebuilt', detail: 'build/Release/fast.node' }]);
    expect(await readFile(found.files[0]!.content)).toEqual(OTHERS);
    const runs = async () => (await readFile(log, 'utf8')).trim().split('\n');
    const [, cpu] = OTHER!.split('-');
    expect(await runs()).toEqual([`${OTHER} linux ${cpu} glibc 24.11.0 137 fast@1.0.0`]);
    // The installed package is as it was.
    expect(
      await readFile(path.join(project.directory, 'release', modules, 'fast/build/Release/fast.node')),
    ).toEqual(HERE);
    expect(await project.find(OTHER!, { rebuild })).toEqual(found);
    expect(await runs()).toHaveLength(1);
  });

  test('is ended with all that it has started, and its copy removed', async () => {
    await install({ 'build/Release/fast.node': HERE });
    const log = path.join(project.directory, 'pids');
    const controller = new AbortController();
    const rebuild = `pwd > "${log}"; sleep 300 & echo $! >> "${log}"; wait`;
    const found = project.find(OTHER!, { rebuild, signal: controller.signal });
    await vi.waitFor(async () => expect((await readFile(log, 'utf8')).split('\n')).toHaveLength(3), {
      timeout: 30_000,
    });
    controller.abort();
    await expect(found).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
    const [copy, pid] = (await readFile(log, 'utf8')).split('\n');
    expect(existsSync(copy!)).toBe(false);
    await vi.waitFor(() => expect(() => process.kill(Number(pid), 0)).toThrow('ESRCH'), {
      timeout: 30_000,
    });
  });

  test('that fails, or builds for another machine, is an error with what it printed', async () => {
    await install({ 'build/Release/fast.node': HERE });
    await expect(project.find(OTHER!, { rebuild: 'echo no compiler; exit 3' })).rejects.toMatchObject({
      code: 'COMMAND_FAILED',
      message: expect.stringMatching(/^wrap\.addons\.rebuild for fast@1\.0\.0 and linux-.*no compiler/s),
    });
    const what = `wrap.addons.rebuild for fast@1.0.0 and ${OTHER} left no native file that works there`;
    await expect(project.find(OTHER!, { rebuild: 'true' })).rejects.toThrow(
      new RegExp(`^${what}: none is new or another one\\.$`),
    );
    await project.write('made.node', HERE);
    const rebuild = 'cp "{project}/made.node" fast.node && echo built it';
    await expect(project.find(OTHER!, { rebuild })).rejects.toThrow(
      new RegExp(`^${what}: fast\\.node is an addon for Linux .*; ${OTHER} needs .*\\.\\n {2}built it$`),
    );
  });
});
