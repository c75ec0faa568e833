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
 * licence; never keys and `.env`. What lies above the project (`../../LICENSE`, of a workspace) comes without the dots: names in an
 * archive lead nowhere but into it. Sorted. Throws PublishError NOT_INCLUDED where one of `include` names nothing, and where two
 * files, or one and a program, would have the same name.
 */
export async function filesBeside(
  project: string,
  include: readonly string[] | undefined,
  programs: readonly string[],
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
  const names = [...found].sort();
  refuseSameNames(names, programs);
  return await Promise.all(
    names.map(async (name) => {
      const file = path.join(project, name);
      const { mode } = await stat(file);
      return { name: nameInArchive(name), file, mode: mode & 0o111 ? 0o755 : 0o644 };
    }),
  );
}

function nameInArchive(name: string): string {
  return name.replace(/^(\.\.\/)+/, '');
}

function refuseSameNames(names: readonly string[], programs: readonly string[]): void {
  const taken = new Map(programs.flatMap((one) => [one, `${one}.exe`]).map((one) => [one, 'the executable']));
  for (const name of names) {
    const inArchive = nameInArchive(name);
    // A folder cannot be called like a file either.
    const other = taken.get(inArchive) ?? taken.get(inArchive.split('/')[0]!);
    if (other !== undefined) {
      throw new PublishError(
        'NOT_INCLUDED',
        `publish.include names ${name}, and ${other} has that name in the archive. Include it under another name, or take it away.`,
      );
    }
    taken.set(inArchive, name);
  }
}
