import path from 'node:path';
import type { Configuration, ReleaseInfo } from '@sarma/app';
import type { ReleaseEnvironment } from './environment.ts';

/** What `release()` of '@sarma/app' says. */
export function releaseInfo({
  name,
  version,
  root,
  node,
  mutableDirectory,
}: ReleaseEnvironment): ReleaseInfo {
  return { name, version, root, node, mutableDirectory };
}

/**
 * Puts what '@sarma/app' answers with where every copy of it finds it (packages/app/src/state.ts says what it looks
 * like). Nothing is imported from there: the boot must not depend on which copies a release holds.
 */
export function setReleaseState(
  release: ReleaseInfo,
  { executable, root, name }: ReleaseEnvironment,
  configuration: Configuration,
): void {
  const binPath = executable ?? path.join(root, 'bin', process.platform === 'win32' ? `${name}.exe` : name);
  Object.assign(globalThis, { [Symbol.for('sarma.release')]: { release, binPath, configuration } });
}
