import { writeFile } from 'node:fs/promises';
import { writeWhole } from '../write-whole.ts';
import { type Appup, type AppupFile, appupText, differences, isEdited } from './appup-file.ts';
import { appupFor, appupPath, readAppups } from './appup-folder.ts';
import type { Draft } from './draft.ts';

/** What became of the appup of one application. */
export interface AppupResult {
  /** What its file says now. */
  readonly appup: Appup;
  /** An absolute path. */
  readonly file: string;
  /**
   * `written`: it is new. `replaced`: what Sarma had written there before was out of date. `same`: nothing has changed.
   * `left`: a person wrote it, or has edited it.
   */
  readonly outcome: 'written' | 'replaced' | 'same' | 'left';
  /** Of what was left: where it differs from what is computed, a line each; [] where it does not. */
  readonly differences: readonly string[];
}

/**
 * Writes the appup of each changed application into `rel/appups` of a project. What a person wrote or edited stays,
 * and so does a file for a range that the version is in. Throws ReleaseError APPUP_INVALID.
 */
export async function writeAppups(project: string, draft: Draft): Promise<readonly AppupResult[]> {
  const there = await readAppups(project, draft.to);
  const results: AppupResult[] = [];
  for (const appup of draft.appups)
    results.push(await writeAppup(appup, appupFor(there, appup.app, draft.from), project));
  return results;
}

async function writeAppup(appup: Appup, there: AppupFile | undefined, project: string): Promise<AppupResult> {
  const file = there?.file ?? appupPath(project, appup.app, appup.from, appup.to);
  if (there === undefined) return await write(file, appup, 'written');
  const different = differences(there, appup);
  if (isEdited(there) || there.from !== appup.from)
    return { appup: there, file, outcome: 'left', differences: different };
  if (different.length === 0) return { appup, file, outcome: 'same', differences: [] };
  return await write(file, appup, 'replaced');
}

async function write(file: string, appup: Appup, outcome: 'written' | 'replaced'): Promise<AppupResult> {
  await writeWhole(file, (temporary) => writeFile(temporary, appupText(appup)));
  return { appup, file, outcome, differences: [] };
}
