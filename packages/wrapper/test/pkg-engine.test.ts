// The engine pkg as far as pkg need not run; the rest is in test/pkg-engine.long.test.ts.
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEFAULT_SETTINGS } from '../src/settings.ts';
import { hostTarget, shippedTargets } from '../src/targets.ts';
import { type WrapOptions, wrap } from '../src/wrap.ts';
import { writeAssembled } from './support/assembled.ts';
import { writeNodes } from './support/darwin-node.ts';

const HOST = hostTarget(shippedTargets).name;
const { windows } = DEFAULT_SETTINGS;

let root: string;
let directory: string;
let nodes: string;

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'sarma-pkg-'));
  directory = await writeAssembled(path.join(root, 'release'));
  nodes = await writeNodes(path.join(root, 'nodes'), { 'darwin-arm64': '24.1.0', 'win-x64': '24.1.0' });
});
afterAll(() => rm(root, { recursive: true }));

async function errorOf(target: string, options: Partial<WrapOptions>): Promise<string> {
  const [outcome] = await wrap({
    directory,
    targets: [shippedTargets.get(target)!],
    output: `${path.join(root, 'out')}/`,
    project: root,
    range: target === HOST ? process.execPath : nodes,
    perTarget: true,
    engine: 'pkg',
    ...options,
  });
  return 'error' in outcome! ? outcome.error.message : 'it was built';
}

test.each<[string, string, Partial<typeof DEFAULT_SETTINGS>]>([
  ['wrap.locales', HOST, { locales: ['en'] }],
  ['wrap.macos.sign', 'darwin-arm64', { macos: { sign: 'sign' } }],
  ['wrap.windows.sign', 'win-x64', { windows: { ...windows, sign: 'sign' } }],
  ['wrap.windows.icon', 'win-x64', { windows: { ...windows, icon: '/icon.ico' } }],
  ['wrap.windows.manifest', 'win-x64', { windows: { ...windows, manifest: '/app.manifest' } }],
  ['wrap.windows.subsystem', 'win-x64', { windows: { ...windows, subsystem: 'gui' } }],
  ['wrap.windows.version', 'win-x64', { windows: { ...windows, version: { Comments: 'no' } } }],
])('%s is refused, for it would be lost', async (key, target, settings) => {
  const message = await errorOf(target, {
    settings: { ...DEFAULT_SETTINGS, ...settings },
    phases: { patch: ['files'] },
  });
  expect(message).toContain(
    `${key} is for executables of the engine stub, and pkg cannot obey it in ${target}.`,
  );
});

test.each([
  ['nodeOptions', 'ignore'],
  ['maintenance', 'care'],
  ['mutable', ['data']],
  ['snapshot', true],
])('wrap.%s: %j is refused, for it would be lost', async (key, value) => {
  const release = await writeAssembled(path.join(root, key), { wrap: { [key]: value } });
  const message = await errorOf(HOST, { directory: release });
  expect(message).toContain(`wrap.${key} is for executables of the engine stub`);
});

/** A project whose pkg is a script. */
async function projectWith(name: string, script: string): Promise<string> {
  const project = path.join(root, name);
  const own = path.join(project, 'node_modules/@yao-pkg/pkg');
  await mkdir(own, { recursive: true });
  const manifest = { name: '@yao-pkg/pkg', version: '6.23.0', bin: { pkg: 'pkg.cjs' } };
  await writeFile(path.join(own, 'package.json'), JSON.stringify(manifest));
  await writeFile(path.join(own, 'pkg.cjs'), script);
  return project;
}

test('no bill of materials stays beside an executable that it is not of', async () => {
  const script = `require('node:fs').writeFileSync(process.argv[process.argv.indexOf('--output') + 1], 'made');`;
  const project = await projectWith('quick', script);
  const out = path.join(root, 'mixed');
  const options = { project, output: `${out}/`, range: process.execPath, compression: 'fast' } as const;
  expect(await errorOf(HOST, { ...options, engine: 'stub' })).toBe('it was built');
  const built = await readdir(out);
  const bills = built.filter((name) => name.endsWith('.cdx.json'));
  expect(bills).toHaveLength(1);
  expect(await errorOf(HOST, options)).toBe('it was built');
  expect(await readdir(out)).toEqual(built.filter((name) => !bills.includes(name)));
  expect(await readFile(path.join(out, 'SHA256SUMS'), 'utf8')).not.toContain('.cdx.json');
});

test('pkg ends when the build is interrupted', async () => {
  const working = path.join(root, 'working');
  const script = `require('node:fs').writeFileSync(${JSON.stringify(working)}, String(process.pid)); setInterval(() => {}, 1000);`;
  const project = await projectWith('slow', script);
  const controller = new AbortController();
  const waiting = setInterval(() => {
    if (existsSync(working)) controller.abort();
  }, 20);
  expect(await errorOf(HOST, { project, signal: controller.signal })).toContain('@yao-pkg/pkg failed');
  clearInterval(waiting);
  const pid = Number(await readFile(working, 'utf8'));
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
});
