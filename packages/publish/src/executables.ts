import { existsSync } from 'node:fs';
import path from 'node:path';
import { type PublishedExecutable, partsOf, type UpdateTrust } from '@sarma/update';
import { executableName, inspectSlices, type Target, verify } from '@sarma/wrapper';
import { PublishError } from './error.ts';
import { hashFile } from './hash-file.ts';
import { requireSameUpdates } from './trust.ts';

/** An executable of a release, where the build has put it. */
export interface BuiltExecutable {
  readonly program: string;
  readonly target: Target;
  /** Absolute. */
  readonly file: string;
}

export interface Sought {
  /** Where `wrap` puts executables: absolute. */
  readonly folder: string;
  readonly programs: readonly string[];
  /** Those that have to be there; undefined: the ones of `known` that are. */
  readonly targets: readonly Target[] | undefined;
  /** All there are. */
  readonly known: readonly Target[];
}

/** The executables of every program for every target, targets first. Throws PublishError NOTHING_TO_PUBLISH and TARGET_MISSING. */
export function findExecutables({ folder, programs, targets, known }: Sought): readonly BuiltExecutable[] {
  const of = (target: Target) =>
    programs.map((program) => ({
      program,
      target,
      file: path.join(folder, executableName(program, target)),
    }));
  const isThere = ({ file }: BuiltExecutable) => existsSync(file);
  const chosen = targets ?? known.filter((target) => of(target).some(isThere));
  if (chosen.length === 0) {
    throw new PublishError(
      'NOTHING_TO_PUBLISH',
      `${folder} has no executable of ${programs.join(', ')}. Make some first (wrap -t TARGET), or say where they are: -o DIR.`,
    );
  }
  const executables = chosen.flatMap(of);
  const missing = executables.filter((one) => !isThere(one));
  if (missing.length > 0) {
    const names = [...new Set(missing.map(({ target }) => target.name))].join(',');
    const files = missing.map(({ file }) => path.basename(file)).join(', ');
    throw new PublishError(
      'TARGET_MISSING',
      `${files} ${missing.length === 1 ? 'is' : 'are'} missing in ${folder}. Make what is missing: wrap -t ${names}`,
    );
  }
  return executables;
}

/**
 * Checks that an executable is whole, of this version of the release, and takes updates as the configuration says; and says what
 * a feed says of it. Throws PublishError NOT_AN_EXECUTABLE, EXECUTABLE_DAMAGED, OTHER_RELEASE and OTHER_UPDATES.
 */
export async function examine(
  { program, target, file }: BuiltExecutable,
  release: { readonly name: string; readonly version: string },
  trust: UpdateTrust | undefined,
): Promise<PublishedExecutable> {
  const again = `Make it again: wrap -t ${target.name}`;
  const { ok, checks } = await verify(file).catch((cause: Error) => {
    throw new PublishError(
      'NOT_AN_EXECUTABLE',
      `${file} cannot be published, it is no executable with a stub of Sarma's. ${again}`,
      { cause },
    );
  });
  if (!ok) {
    const wrong = checks.filter((check) => !check.ok).map(({ name, detail }) => `${name}: ${detail}`);
    throw new PublishError('EXECUTABLE_DAMAGED', `${file} is damaged. ${wrong.join(' ')} ${again}`);
  }
  const slices = await inspectSlices(file);
  for (const { manifest } of slices) {
    const isOfTarget = slices.length > 1 || manifest.target === target.name;
    if (manifest.name === release.name && manifest.version === release.version && isOfTarget) continue;
    throw new PublishError(
      'OTHER_RELEASE',
      `${file} is ${manifest.name} ${manifest.version} for ${manifest.target}, and ${release.name} ${release.version} for ${target.name} is to be published. ${again}`,
    );
  }
  await requireSameUpdates(file, release.version, trust, again);
  const { size, sha256 } = await hashFile(file);
  const parts = await partsOf(file);
  return { program, target: target.name, file: path.basename(file), size, sha256, parts };
}
