import { existsSync } from 'node:fs';
import path from 'node:path';
import type { ReleaseEnvironment } from '../environment.ts';
import { firstRoot, startFile, VERSIONS } from './home.ts';
import { readStartRecord } from './start-record.ts';

/** Where the versions of a node lie. Paths are absolute. */
export interface VersionPlaces {
  readonly name: string;
  readonly form: 'directory' | 'executable';
  /** What a plain start executes: `bin/<name>` of the first root, or the executable. */
  readonly program: string;
  /** The first root of a directory; the state directory of an executable. */
  readonly root: string;
  /** Has a folder for each version: a root, or one with a copy of the executable. */
  readonly versions: string;
  /** The StartRecord. */
  readonly record: string;
}

/** What a node, or a command, says of where it was started from. */
export interface Started {
  readonly root: string;
  /** Null or undefined in a directory. */
  readonly executable: string | null | undefined;
}

/** Those of what was started so, with that state directory. */
export function versionPlaces(
  { name, mutableDirectory }: Pick<ReleaseEnvironment, 'name' | 'mutableDirectory'>,
  started: Started,
): VersionPlaces {
  if (!started.executable) {
    const root = firstRoot(started.root);
    return {
      name,
      form: 'directory',
      program: path.join(root, 'bin', process.platform === 'win32' ? `${name}.exe` : name),
      root,
      versions: path.join(root, VERSIONS),
      record: startFile(root),
    };
  }
  const versions = path.join(mutableDirectory, VERSIONS);
  const record = path.join(versions, 'start.json');
  const isCopy = started.executable.startsWith(versions + path.sep);
  const program = (isCopy ? readStartRecord(record)?.program : undefined) ?? started.executable;
  return { name, form: 'executable', program, root: mutableDirectory, versions, record };
}

/** Where a version lies: its root, or its executable. Undefined where it is not there. */
export function placeOfVersion(places: VersionPlaces, version: string): string | undefined {
  const candidates =
    places.form === 'executable'
      ? [copyPlace(places, version)]
      : [places.root, path.join(places.versions, version)];
  return candidates.find((place) =>
    existsSync(places.form === 'executable' ? place : releaseFile(place, version)),
  );
}

/** The copy of an executable. */
export function copyPlace({ versions, program, name }: VersionPlaces, version: string): string {
  return path.join(versions, version, path.extname(program) === '.exe' ? `${name}.exe` : name);
}

/** Its `release.json`. */
export function releaseFile(root: string, version: string): string {
  return path.join(root, 'releases', version, 'release.json');
}
