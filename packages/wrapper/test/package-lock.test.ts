import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockedIntegrity, readPackageLock } from '../src/packages/package-lock.ts';

let project: string;

beforeEach(async () => {
  project = await mkdtemp(path.join(tmpdir(), 'sarma-package-lock-'));
});
afterEach(() => rm(project, { recursive: true }));

/** The same two packages, as each package manager pins them. */
const FILES: Readonly<Record<string, readonly [file: string, text: string]>> = {
  'npm 7 and later': [
    'package-lock.json',
    JSON.stringify({
      lockfileVersion: 3,
      packages: {
        '': { name: 'app' },
        'node_modules/plain': { version: '1.2.0', resolved: 'https://a/plain.tgz', integrity: 'sha512-AA==' },
        'node_modules/x/node_modules/plain': { version: '0.9.0', integrity: 'sha512-CC==' },
        'node_modules/@s/mac': { version: '2.0.0', integrity: 'sha512-BB==', os: ['darwin'], cpu: ['arm64'] },
        'node_modules/linked': { resolved: 'linked', link: true },
        'node_modules/y/node_modules/plain': { version: '3.0.0', resolved: 'git+ssh://git@a/plain.git#1' },
      },
    }),
  ],
  'npm 6': [
    'npm-shrinkwrap.json',
    JSON.stringify({
      lockfileVersion: 1,
      dependencies: {
        x: { version: '1.0.0', dependencies: { plain: { version: '0.9.0', integrity: 'sha512-CC==' } } },
        plain: { version: '1.2.0', integrity: 'sha512-AA==' },
        other: { version: 'npm:@s/mac@2.0.0', integrity: 'sha512-BB==' },
      },
    }),
  ],
  'pnpm 9': [
    'pnpm-lock.yaml',
    `lockfileVersion: '9.0'
packages:
  plain@1.2.0:
    resolution: {integrity: sha512-AA==}
  plain@0.9.0:
    resolution: {integrity: sha512-CC==}
  '@s/mac@2.0.0':
    resolution: {integrity: sha512-BB==}
    cpu: [arm64]
    os: [darwin]
`,
  ],
  'pnpm 7': [
    'pnpm-lock.yaml',
    `lockfileVersion: 5.4
packages:
  /plain/1.2.0_peer@1.0.0:
    resolution: {integrity: sha512-AA==}
  /plain/0.9.0:
    resolution: {integrity: sha512-CC==}
  /@s/mac/2.0.0:
    resolution: {integrity: sha512-BB==}
    os: [darwin]
`,
  ],
  'Yarn 1': [
    'yarn.lock',
    `# yarn lockfile v1


plain@^0.9.0:
  version "0.9.0"
  integrity sha512-CC==

plain@1.x, "plain@>=1 <2":
  version "1.2.0"
  resolved "https://registry.example/plain/-/plain-1.2.0.tgz#abc"
  integrity sha512-AA==

"@s/mac@2.0.0":
  version "2.0.0"
  integrity sha512-BB==
  dependencies:
    version "9.9.9"
`,
  ],
  Bun: [
    'bun.lock',
    `{
  "lockfileVersion": 1,
  "packages": {
    "plain": ["plain@1.2.0", "", {}, "sha512-AA=="],
    "x/plain": ["plain@0.9.0", "", {}, "sha512-CC=="],
    "@s/mac": ["@s/mac@2.0.0", "", { "os": "darwin", "cpu": "arm64" }, "sha512-BB=="],
  },
}
`,
  ],
};

test.each(Object.entries(FILES))(
  'versions and integrity come from the lock file of %s',
  async (_, [file, text]) => {
    await writeFile(path.join(project, file), text);
    const { find } = await readPackageLock(project);
    expect(find('plain', '^1.0.0')).toMatchObject({ version: '1.2.0', integrity: 'sha512-AA==' });
    expect(find('plain', '*')?.version).toBe('1.2.0');
    expect(find('plain', '0.9.0')?.integrity).toBe('sha512-CC==');
    expect(find('@s/mac', '2.0.0')).toMatchObject({ version: '2.0.0', integrity: 'sha512-BB==' });
    expect(find('plain', '^3.0.0')).toBeUndefined();
    const mac = find('@s/mac', '2.0.0')!;
    if (mac.tellsPlatform) expect(mac.platform.os).toEqual(['darwin']);
    else expect(mac.platform).toEqual({});
  },
);

test('what Yarn 1 has from elsewhere than the registry is not the package of that name', async () => {
  const specs = [
    '"secret@git+https://git.example/secret.git"',
    'secret@acme/secret',
    '"secret@file:../secret"',
    '"secret@https://files.example/secret.tgz"',
    '"secret@^1.0.0", "secret@git+ssh://git@git.example/secret.git#1"',
  ];
  for (const spec of specs) {
    await writeFile(path.join(project, 'yarn.lock'), `${spec}:\n  version "1.0.0"\n`);
    expect((await readPackageLock(project)).find('secret', '1.0.0'), spec).toBeUndefined();
  }
  const alias = '"own@npm:@s/secret@^1.0.0", "own@npm:@s/secret@1.x":\n  version "1.0.0"\n';
  await writeFile(path.join(project, 'yarn.lock'), alias);
  expect((await readPackageLock(project)).find('@s/secret', '^1.0.0')?.version).toBe('1.0.0');
});

test('the hashes of Yarn 2 and later are of archives that Yarn makes, and count for nothing', async () => {
  const text = `__metadata:
  version: 8

"plain@npm:^1.0.0":
  version: 1.2.0
  resolution: "plain@npm:1.2.0"
  checksum: 10c0/abc
  languageName: node
`;
  await writeFile(path.join(project, 'yarn.lock'), text);
  expect((await readPackageLock(project)).find('plain', '^1.0.0')).toMatchObject({
    version: '1.2.0',
    integrity: undefined,
  });
  expect((await lockedIntegrity(project))('plain', '1.2.0')).toBeUndefined();
  const packages = { 'plain@1.2.0': { integrity: 'sha512-AA==' } };
  const own = JSON.stringify({ lockfileVersion: 1, runtimes: {}, packages });
  await writeFile(path.join(project, 'sarma.lock.json'), own);
  expect((await lockedIntegrity(project))('plain', '1.2.0')).toBe('sha512-AA==');
});

test('the lock file of a workspace lies above it', async () => {
  const [file, text] = FILES['pnpm 9']!;
  await writeFile(path.join(project, file), text);
  const workspace = path.join(project, 'packages', 'a');
  await mkdir(workspace, { recursive: true });
  expect((await readPackageLock(workspace)).file).toBe(path.join(project, file));
  expect((await lockedIntegrity(workspace))('plain', '1.2.0')).toBe('sha512-AA==');
});

test('one that cannot be understood is named', async () => {
  await writeFile(path.join(project, 'package-lock.json'), '{"packages":');
  await expect(readPackageLock(project)).rejects.toMatchObject({
    code: 'PACKAGE_LOCK_INVALID',
    message: expect.stringContaining(path.join(project, 'package-lock.json')),
  });
});
