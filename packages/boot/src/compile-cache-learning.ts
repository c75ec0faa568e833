import { readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { LEARNED } from './compile-cache.ts';

interface Contextify {
  compileFunctionForCJSLoader(source: string, file: string, isMain: boolean, detectModule: boolean): unknown;
}

/**
 * Node stores a module as it is when it has just been compiled, without the functions that are compiled once they are
 * called. V8 keeps those too: to compile a CommonJS module once more finds all that the start has needed. Nothing is
 * evaluated. Done by the first start alone. ES modules have no such way. `nameOf` is what Node calls a file in there.
 */
export function storeNeeded(directory: string, nameOf: (file: string) => string): void {
  try {
    // As long as start.cjs lets it grow.
    writeFileSync(path.join(directory, LEARNED), ' '.repeat(32), { mode: 0o600 });
    const { compileFunctionForCJSLoader } = binding('contextify');
    const { crc32 } = process.getBuiltinModule('node:zlib');
    for (const file of Object.keys(require.cache)) {
      try {
        // As Node names it (src/compile_cache.cc); 0 is for CommonJS. It keeps what has been stored.
        unlinkSync(
          path.join(
            directory,
            crc32(`\0${nameOf(file)}`)
              .toString(16)
              .padStart(8, '0'),
          ),
        );
        compileFunctionForCJSLoader(readFileSync(file, 'utf8').replace(/^\uFEFF/, ''), file, false, false);
      } catch {
        // It was not in the cache, or is not what was compiled.
      }
    }
  } catch {
    // What Node stores by itself will do.
  }
}

/** Deprecated, and gone in some line to come. */
function binding(name: string): Contextify {
  return (process as unknown as { binding(name: string): Contextify }).binding(name);
}
