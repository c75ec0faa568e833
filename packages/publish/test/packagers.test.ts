import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { lacks } from '../../../test/support/requirements.ts';
import { type PackagerSettings, writePackagers } from '../src/installers/packagers.ts';
import { placeOf } from '../src/place.ts';

const GITHUB = {
  versions: 'https://github.com/ann/hello/releases/download/v{version}/',
  latest: 'https://github.com/ann/hello/releases/latest/download/latest.json',
  home: 'https://github.com/ann/hello',
};
const ALL = [
  ...['linux-x64', 'linux-x64-musl', 'linux-arm64', 'linux-armv7l'],
  ...['darwin-x64', 'darwin-arm64', 'win-x64', 'win-x86', 'win-arm64'],
];

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'sarma-packagers-'));
});

afterAll(() => rm(folder, { recursive: true }));

/** What is written for a version with these programs and targets; its files have a few bytes each. */
async function packagers({
  targets = ALL,
  programs = ['hello'],
  about = {},
  place = GITHUB,
  settings = {},
}: {
  readonly targets?: readonly string[];
  readonly programs?: readonly string[];
  readonly about?: object;
  readonly place?: typeof GITHUB;
  readonly settings?: PackagerSettings;
}) {
  const staged = await mkdtemp(path.join(folder, 'staged-'));
  const names = targets.flatMap((target) => programs.map((program) => ({ program, target })));
  const executables = names.map(({ program, target }) => {
    const file = `${program}_${target}${target.startsWith('win-') ? '.exe' : ''}`;
    return { program, target, file, size: 1, sha256: digestOf(file), parts: [] };
  });
  for (const { file } of executables) await writeFile(path.join(staged, file), file, { mode: 0o755 });
  const files = executables
    .flatMap(({ program, target, file }) => [file, `${program}_${target}.tar.gz`])
    .map((name) => ({ name, size: 1, sha256: digestOf(name) }));
  const written = await writePackagers(
    {
      release: { name: 'hello', version: '1.2.0', project: folder, isService: false, about },
      staged: {
        folder: staged,
        feed: {
          format: 1,
          name: 'hello',
          version: '1.2.0',
          tag: 'v1.2.0',
          date: '2026-11-22T10:00:00Z',
          notes: 'Many\nthings: good',
          executables,
        },
        files,
      },
      place,
    },
    settings,
    path.join(staged, 'packagers'),
  );
  const at = (file: string) => path.join(staged, 'packagers', file);
  return { written, at, text: async (file: string) => await readFile(at(file), 'utf8') };
}

/** Another one for each name. */
function digestOf(name: string): string {
  return Buffer.from(name).toString('hex').padEnd(64, '0').slice(-64);
}

const RELEASES = 'https://github.com/ann/hello/releases/download/v1.2.0';

test('Homebrew and Scoop have their files by default, winget and npm when they are asked for', async () => {
  expect((await packagers({})).written).toEqual(['homebrew/hello.rb', 'scoop/hello.json']);
  const settings = { homebrew: false, scoop: false, winget: { id: 'Ann.Hello' }, npm: true } as const;
  const { written } = await packagers({ settings, targets: ['linux-x64', 'win-x64'] });
  expect(written).toEqual([
    'winget/Ann.Hello.yaml',
    'winget/Ann.Hello.installer.yaml',
    'winget/Ann.Hello.locale.en-US.yaml',
    'npm/hello-linux-x64',
    'npm/hello-win-x64',
    'npm/hello',
  ]);
});

test('a package manager without executables for its systems has no file', async () => {
  expect((await packagers({ targets: ['win-x64'] })).written).toEqual(['scoop/hello.json']);
  expect(
    (await packagers({ targets: ['darwin-arm64'], settings: { winget: { id: 'Ann.Hello' } } })).written,
  ).toEqual(['homebrew/hello.rb']);
});

