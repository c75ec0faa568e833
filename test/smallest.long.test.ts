// `--compression smallest`: LZMA behind the branch filter (P22). Compressing a runtime takes a minute or two.
import { randomBytes } from 'node:crypto';
import { stat, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeProgram } from './support/programs.ts';
import { run, runCommand, runNode, temporaryDirectory, wrapProgram } from './support/run.ts';

const SLOW = { timeout: 900_000 };
const manifest = { name: 'hello', bin: 'main.js' };
const files = { 'main.js': "console.log('hello', process.argv.slice(2).join());\n" };
const english = { ...files, 'sarma.config.js': "module.exports = { wrap: { locales: ['en'] } };\n" };
const isX64 = process.platform === 'linux' && process.arch === 'x64';

describe.skipIf(!isX64)('hello world for linux-x64, with the whole of Node', () => {
  test('has at most 26.5 MB at smallest, is whole, and runs as Node does', SLOW, async () => {
    const program = await makeProgram(manifest, files);
    const file = await wrapProgram(program, ['--compression', 'smallest'], SLOW);
    expect((await stat(file)).size).toBeLessThan(26_500_000);
    expect(await runCommand(['verify', file])).toMatchObject({ exitCode: 0, stderr: '' });
    const env = { SARMA_CACHE_DIR: await temporaryDirectory() };
    expect(await run(file, ['a', 'b'], { env })).toEqual(await runNode(program, ['a', 'b']));
    const { manifest: inside } = JSON.parse((await runCommand(['inspect', '--json', file])).stdout);
    expect(inside.frames.map(({ codec }: { codec: string }) => codec)).toEqual(['lzma', 'lzma', 'lzma']);
    const extracted = path.join(await temporaryDirectory(), 'extracted');
    expect(await run(file, ['maintenance', 'extract', extracted])).toMatchObject({ exitCode: 0 });
  });
});

test.skipIf(!isX64)('a file of 512 MiB is compressed, and comes out as it was', SLOW, async () => {
  const digest =
    "require('crypto').createHash('sha256').update(require('fs').readFileSync(__dirname + '/large')).digest('hex')";
  const program = { directory: await temporaryDirectory(), entry: 'main.js' };
  const at = (name: string) => path.join(program.directory, name);
  await writeFile(at('package.json'), JSON.stringify({ ...manifest, version: '1.0.0' }));
  await writeFile(at('main.js'), `console.log(${digest});\n`);
  await writeFile(at('large'), randomBytes(100_000));
  await truncate(at('large'), 512 * 1024 * 1024);
  const file = await wrapProgram(program, ['--compression', 'smallest'], SLOW);
  expect((await stat(file)).size).toBeLessThan(28_000_000);
  const env = { SARMA_CACHE_DIR: await temporaryDirectory() };
  expect(await run(file, [], { env })).toEqual(await runNode(program));
});

describe.skipIf(!isX64)('hello world for linux-x64, with the ICU data of English', () => {
  test.each([
    ['best', 25_000_000],
    ['smallest', 22_000_000],
  ] as const)('at %s has at most %i bytes, and runs as Node does', SLOW, async (compression, most) => {
    const program = await makeProgram(manifest, english);
    const file = await wrapProgram(program, ['--compression', compression], SLOW);
    expect((await stat(file)).size).toBeLessThan(most);
    const env = { SARMA_CACHE_DIR: await temporaryDirectory() };
    expect(await run(file, ['a'], { env })).toEqual(await runNode(program, ['a']));
  });
});
