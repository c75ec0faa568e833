import path from 'node:path';
import type { Configuration, ReleaseInfo } from '@sarma/app';
import type { ReleaseEnvironment } from './environment.ts';

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
  { executable, root, name, isSource }: ReleaseEnvironment,
  configuration: Configuration,
): void {
  const script = process.platform === 'win32' ? `${name}.exe` : name;
  const binPath = isSource ? undefined : (executable ?? path.join(root, 'bin', script));
  Object.assign(globalThis, { [Symbol.for('sarma.release')]: { release, binPath, configuration } });
}
