import path from 'node:path';
import type { Configuration, ReleaseInfo } from '@sarma/app';
import type { ReleaseEnvironment } from './environment.ts';
import { firstRoot } from './versions/home.ts';

/** The executable, or `bin/<name>`, which is not there in a release that runs from its sources. */
export function ownProgram({ executable, root, name }: ReleaseEnvironment): string {
  return executable ?? path.join(firstRoot(root), 'bin', process.platform === 'win32' ? `${name}.exe` : name);
}

/** What `release()` of '@sarma/app' says: nothing where there are only sources. */
export function releaseInfo({
  isSource,
  name,
  version,
  root,
  node,
  mutableDirectory,
}: ReleaseEnvironment): ReleaseInfo | undefined {
  if (isSource) return undefined;
  return { name, version, root, node, mutableDirectory };
}

/**
 * Puts what '@sarma/app' answers with where every copy of it finds it (packages/app/src/state.ts says what it looks
 * like). Nothing is imported from there: the boot must not depend on which copies a release holds.
 */
export function setReleaseState(
  release: ReleaseInfo | undefined,
  environment: ReleaseEnvironment,
  configuration: Configuration,
): void {
  const binPath = environment.isSource ? undefined : ownProgram(environment);
  Object.assign(globalThis, { [Symbol.for('sarma.release')]: { release, binPath, configuration } });
}
