import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { platformsOf, runsOn } from '../src/packages/platform.ts';
import { saysOther } from '../src/packages/platform-names.ts';
import { hostTarget, shippedTargets } from '../src/targets.ts';
import { type AddonProject, addonProject } from './support/addon-project.ts';

describe('where a package runs is decided as npm does', () => {
  const [linux, mac, win32, arm, musl] = [
    'linux-x64',
    'darwin-arm64',
    'win-x86',
    'linux-armv7l',
    'linux-x64-musl',
  ].map((name) => platformsOf(shippedTargets.get(name)!)[0]!);
  test.each([
    [linux, { os: ['linux'] }, true],
    [linux, { os: ['!win32'] }, true],
    [linux, { os: ['!win32', '!linux'] }, false],
    [linux, { os: ['any'] }, true],
    [mac, { os: ['darwin'], cpu: ['x64', 'arm64'] }, true],
    [mac, { os: ['darwin'], cpu: ['x64'] }, false],
    [mac, { libc: ['glibc'] }, false],
    [win32, { os: ['win32'], cpu: ['ia32'] }, true],
    [win32, { os: ['!win32'] }, false],
    [arm, { os: ['linux'], cpu: ['arm'] }, true],
    [linux, { os: ['linux'], libc: ['musl'] }, false],
    [musl, { os: ['linux'], libc: ['musl'] }, true],
  ])('%j and %j: %s', (platform, fields, expected) => {
    expect(runsOn('some-package', fields, platform!)).toBe(expected);
  });

  test('without a field `libc` the name tells', () => {
    const os = ['linux'];
    expect(runsOn('crc32-linux-x64-gnu', { os }, musl!)).toBe(false);
    expect(runsOn('crc32-linux-x64-gnu', { os }, linux!)).toBe(true);
    expect(runsOn('@img/sharp-linuxmusl-x64', { os }, linux!)).toBe(false);
    expect(saysOther('@esbuild/darwin-arm64', linux!)).toBe(true);
    expect(saysOther('fsevents', linux!)).toBe(false);
    expect(saysOther('tool-win-x64', linux!)).toBe(true);
    expect(saysOther('tool-alpine', linux!)).toBe(true);
    expect(saysOther('tool-wasm32', linux!)).toBe(true);
    expect(saysOther('app', linux!)).toBe(false);
  });

  test('a universal target runs on both of its slices', () => {
    expect(platformsOf(shippedTargets.get('darwin-universal')!).map(({ cpu }) => cpu)).toEqual([
      'x64',
      'arm64',
    ]);
  });
});

const PROJECT = { name: 'app', version: '1.0.0', dependencies: { crc: '1.0.0' } };
const CRC = {
  name: 'crc',
  version: '1.0.0',
  optionalDependencies: { 'crc-linux-x64': '1.0.0', 'crc-linux-arm64': '1.0.0', 'crc-win32-x64': '1.0.0' },
};
const machine = (os: string, cpu: string, more = {}) => ({
  name: `crc-${os}-${cpu}`,
  version: '1.0.0',
  os: [os],
  cpu: [cpu],
  ...more,
});