describe('the formula of Homebrew', () => {
  test('has the archive and the hash of each system and CPU, and says what package.json says', async () => {
    const about = {
      description: 'Says "hello" to #{everybody}.',
      license: 'MIT',
      homepage: 'https://hello.example',
    };
    const formula = await (await packagers({ about })).text('homebrew/hello.rb');
    expect(formula).toContain('class Hello < Formula\n  desc "Says \\"hello\\" to \\#{everybody}"\n');
    expect(formula).toContain('  homepage "https://hello.example"\n  version "1.2.0"\n  license "MIT"\n');
    for (const target of ['darwin-arm64', 'darwin-x64', 'linux-arm64', 'linux-x64']) {
      const file = `hello_${target}.tar.gz`;
      expect(formula).toContain(`      url "${RELEASES}/${file}"\n      sha256 "${digestOf(file)}"\n`);
    }
    expect(formula).not.toContain('musl');
  });

  test('takes the universal executable where a Mac has none of its own', async () => {
    const formula = await (await packagers({ targets: ['darwin-arm64', 'darwin-universal'] })).text(
      'homebrew/hello.rb',
    );
    expect(formula.match(/hello_darwin-\w+/g)).toEqual(['hello_darwin-arm64', 'hello_darwin-universal']);
    expect(formula).not.toContain('on_linux');
  });

  test('knows licences of which there are several', async () => {
    const licenses = {
      '(MIT OR Apache-2.0)': 'any_of: ["MIT", "Apache-2.0"]',
      UNLICENSED: ':cannot_represent',
    };
    for (const [license, words] of Object.entries(licenses)) {
      expect(await (await packagers({ about: { license } })).text('homebrew/hello.rb')).toContain(
        `  license ${words}\n`,
      );
    }
  });

  test.skipIf(lacks('ruby'))('is Ruby', async () => {
    const { at } = await packagers({
      programs: ['hello', 'helloctl'],
      about: { description: 'It\'s "\\#{x}' },
    });
    expect((await execa('ruby', ['-c', at('homebrew/hello.rb')])).stdout).toBe('Syntax OK');
  });
});

test('the manifest of Scoop has every executable for Windows, and finds later versions and their hashes by itself', async () => {
  const manifest = JSON.parse(
    await (await packagers({ programs: ['hello', 'helloctl'] })).text('scoop/hello.json'),
  );
  expect(Object.keys(manifest.architecture)).toEqual(['64bit', '32bit', 'arm64']);
  expect(manifest.architecture['64bit']).toEqual({
    url: [`${RELEASES}/hello_win-x64.exe#/hello.exe`, `${RELEASES}/helloctl_win-x64.exe#/helloctl.exe`],
    hash: [digestOf('hello_win-x64.exe'), digestOf('helloctl_win-x64.exe')],
  });
  expect(manifest.bin).toEqual(['hello.exe', 'helloctl.exe']);
  expect(manifest.checkver).toEqual({ url: GITHUB.latest, jsonpath: '$.version' });
  const address = RELEASES.replace('1.2.0', '$version');
  expect(manifest.autoupdate.architecture.arm64.url[0]).toBe(`${address}/hello_win-arm64.exe#/hello.exe`);
  expect(manifest.autoupdate.hash).toEqual({ url: '$baseurl/SHA256SUMS' });
});

test('the manifests of winget are YAML, with what its schemas require', async () => {
  const { text } = await packagers({
    settings: { winget: { id: 'Ann.Hello', publisher: 'Ann & Co: "Hello"' } },
  });
  const head = { PackageIdentifier: 'Ann.Hello', PackageVersion: '1.2.0', ManifestVersion: '1.12.0' };
  expect(parse(await text('winget/Ann.Hello.yaml'))).toEqual({
    ...head,
    DefaultLocale: 'en-US',
    ManifestType: 'version',
  });
  const installer = parse(await text('winget/Ann.Hello.installer.yaml'));
  expect(installer).toMatchObject({
    ...head,
    InstallerType: 'portable',
    Commands: ['hello'],
    ReleaseDate: '2026-11-22',
    ManifestType: 'installer',
  });
  expect(installer.Installers.map(({ Architecture }: { Architecture: string }) => Architecture)).toEqual([
    'x64',
    'x86',
    'arm64',
  ]);
  expect(installer.Installers[0]).toEqual({
    Architecture: 'x64',
    InstallerUrl: `${RELEASES}/hello_win-x64.exe`,
    InstallerSha256: digestOf('hello_win-x64.exe').toUpperCase(),
  });
  expect(parse(await text('winget/Ann.Hello.locale.en-US.yaml'))).toMatchObject({
    ...head,
    ...{ PackageLocale: 'en-US', Publisher: 'Ann & Co: "Hello"', PackageName: 'hello', License: 'Unknown' },
    ...{
      ShortDescription: 'The program hello',
      ReleaseNotes: 'Many\nthings: good',
      ManifestType: 'defaultLocale',
    },
  });
});

