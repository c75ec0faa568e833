import { createReadStream, existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { compareVersions, type DescribedVersion } from '@sarma/boot';
import { extract } from 'tar-stream';
import { archivedVersion } from '../archive-name.ts';
import { ReleaseError, reasonOf } from '../error.ts';
import { namesIn } from '../names-in.ts';

/** A version of a release that lies somewhere. */
export interface FoundVersion extends DescribedVersion {
  /** The directory or the tar: an absolute path. */
  readonly at: string;
}

/** Where the versions of a release are looked for. */
export interface VersionPlaces {
  readonly name: string;
  /** Where it is assembled: an absolute path. */
  readonly path: string;
  /** Where its tars are written: an absolute path. */
  readonly output: string;
  /** What relative paths begin at. */
  readonly directory: string;
}

/**
 * What a person means by a version: an assembled directory, a tar of one, or the version of one that lies in the
 * release's path or among its outputs. Throws ReleaseError VERSION_NOT_FOUND, of another release, too.
 */
export async function findVersion(word: string, places: VersionPlaces): Promise<FoundVersion> {
  const found = await lookFor(word, places);
  if (found.release.name === places.name) return found;
  throw new ReleaseError(
    'VERSION_NOT_FOUND',
    `${found.at} is of the release ${found.release.name}, not of ${places.name}. Take one of ${places.name}, or choose ` +
      `with --release ${found.release.name}.`,
  );
}

async function lookFor(word: string, places: VersionPlaces): Promise<FoundVersion> {
  const file = path.resolve(places.directory, word);
  if (existsSync(file)) return await readVersionAt(file);
  const candidates = knownVersions(places);
  const found = candidates.find(({ version }) => version === word);
  if (found !== undefined) return await readVersionAt(found.at, word);
  const known = [...new Set(candidates.map(({ version }) => version))].join(', ');
  throw new ReleaseError(
    'VERSION_NOT_FOUND',
    `"${word}" is neither a directory or tar of a release nor a version of ${places.name} in ${places.path} or ` +
      `${places.output}, which ${known === '' ? 'hold none' : `hold ${known}`}. Give the path of one: ` +
      `${places.name}-${/^\d/.test(word) ? word : 'VERSION'}-TARGET.tar.gz (step 'tar'), or an assembled directory.`,
  );
}

/** The highest version below this one that lies in the release's path or among its outputs. */
export function latestBefore(version: string, places: VersionPlaces): string | undefined {
  return knownVersions(places)
    .map((one) => one.version)
    .filter((one) => (compareVersions(one, version) ?? 0) < 0)
    .sort((one, other) => compareVersions(other, one)!)
    .at(0);
}

interface Candidate {
  readonly version: string;
  readonly at: string;
}

/** Directories before tars; of the tars of a version that of this machine first. */
function knownVersions({ name, path: root, output }: VersionPlaces): readonly Candidate[] {
  // Where `upgrade` puts versions beside the first one.
  const versions = path.join(root, 'versions');
  const roots = [root, ...namesIn(versions).map((version) => path.join(versions, version))];
  const assembled = roots.flatMap((at) =>
    namesIn(path.join(at, 'releases'))
      .filter((version) => existsSync(describedBy(at, version).release))
      .map((version) => ({ version, at })),
  );
  const own = `-${process.platform.replace('win32', 'win')}-${process.arch}.tar.gz`;
  const tars = namesIn(output)
    .toSorted((one, other) => Number(other.endsWith(own)) - Number(one.endsWith(own)))
    .flatMap((file) => {
      const version = archivedVersion(name, file);
      return version === undefined ? [] : [{ version, at: path.join(output, file) }];
    });
  return [...assembled, ...tars];
}

/** Of a directory with several versions the one that it starts, unless one is named. */
async function readVersionAt(at: string, named?: string): Promise<FoundVersion> {
  const read = statSync(at).isDirectory() ? fromDirectory(at) : await fromTar(at);
  try {
    const start = JSON.parse(await read(START)) as { version: string; runtime: string | null };
    const version = named ?? start.version;
    const files = describedBy('', version);
    const release = JSON.parse(await read(files.release));
    const boot = await read(files.boot).then(JSON.parse, () => undefined);
    if (boot === undefined) throw new Error('it has no boot.json, since it is a program and no service');
    return { at, release, boot, runtime: runtimeVersion(start.runtime) };
  } catch (cause) {
    throw new ReleaseError(
      'VERSION_NOT_FOUND',
      `${at} is no release that could be upgraded: ${reasonOf(cause)}. Expected an assembled directory or a tar of a service.`,
      { cause },
    );
  }
}

const START = 'releases/start.json';

function describedBy(root: string, version: string) {
  const folder = path.posix.join(root, 'releases', version);
  return { release: `${folder}/release.json`, boot: `${folder}/boot.json` };
}

function runtimeVersion(runtime: string | null): string | null {
  return /^runtime-([^/]+)\//.exec(runtime ?? '')?.[1] ?? null;
}

type Read = (name: string) => Promise<string>;

function fromDirectory(root: string): Read {
  return (name) => readFile(path.join(root, name), 'utf8');
}

async function fromTar(file: string): Promise<Read> {
  const texts = new Map<string, string>();
  const entries = extract();
  entries.on('entry', ({ name }, stream, next) => {
    const place = name.replace(/^\.\//, '');
    if (!/^releases\/([^/]+\/(release|boot)|start)\.json$/.test(place)) {
      stream.on('end', next).resume();
      return;
    }
    text(stream).then((content) => {
      texts.set(place, content);
      next();
    }, next);
  });
  try {
    await pipeline(createReadStream(file), createGunzip(), entries);
  } catch (cause) {
    throw new ReleaseError(
      'VERSION_NOT_FOUND',
      `${file} is no tar of a release: ${reasonOf(cause)}. Expected an assembled directory, or NAME-VERSION-TARGET.tar.gz.`,
      { cause },
    );
  }
  return async (name) => {
    const found = texts.get(name);
    if (found !== undefined) return found;
    throw new Error(`${name} is not in it`);
  };
}
