import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { zig } from '../../scripts/zig.ts';

/**
 * A shared library of that name which defines these symbol versions, one symbol for each, and nothing else: all that a
 * loader, and the stub before it, looks at to tell whether it is new enough.
 */
export function sharedLibrary(
  name: string,
  versions: readonly string[],
  triple = 'x86_64-linux-gnu',
): Buffer {
  const directory = path.join(tmpdir(), 'sarma-test-stubs', 'libraries', String(process.pid));
  mkdirSync(directory, { recursive: true });
  const symbols = versions.map((version) => version.replaceAll('.', '_').replaceAll('+', 'x'));
  const map = versions.map((version, at) => `${version} { global: of_${symbols[at]}; };\n`);
  writeFileSync(
    path.join(directory, 'library.c'),
    `int of_library(void) { return 0; }\n${symbols.map((one) => `int of_${one};\n`).join('')}`,
  );
  writeFileSync(path.join(directory, 'library.map'), map.join(''));
  const script = versions.length > 0 ? ['-Wl,--version-script=library.map'] : [];
  const options = ['-shared', '-nostdlib', '-target', triple, `-Wl,-soname=${name}`, '-o', 'library.so'];
  execFileSync(process.execPath, [zig, 'cc', ...options, ...script, 'library.c'], {
    cwd: directory,
    stdio: 'pipe',
  });
  return readFileSync(path.join(directory, 'library.so'));
}
