import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { AssembledRelease } from './assembled-release.ts';
import { isOfHost } from './build.ts';

/** A directory that is gone after use. */
export interface PrivateCopy {
  readonly directory: string;
  remove(): Promise<void>;
}

/** A copy of what is packed of an assembled release. Throws what copying throws. */
export async function privateCopy(release: AssembledRelease): Promise<PrivateCopy> {
  const { directory } = release;
  const leftOut = isOfHost(release);
  const parent = await mkdtemp(path.join(tmpdir(), 'sarma-patch-'));
  const remove = () => rm(parent, { recursive: true, force: true });
  const copy = path.join(parent, 'release');
  try {
    await cp(directory, copy, {
      recursive: true,
      verbatimSymlinks: true,
      filter: (source) => !leftOut(path.relative(directory, source).replaceAll(path.sep, '/')),
    });
  } catch (error) {
    await remove();
    throw error;
  }
  return { directory: copy, remove };
}
