import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { nearest } from '@sarma/app/internal';
import type { DescribedVersion, RelupFile } from '@sarma/boot';
import { ReleaseError } from '../error.ts';
import { writeWhole } from '../write-whole.ts';
import type { AppupFile } from './appup-file.ts';
import { appupFor, readAppups } from './appup-folder.ts';
import { composeRelup } from './compose-relup.ts';
import type { FoundVersion } from './described-version.ts';
import { draftAppups } from './draft.ts';

export interface RelupResult {
  /** An absolute path. */
  readonly file: string;
  readonly relup: RelupFile;
}

/**
 * Puts `releases/<version>/relup.json` into an assembled release, made of the appups in `rel/appups` that lead to its
 * version; undefined where there is none. `earlier` are versions that have to be complete in it. Throws ReleaseError
 * APPUP_INVALID, and APPUP_MISSING where an application has changed since an earlier version and no appup says what
 * to do.
 */
export async function writeRelup(
  project: string,
  after: FoundVersion,
  earlier: readonly FoundVersion[],
): Promise<RelupResult | undefined> {
  const { name, version } = after.release;
  const appups = await readAppups(project, version);
  for (const appup of appups) checkNames(appup, after, earlier);
  for (const before of earlier) checkComplete(before, after, appups, project);
  if (appups.length === 0) return undefined;
  const known = [after, ...earlier].flatMap(({ boot }) => boot.applications.map((one) => one.name));
  const relup = composeRelup({ name, version }, [...new Set(known)], appups);
  const file = path.join(after.at, 'releases', version, 'relup.json');
  await writeWhole(file, (temporary) => writeFile(temporary, `${JSON.stringify(relup, null, 2)}\n`));
  return { file, relup };
}

function checkComplete(
  before: DescribedVersion,
  after: DescribedVersion,
  appups: readonly AppupFile[],
  project: string,
): void {
  const { from, to, appups: changed } = draftAppups(before, after);
  const missing = changed.map(({ app }) => app).filter((app) => appupFor(appups, app, from) === undefined);
  if (missing.length === 0) return;
  throw new ReleaseError(
    'APPUP_MISSING',
    `${missing.join(' and ')} changed between ${from} and ${to}, and no file in ${path.join(project, 'rel/appups')} says what ` +
      `an upgrade does about that. Write it with: sarma appup ${from} ${to} (${from} may be a path), or put the step 'appup' before 'relup'.`,
  );
}

/**
 * What an instruction names is in the version that it leads to, or of what is stopped in the one that it leads away
 * from. Earlier versions that are not at hand may have anything in them.
 */
function checkNames(appup: AppupFile, after: DescribedVersion, earlier: readonly DescribedVersion[]): void {
  const before = earlier.filter(({ release }) => appupFor([appup], appup.app, release.version) !== undefined);
  for (const direction of ['up', 'down'] as const) {
    for (const [index, instruction] of appup[direction].entries()) {
      if (instruction === 'restart_node') continue;
      const [word, name] = Object.entries(instruction)[0] as [string, string];
      const versions = (direction === 'up') === (word !== 'stop') ? [after] : before;
      const known = versions.flatMap((version) => namesIn(version, word));
      if (known.length === 0 || known.includes(name)) continue;
      const near = nearest(name, known);
      throw new ReleaseError(
        'APPUP_INVALID',
        `${appup.file}: ${direction}[${index}].${word}: expected ${word === 'load' ? 'a package' : 'an application'} of ` +
          `${versions.map(({ release }) => `${release.name} ${release.version}`).join(' or ')}, found ${JSON.stringify(name)}` +
          (near === undefined ? '.' : `; did you mean ${JSON.stringify(near)}?`),
      );
    }
  }
}

function namesIn({ release, boot }: DescribedVersion, word: string): readonly string[] {
  return (word === 'load' ? release.packages : boot.applications).map(({ name }) => name);
}
