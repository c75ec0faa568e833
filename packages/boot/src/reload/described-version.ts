import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { BootFile } from '../boot-file.ts';
import { BootError } from '../error.ts';
import type { DescribedVersion } from './plan.ts';
import type { ReleaseFile } from './release-file.ts';

/** Reads what a version of an assembled release says of itself. Throws BootError NOT_A_RELEASE. */
export function describeVersion(root: string, version: string, runtime: string | null): DescribedVersion {
  const read = (name: string): unknown => {
    const file = path.join(root, 'releases', version, name);
    try {
      return JSON.parse(readFileSync(file, 'utf8'));
    } catch (error) {
      throw new BootError('NOT_A_RELEASE', `${file} cannot be read: ${(error as Error).message}`);
    }
  };
  return { release: read('release.json') as ReleaseFile, boot: read('boot.json') as BootFile, runtime };
}
