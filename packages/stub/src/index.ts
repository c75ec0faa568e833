import { existsSync } from 'node:fs';
import path from 'node:path';

/** The stub of a target has not been built in this checkout. */
export class StubMissingError extends Error {
  override readonly name = 'StubMissingError';
  readonly code = 'STUB_MISSING';
}

/**
 * Where the built stub of a target lies, whether it has been built or not. `targetName` is a key of `targets.json`;
 * `src/` and `dist/` lie in the same folder, so that the published package finds its stubs by the same path.
 */
export function stubLocation(targetName: string): string {
  const name = targetName.startsWith('win-') ? 'stub.exe' : 'stub';
  return path.resolve(import.meta.dirname, '..', 'dist', targetName, name);
}

/** The built stub of a target. Throws StubMissingError. */
export function stubPath(targetName: string): string {
  const location = stubLocation(targetName);
  if (existsSync(location)) return location;
  throw new StubMissingError(
    `There is no stub for ${targetName} at ${location}. Run \`npm run build:stubs\` (or \`npm run build:stubs -- ${targetName}\`).`,
  );
}
