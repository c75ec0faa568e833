import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { ReleaseError } from '../error.ts';
import { type AppupFile, parseAppup } from './appup-file.ts';
import { isRange, isWithin, overlap } from './ranges.ts';

const FOLDER = 'rel/appups';

/** Where the appup of an application is written: an absolute path. Scoped packages have a folder in a folder. */
export function appupPath(project: string, app: string, from: string, to: string): string {
  return path.join(project, FOLDER, app, `${from}_${to}.json`);
}

/**
 * All appups of a project that lead to a version, checked. Throws ReleaseError APPUP_INVALID for a file that is none,
 * lies in the folder of another application, or says of a version what another one says, too.
 */
export async function readAppups(project: string, to: string): Promise<readonly AppupFile[]> {
  const folder = path.join(project, FOLDER);
  if (!existsSync(folder)) return [];
  const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.json')).sort();
  const appups: AppupFile[] = [];
  for (const name of names) {
    const file = path.join(folder, name);
    const appup = await parseAppup(await readFile(file, 'utf8'), file);
    checkPlace(appup, path.dirname(name).replaceAll(path.sep, '/'));
    if (appup.to === to) appups.push(appup);
  }
  checkAmbiguity(appups);
  return appups;
}

function checkPlace({ app, file }: AppupFile, folder: string): void {
  if (app === folder) return;
  throw new ReleaseError(
    'APPUP_INVALID',
    `${file}: app: expected ${JSON.stringify(folder)}, the name of its folder, found ${JSON.stringify(app)}.`,
  );
}

function checkAmbiguity(appups: readonly AppupFile[]): void {
  for (const [index, one] of appups.entries()) {
    const other = appups.slice(index + 1).find((two) => two.app === one.app && isSame(one.from, two.from));
    if (other === undefined) continue;
    throw new ReleaseError(
      'APPUP_INVALID',
      `${one.file} (from ${one.from}) and ${other.file} (from ${other.from}) hold for the same versions of ${one.app}; ` +
        'expected one of them. Narrow a range, or remove a file.',
    );
  }
}

/** A version may be an exception to a range; two ranges that overlap leave it open which one is meant. */
function isSame(one: string, other: string): boolean {
  return one === other || (isRange(one) && isRange(other) && overlap(one, other));
}

/** What holds for a version, or for all of a range: the file that names it before one whose range it is in. */
export function appupFor(appups: readonly AppupFile[], app: string, from: string): AppupFile | undefined {
  const own = appups.filter((appup) => appup.app === app);
  return (
    own.find((appup) => appup.from === from) ??
    own.find((appup) => isRange(appup.from) && isWithin(from, appup.from))
  );
}