describe('optional dependencies', () => {
  let project: AddonProject;
  const modules = 'lib/app-1.0.0/node_modules';

  beforeEach(async () => {
    project = await addonProject();
    await project.install('lib/app-1.0.0', PROJECT);
    await project.install(`${modules}/crc`, CRC);
    await project.install(`${modules}/crc-linux-x64`, machine('linux', 'x64'), { 'crc.node': 'x64' });
  });
  afterEach(() => project.close());

  /** Publishes crc's packages for other machines, and has a package-lock.json pin them. */
  const publishLocked = async (...manifests: readonly { name: string; version: string }[]) => {
    const entries = manifests.map(async (manifest) => {
      const integrity = await project.publish(manifest, { 'crc.node': manifest.name, 'bin/crc': 'run' });
      return [`node_modules/${manifest.name}`, { ...manifest, integrity, optional: true }];
    });
    const packages = Object.fromEntries(await Promise.all(entries));
    await project.write('package-lock.json', JSON.stringify({ lockfileVersion: 3, packages }));
  };

  test('of the target are fetched at the locked version, those of the host left out', async () => {
    await publishLocked(machine('linux', 'arm64', { bin: './run.js' }), machine('win32', 'x64'));
    await project.publish(machine('linux', 'arm64', { version: '1.0.1' }));
    const { without, files, found } = await project.find('linux-arm64');
    expect(without).toEqual([`${modules}/crc-linux-x64`]);
    expect(files.map(({ path: place, mode }) => [place, mode.toString(8)])).toEqual([
      [`${modules}/crc-linux-arm64/package.json`, '644'],
      [`${modules}/crc-linux-arm64/crc.node`, '644'],
      [`${modules}/crc-linux-arm64/bin/crc`, '755'],
    ]);
    expect(await readFile(files[1]!.content, 'utf8')).toBe('crc-linux-arm64');
    expect(found).toEqual([
      { package: 'crc', version: '1.0.0', how: 'optional dependency', detail: 'crc-linux-arm64' },
    ]);
    // What the lock file tells need not be asked for.
    expect(project.registry.requests).toEqual(['/crc-linux-arm64/-/crc-linux-arm64-1.0.0.tgz']);
  });

  test('of the host stay, and nobody is asked', async () => {
    const { without, files, found } = await project.find('linux-x64');
    expect({ without, files }).toEqual({ without: [], files: [] });
    expect(found).toMatchObject([{ package: 'crc', how: 'installed', detail: 'crc-linux-x64' }]);
    expect(project.registry.requests).toEqual([]);
  });

  test('of the host that were left out are named as not installed', async () => {
    const names = ['linux-x64', 'linux-arm64', 'linuxmusl-x64', 'linuxmusl-arm64', 'win32-x64'];
    const optionalDependencies = Object.fromEntries(names.map((name) => [`tool-${name}`, '1.0.0']));
    await project.install(`${modules}/tool`, { name: 'tool', version: '1.0.0', optionalDependencies });
    const { name } = hostTarget(shippedTargets);
    const { found } = await project.find(name, { offline: true });
    expect(found.find((one) => one.package === 'tool')).toMatchObject({
      how: 'missing',
      detail: `tool-${name} is for linux ${name.slice(6)} glibc, and not installed`,
      advice: expect.stringContaining('--include=optional'),
    });
  });

  test('bring along what they need themselves', async () => {
    const lib = { name: 'crc-lib-linux-arm64', version: '2.0.0', os: ['linux'], cpu: ['arm64'] };
    const mac = { name: 'crc-lib-darwin-arm64', version: '2.0.0', os: ['darwin'], cpu: ['arm64'] };
    const plain = { name: 'plain', version: '3.0.0' };
    const needs = {
      optionalDependencies: { [lib.name]: '2.0.0', [mac.name]: '2.0.0' },
      dependencies: { plain: '^3.0.0' },
    };
    await publishLocked(machine('linux', 'arm64', needs), lib, mac, plain);
    // Another version of it is there already, and stays.
    await project.install(`${modules}/plain`, { name: 'plain', version: '1.0.0' });
    const places = (await project.find('linux-arm64')).files.map(({ path: place }) =>
      path.posix.dirname(place),
    );
    expect(new Set(places.filter((place) => !place.endsWith('/bin')))).toEqual(
      new Set([
        `${modules}/crc-linux-arm64`,
        `${modules}/crc-lib-linux-arm64`,
        `${modules}/crc-linux-arm64/node_modules/plain`,
      ]),
    );
  });

  test('lie beside their parent in a virtual store', async () => {
    const store = `${modules}/.pnpm/tool@1.0.0/node_modules`;
    const inStore = `${modules}/.pnpm/tool-linux-x64@1.0.0/node_modules/tool-linux-x64`;
    const tool = (cpu: string) => ({ ...machine('linux', cpu), name: `tool-linux-${cpu}` });
    const optionalDependencies = { 'tool-linux-x64': '1.0.0', 'tool-linux-arm64': '1.0.0' };
    await project.install(`${store}/tool`, { name: 'tool', version: '1.0.0', optionalDependencies });
    await project.install(inStore, tool('x64'));
    await project.link(`${store}/tool-linux-x64`, inStore);
    await publishLocked(machine('linux', 'arm64'), tool('arm64'));
    const { without, files } = await project.find('linux-arm64');
    expect(without).toContain(inStore);
    expect(files.map((file) => file.path)).toContain(`${store}/tool-linux-arm64/package.json`);
  });

  test('of two versions lie in their parents', async () => {
    const other = { ...CRC, version: '2.0.0', optionalDependencies: { 'crc-linux-arm64': '2.0.0' } };
    await project.install(`${modules}/user`, { name: 'user', version: '1.0.0' });
    await project.install(`${modules}/old`, { ...other, name: 'old' });
    await publishLocked(machine('linux', 'arm64'));
    await project.publish({ ...machine('linux', 'arm64'), version: '2.0.0' });
    const places = (await project.find('linux-arm64')).files.map((file) => file.path);
    expect(places).toContain(`${modules}/crc-linux-arm64/package.json`);
    expect(places).toContain(`${modules}/old/node_modules/crc-linux-arm64/package.json`);
  });

  test('that no lock file has come at the exact pin, and are locked; then offline', async () => {
    const integrity = await project.publish(machine('linux', 'arm64'));
    await project.publish({ ...machine('linux', 'arm64'), version: '1.0.9' });
    await expect(project.find('linux-arm64', { frozen: true })).rejects.toMatchObject({
      code: 'LOCKFILE_FROZEN',
      message:
        'crc-linux-arm64@1.0.0 is in no lock file, and --frozen forbids to add it to sarma.lock.json. Run: sarma fetch',
    });
    await expect(project.find('linux-arm64', { offline: true })).rejects.toMatchObject({ code: 'OFFLINE' });
    const found = await project.find('linux-arm64');
    const lock = JSON.parse(await readFile(path.join(project.directory, 'sarma.lock.json'), 'utf8'));
    expect(lock.packages).toEqual({ 'crc-linux-arm64@1.0.0': { integrity } });
    project.registry.files.clear();
    expect(await project.find('linux-arm64', { offline: true, frozen: true })).toEqual(found);
  });

  test('of a range are the newest that fits, which is said', async () => {
    const optionalDependencies = { 'tool-linux-arm64': '^1.0.0' };
    await project.install(`${modules}/tool`, { name: 'tool', version: '1.0.0', optionalDependencies });
    await publishLocked(machine('linux', 'arm64'));
    for (const version of ['1.2.0', '1.10.0', '2.0.0'])
      await project.publish({ ...machine('linux', 'arm64'), name: 'tool-linux-arm64', version });
    await project.find('linux-arm64');
    expect(project.events).toContainEqual(
      expect.objectContaining({
        message: expect.stringContaining('tool-linux-arm64@^1.0.0 is in no lock file: 1.10.0'),
      }),
    );
  });

  test('that are not what the lock file says stop the build, and nothing of them is kept', async () => {
    await publishLocked(machine('linux', 'arm64'));
    const address = '/crc-linux-arm64/-/crc-linux-arm64-1.0.0.tgz';
    const sound = project.registry.files.get(address)!;
    project.registry.files.set(address, Buffer.concat([sound as Buffer, Buffer.from('x')]));
    await expect(project.find('linux-arm64')).rejects.toMatchObject({ code: 'INTEGRITY' });
    await expect(project.find('linux-arm64', { offline: true })).rejects.toMatchObject({ code: 'OFFLINE' });
    project.registry.files.set(address, sound);
    expect((await project.find('linux-arm64')).files).toHaveLength(3);
  });

  test('by other names are found where npm puts them', async () => {
    const optionalDependencies = { 'tool-linux-arm64': 'npm:tool@1.0.0-linux-arm64' };
    await project.install(`${modules}/tool`, { name: 'tool', version: '1.0.0', optionalDependencies });
    await publishLocked(machine('linux', 'arm64'));
    await project.publish({ ...machine('linux', 'arm64'), name: 'tool', version: '1.0.0-linux-arm64' });
    const places = (await project.find('linux-arm64')).files.map((file) => file.path);
    expect(places).toContain(`${modules}/tool-linux-arm64/package.json`);
  });

  test('for one other system only are nothing that is missing; none among many is', async () => {
    const optionalDependencies = { fsevents: '2.0.0' };
    await project.install(`${modules}/watch`, { name: 'watch', version: '1.0.0', optionalDependencies });
    await publishLocked(machine('linux', 'arm64'), machine('win32', 'x64'), {
      ...machine('darwin', 'any'),
      name: 'fsevents',
      version: '2.0.0',
    });
    expect((await project.find('linux-s390x')).found).toEqual([
      {
        package: 'crc',
        version: '1.0.0',
        how: 'missing',
        detail: 'none of its optional dependencies is for linux s390x glibc',
      },
    ]);
    const skipped = (await project.find('linux-s390x', { skip: ['crc'] })).found;
    expect(skipped).toMatchObject([{ package: 'crc', how: 'missing', optional: true }]);
  });

  test('that were never published are nobody a lock file that has the right one need be asked for', async () => {
    const optionalDependencies = {
      ...CRC.optionalDependencies,
      'crc-linux-any': '1.0.0',
      'crc-linux-s390x': '1.0.0',
    };
    await project.install(`${modules}/crc2`, { ...CRC, name: 'crc2', optionalDependencies });
    await publishLocked(machine('linux', 'arm64'));
    const { found } = await project.find('linux-arm64', { frozen: true });
    expect(found).toMatchObject([{ package: 'crc' }, { package: 'crc2', how: 'optional dependency' }]);
    expect((await project.find('linux-s390x')).found[1]).toMatchObject({
      package: 'crc2',
      how: 'missing',
      detail:
        'none of its optional dependencies is for linux s390x glibc; the registry has no crc-linux-any, crc-linux-s390x of that version',
    });
  });

  test('that are locked and not here yet are told so by who only looks', async () => {
    await publishLocked(machine('linux', 'arm64'));
    expect((await project.find('linux-arm64', { lookOnly: true })).found).toEqual([
      {
        package: 'crc',
        version: '1.0.0',
        how: 'optional dependency',
        detail: 'crc-linux-arm64',
        downloaded: false,
      },
    ]);
    expect(project.registry.requests).toEqual([]);
  });

  test('that the registry does not tell of stop the build, until it does', async () => {
    // Yarn's lock file says nothing of systems.
    const integrity = await project.publish(machine('linux', 'arm64'));
    const lock = `crc-linux-arm64@1.0.0:\n  version "1.0.0"\n  integrity ${integrity}\n`;
    await project.write('yarn.lock', lock);
    const metadata = project.registry.files.get('/crc-linux-arm64')!;
    project.registry.files.delete('/crc-linux-arm64');
    await expect(project.find('linux-arm64')).rejects.toMatchObject({
      code: 'ADDON_PACKAGE_INVALID',
      message: expect.stringMatching(/^The registry has no crc-linux-arm64@1\.0\.0.*\.npmrc/),
    });
    project.registry.files.set('/crc-linux-arm64', metadata);
    expect((await project.find('linux-arm64')).found).toMatchObject([{ how: 'optional dependency' }]);
  });

  test('of a manifest that is not as it should be count as far as they can be understood', async () => {
    const optionalDependencies = { 'crc-linux-arm64': '1.0.0', '../../escape': '1.0.0', x: 1 };
    const odd = { main: false, bin: ['x'], scripts: [1], dependencies: 'none', os: { a: 1 }, config: 'x' };
    await project.install(`${modules}/odd`, { ...odd, name: 'odd', version: 1, optionalDependencies });
    await project.install(`${modules}/list`, [] as object as Record<string, unknown>);
    await publishLocked(machine('linux', 'arm64', { bin: { crc: false }, os: ['linux', 7] }));
    const { files, found } = await project.find('linux-arm64');
    expect(found.map((one) => [one.package, one.version])).toEqual([
      ['crc', '1.0.0'],
      ['odd', '0.0.0'],
    ]);
    expect(files).toHaveLength(3);
  });
});
