import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { homebrewFormula } from './homebrew.ts';
import { writeNpmPackages } from './npm.ts';
import type { PackagedVersion } from './packaged.ts';
import { scoopManifest } from './scoop.ts';
import { wingetManifests } from './winget.ts';

/** What of package managers a person has to say or may not want. */
export interface PackagerSettings {
  /** Default: written. */
  readonly homebrew?: false | undefined;
  /** Default: written. */
  readonly scoop?: false | undefined;
  /** `Publisher.Program`; default: none are written. */
  readonly winget?: { readonly id: string; readonly publisher?: string | undefined } | undefined;
  /** True: called as the release is. Default: none are written. */
  readonly npm?: true | { readonly name: string } | undefined;
}

/**
 * Writes what package managers want to have of a staged version into `folder`, anew. It is not published with the version: it
 * goes to the repositories of the package managers. Resolves to the files, and folders of packages, that were written,
 * relative to `folder`. Throws what the file system throws.
 */
export async function writePackagers(
  version: PackagedVersion,
  { homebrew, scoop, winget, npm }: PackagerSettings,
  folder: string,
): Promise<readonly string[]> {
  const { name } = version.release;
  await rm(folder, { recursive: true, force: true });
  const texts: Record<string, string | undefined> = {
    [`homebrew/${name}.rb`]: homebrew === false ? undefined : homebrewFormula(version),
    [`scoop/${name}.json`]: scoop === false ? undefined : scoopManifest(version),
    ...(winget === undefined ? {} : wingetManifests(version, winget, 'winget/')),
  };
  const written: string[] = [];
  for (const [file, text] of Object.entries(texts)) {
    if (text === undefined) continue;
    await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
    await writeFile(path.join(folder, file), text);
    written.push(file);
  }
  if (npm === undefined) return written;
  const packages = await writeNpmPackages(version, npm === true ? name : npm.name, path.join(folder, 'npm'));
  return [...written, ...packages.map((file) => `npm/${file}`)];
}
