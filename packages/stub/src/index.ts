import { existsSync } from 'node:fs';
import path from 'node:path';

/** The programs that are built for every target. */
export type NativeProgram = 'stub' | 'launcher';

/** The stub or launcher of a target has not been built in this checkout. */
export class StubMissingError extends Error {
  override readonly name = 'StubMissingError';
  readonly code = 'STUB_MISSING';
}

/**
 * The folder of a target's programs. They are static, so that targets which differ in the C library alone share them.
 */
export function programFolder(targetName: string): string {
  return targetName.replace(/-musl$/, '');
}

/**
 * Where a built program of a target lies, whether it has been built or not. `targetName` is a key of `targets.json`;
 * `src/` and `dist/` lie in the same folder, so that the published package finds its programs by the same path.
 */
export function nativeProgramLocation(targetName: string, program: NativeProgram): string {
  const name = targetName.startsWith('win-') ? `${program}.exe` : program;
  return path.resolve(import.meta.dirname, '..', 'dist', programFolder(targetName), name);
}

/** The built stub of a target, the head of its executables. Throws StubMissingError. */
export function stubPath(targetName: string): string {
  return built(targetName, 'stub');
}

/** The built launcher of a target: it carries logs, and on Windows starts assembled releases. Throws StubMissingError. */
export function launcherPath(targetName: string): string {
  return built(targetName, 'launcher');
}

/** Where the LZMA coder (src/lzma/coder.c, a WebAssembly module) lies, whether it has been built or not. */
export function lzmaCoderLocation(): string {
  return path.resolve(import.meta.dirname, '..', 'dist', 'lzma.wasm');
}

/** The built LZMA coder. Throws StubMissingError. */
export function lzmaCoderPath(): string {
  const location = lzmaCoderLocation();
  if (existsSync(location)) return location;
  throw new StubMissingError(`There is no LZMA coder at ${location}. Run \`npm run build:stubs\`.`);
}

function built(targetName: string, program: NativeProgram): string {
  const location = nativeProgramLocation(targetName, program);
  if (existsSync(location)) return location;
  throw new StubMissingError(
    `There is no ${program} for ${targetName} at ${location}. Run \`npm run build:stubs\` (or \`npm run build:stubs -- ${targetName}\`).`,
  );
}
