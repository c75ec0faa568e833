// Targets that a package has no native addon for, beside some that it has one for.
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { addonFile } from '../../wrapper/test/support/addon-file.ts';
import { writeNodes } from '../../wrapper/test/support/darwin-node.ts';
import { folder, hello, sarma } from './support/sarma.ts';

const runtime = ['--runtime', './nodes/{target}', '-t', 'darwin-arm64,win-x64', '--json'];

/** Its package `fast` was built for this machine, and has a prebuilt addon for win-x64. */
async function project(release: string): Promise<string> {
  const directory = await folder({
    ...hello,
    'package.json': JSON.stringify({
      ...JSON.parse(hello['package.json']),
      dependencies: { fast: '1.0.0' },
    }),
    'sarma.config.mjs': `export default { releases: { hello: { ${release} } } };`,
    'node_modules/fast/package.json': JSON.stringify({ name: 'fast', version: '1.0.0' }),
    'node_modules/fast/index.js': '',
    'node_modules/fast/build/Release/fast.node': addonFile('x86_64-linux-gnu'),
    'node_modules/fast/prebuilds/win32-x64/fast.node': addonFile('x86_64-windows-gnu'),
  });
  await writeNodes(path.join(directory, 'nodes'), { 'darwin-arm64': '24.1.0', 'win-x64': '24.1.0' });
  return directory;
}

async function run(directory: string, ...argv: string[]) {
  const environment = { SARMA_BUILD_CACHE: path.join(directory, 'cache') };
  const { exitCode, stdout, stderr } = await sarma([...argv, ...runtime], { directory, environment });
  const lines = stdout.trimEnd().split('\n');
  const events = lines.map((line) => JSON.parse(line));
  const targets = (type: string) =>
    events.filter((event) => event.type === type).map(({ target, code }) => `${target} ${code ?? ''}`.trim());
  return { exitCode, stderr, targets };
}

test('a target that fails in tar takes nothing of the others with it but steps of the user, and addons are told once', async () => {
  const directory = await project(
    "steps: ['assemble', 'tar', () => { throw new Error('not for a part'); }, 'wrap']",
  );
  const { exitCode, targets } = await run(directory, 'wrap', '--compression', 'none');
  expect(targets('failure')).toEqual(['darwin-arm64 ADDON_MISSING']);
  expect(targets('tar')).toEqual(['win-x64']);
  expect(targets('artifact')).toEqual(['win-x64']);
  expect(targets('addons')).toEqual(['darwin-arm64', 'win-x64']);
  expect((await readdir(path.join(directory, 'burrito_out'))).sort()).toEqual([
    'SHA256SUMS',
    'hello-1.2.3-win-x64.tar.gz',
    'hello_win-x64.cdx.json',
    'hello_win-x64.exe',
  ]);
  expect(exitCode).toBe(1);
});

test('assemble fails where tar does', async () => {
  const directory = await project("steps: ['assemble', 'tar'], runtime: { include: false }");
  const { exitCode, targets } = await run(directory, 'assemble');
  expect(targets('failure')).toEqual(['darwin-arm64 ADDON_MISSING']);
  expect(targets('tar')).toEqual(['win-x64']);
  expect(exitCode).toBe(1);
});

test('fetch fails for a target whose needed addon is nowhere, unless it is said to do without', async () => {
  const directory = await project('');
  const failed = await run(directory, 'fetch');
  expect(failed.targets('fetched')).toEqual(['darwin-arm64', 'win-x64']);
  expect(failed.targets('failure')).toEqual(['darwin-arm64 ADDON_MISSING']);
  expect(failed.exitCode).toBe(1);
  const without = await run(directory, 'fetch', '--skip-addons', 'fast');
  expect(without.targets('failure')).toEqual([]);
  expect(without.exitCode).toBe(0);
});