test('the addresses in a folder that is served have the version in them, encoded', async () => {
  const settings = { github: undefined, url: 'https://example.org/', tag: 'v{version}', isMain: true };
  const place = placeOf(settings, '1.2.0')!;
  const { text } = await packagers({ place });
  expect(await text('homebrew/hello.rb')).toContain('url "https://example.org/1.2.0/hello_linux-x64.tar.gz"');
  expect(await text('homebrew/hello.rb')).toContain('homepage "https://example.org/"');
});

test('a release that releases/latest does not lead to is had from its own version', async () => {
  const github = { repository: 'ann/tools', url: 'https://github.com' };
  const settings = { github, url: undefined, tag: 'worker-v{version}', isMain: false };
  const place = placeOf(settings, '1.2.0')!;
  expect(place.latest).toBe('https://github.com/ann/tools/releases/download/worker-v1.2.0/latest.json');
  const { text } = await packagers({ place });
  expect(await text('homebrew/hello.rb')).toContain('homepage "https://github.com/ann/tools"');
  expect(await text('homebrew/hello.rb')).toContain(
    '/releases/download/worker-v1.2.0/hello_linux-x64.tar.gz"',
  );
});

test('the packages for npm say where they are to be installed, and hold the executables and the licence', async () => {
  await writeFile(path.join(folder, 'LICENCE.md'), 'Do.');
  const { at, text } = await packagers({
    programs: ['hello', 'helloctl'],
    settings: { npm: { name: '@ann/hello' } },
  });
  const manifestOf = async (name: string) => JSON.parse(await text(`npm/${name}/package.json`));
  expect(await manifestOf('hello-linux-x64-musl')).toMatchObject({
    name: '@ann/hello-linux-x64-musl',
    os: ['linux'],
    cpu: ['x64'],
    libc: ['musl'],
  });
  expect(await manifestOf('hello-linux-armv7l')).toMatchObject({
    os: ['linux'],
    cpu: ['arm'],
    libc: ['glibc'],
  });
  expect(await manifestOf('hello-win-x86')).toMatchObject({ os: ['win32'], cpu: ['ia32'] });
  expect(await readdir(at('npm/hello-win-x64/bin'))).toEqual(['hello.exe', 'helloctl.exe']);
  for (const name of ['hello', 'hello-win-x64']) {
    expect(await text(`npm/${name}/LICENCE.md`)).toBe('Do.');
    expect((await manifestOf(name)).files).toEqual(['bin', 'LICENCE.md']);
  }
  expect((await stat(at('npm/hello-darwin-arm64/bin/hello'))).mode & 0o777).toBe(0o755);
  const main = await manifestOf('hello');
  expect(main.repository).toEqual({ type: 'git', url: 'git+https://github.com/ann/hello.git' });
  expect(main.publishConfig).toEqual({ access: 'public', tag: 'latest' });
  expect(main.bin).toEqual({ hello: 'bin/hello.js', helloctl: 'bin/helloctl.js' });
  expect(Object.keys(main.optionalDependencies)).toEqual(ALL.map((target) => `@ann/hello-${target}`));
  expect(new Set(Object.values(main.optionalDependencies))).toEqual(new Set(['1.2.0']));
});
