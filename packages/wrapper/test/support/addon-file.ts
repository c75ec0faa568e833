import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zig } from '../../../../scripts/zig.ts';

/** The least that is a Node-API addon: it exports what Node looks for, and needs nothing, not even a C library. */
export const ADDON_SOURCE = `
void *napi_register_module_v1(void *env, void *exports) { return exports; }
#ifdef _WIN32
int _DllMainCRTStartup(void *instance, unsigned reason, void *reserved) { return 1; }
int DllMainCRTStartup(void *instance, unsigned reason, void *reserved) { return 1; }
#endif
`;

/** How `zig cc` makes a shared library of it; the file to write comes last. */
export function compileArguments(triple: string, source: string, file: string): readonly string[] {
  const mac = triple.includes('macos') ? ['-Wl,-undefined,dynamic_lookup'] : [];
  const options = ['-shared', '-nostdlib', '-s', '-O1', '-fPIC', ...mac];
  return [zig, 'cc', '-target', triple, ...options, source, '-o', file];
}

/** A real addon for a machine, compiled once. */
export function addonFile(triple: string): Buffer {
  const directory = join(tmpdir(), 'sarma-test-addons-1');
  const file = join(directory, `${triple}.node`);
  if (!existsSync(file)) {
    mkdirSync(directory, { recursive: true });
    const source = join(directory, `addon-${process.pid}.c`);
    const made = `${file}.${process.pid}`;
    writeFileSync(source, ADDON_SOURCE);
    execFileSync(process.execPath, [...compileArguments(triple, source, made)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    renameSync(made, file);
  }
  return readFileSync(file);
}
