// `npm run build:stubs [-- TARGET …]`: stub and launcher of all targets, or of those named, into packages/stub/dist/<target>/,
// and the LZMA coder of --compression smallest into packages/stub/dist/lzma.wasm.
// Zig builds only what changed; files that come out the same are left alone.

import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { lzmaCoderLocation, nativeProgramLocation, programFolder } from '@sarma/stub';
import { zig } from './zig.ts';

const root = path.resolve(import.meta.dirname, '..');
const folder = path.join(root, 'packages/stub');
const rows = JSON.parse(readFileSync(path.join(root, 'packages/wrapper/src/targets.json'), 'utf8')) as Record<
  string,
  object
>;
// Those of a universal target are those of its slices.
const known = Object.keys(rows).filter((name) => !('slices' in rows[name]!));

const named = process.argv.slice(2).filter((argument) => !argument.startsWith('-'));
const unknown = named.filter((name) => !known.includes(name));
if (unknown.length > 0) fail(`Unknown target ${unknown.join(', ')}. Known: ${known.join(', ')}`);
const targets = [...new Set((named.length > 0 ? named : known).map(programFolder))];

const liblzma = unpackLiblzma();
// All in one run where all are wanted: Zig builds them side by side.
if (named.length === 0) build([]);
else for (const name of targets) build([`-Dtarget-name=${name}`]);
for (const name of targets) {
  put(name, nativeProgramLocation(name, 'stub'));
  put(name, nativeProgramLocation(name, 'launcher'));
}
put('', lzmaCoderLocation());

function build(options: readonly string[]): void {
  const zstd = path.join(
    path.dirname(createRequire(import.meta.url).resolve('zstd-napi/package.json')),
    'deps/zstd/lib',
  );
  const { status } = spawnSync(
    process.execPath,
    [
      ...[zig, 'build', ...options, '--summary', 'none'],
      ...[`-Dzstd=${path.relative(folder, zstd)}`, `-Dliblzma=${liblzma}`],
    ],
    { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] },
  );
  if (status !== 0) fail('Zig could not build the stubs; its messages are above.');
}

/** The npm package xz carries liblzma's sources as they were published. Returns their folder, relative to the stub's. */
function unpackLiblzma(): string {
  const deps = path.join(path.dirname(createRequire(import.meta.url).resolve('xz/package.json')), 'deps');
  const archive = readdirSync(deps).find((name) => name.endsWith('.tar.gz'));
  if (archive === undefined) fail(`There are no sources of liblzma in ${deps}. Run \`npm ci\`.`);
  const to = path.join(folder, 'zig-out', path.basename(archive, '.tar.gz'));
  if (!existsSync(to)) {
    const temporary = `${to}.${process.pid}.tmp`;
    for (const { name, content } of tarFiles(gunzipSync(readFileSync(path.join(deps, archive))))) {
      const [, ...inside] = name.split('/');
      if (inside[0] !== 'src' || !/\.[ch]$/.test(name)) continue;
      const file = path.join(temporary, ...inside);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, content);
    }
    renameSync(temporary, to);
  }
  return path.relative(folder, path.join(to, 'src'));
}

/** The entries of a ustar archive with short names: a header of 512 bytes each, and content in blocks of as many. */
function* tarFiles(tar: Buffer): Generator<{ name: string; content: Buffer }> {
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; ) {
    const text = (from: number, length: number) =>
      tar.toString('latin1', at + from, at + from + length).replace(/\0.*$/s, '');
    const size = Number.parseInt(text(124, 12), 8);
    yield { name: text(0, 100), content: tar.subarray(at + 512, at + 512 + size) };
    at += 512 + Math.ceil(size / 512) * 512;
  }
}

function put(name: string, to: string): void {
  const bytes = readFileSync(path.join(folder, 'zig-out', name, path.basename(to)));
  if (existsSync(to) && readFileSync(to).equals(bytes)) return;
  const temporary = `${to}.${process.pid}.tmp`;
  mkdirSync(path.dirname(to), { recursive: true });
  writeFileSync(temporary, bytes, { mode: 0o755 });
  renameSync(temporary, to);
  console.log(`${path.relative(root, to)}  ${statSync(to).size.toLocaleString('en')} bytes`);
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
