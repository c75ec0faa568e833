import { stat } from 'node:fs/promises';
import path from 'node:path';
import { glob } from 'tinyglobby';
import type { ArchivedFile } from './archive.ts';
import { PublishError } from './error.ts';

/** As releases take none of them. */
const NEVER = ['**/node_modules/**', '**/.git/**', '**/*.key', '**/.env*'];

const README_AND_LICENCE = ['README*', 'LICENSE*', 'LICENCE*', 'COPYING*', 'NOTICE*'];

/**
 * What lies beside the executable in an archive: the files of the project that `include` names (globs), or its readme and
 * licence; never keys and `.env`. Sorted. Throws PublishError NOT_INCLUDED where one of `include` names nothing.
 */
export async function filesBeside(
  project: string,
  include: readonly string[] | undefined,
): Promise<readonly ArchivedFile[]> {
  const found = new Set<string>();
  for (const pattern of include ?? README_AND_LICENCE) {
    const names = await glob(pattern, {
      cwd: project,
      caseSensitiveMatch: include !== undefined,
      expandDirectories: true,
      ignore: NEVER,
    });
    if (names.length === 0 && include !== undefined) {
      throw new PublishError(
        'NOT_INCLUDED',
        `publish.include says ${pattern}, and nothing in ${project} is called so. Correct it, or take it away.`,
      );
    }
    for (const name of names) found.add(name);
  }
  return await Promise.all(
    [...found].sort().map(async (name) => {
      const file = path.join(project, name);
      const { mode } = await stat(file);
      return { name, file, mode: mode & 0o111 ? 0o755 : 0o644 };
    }),
  );
}
