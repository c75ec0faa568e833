import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { compareVersions } from '@sarma/app/version-order';
import { download, type Progress } from './download.ts';
import { cannotReplace, UpdateError } from './error.ts';
import { type ExecutableFile, isWhole, openExecutable } from './executable.ts';
import type { Feed, PublishedExecutable } from './feed.ts';
import { refuseManaged, refuseMounted, refuseOthers } from './owner.ts';
import { findPublished, type PublishedVersion, type Wanted } from './published.ts';
import { previousPath, replace, requirePrevious, takeBack } from './replace.ts';
import type { UpdateSettings } from './settings.ts';
import { removeAbandoned, withTemporary } from './temporary.ts';

/** An executable and what it knows of its later versions. */
export interface Updatable {
  readonly settings: UpdateSettings;
  /** Which of the release's programs it is. */
  readonly program: string;
  /** Absolute, links resolved. */
  readonly file: string;
  /** What was typed to come here. */
  readonly command: string;
}

/** The version that there is, and whether it is to be taken. */
export interface Found {
  readonly published: PublishedVersion;
  readonly isWanted: boolean;
}

/** Looks whether there is a newer version, or the one that is named. Throws UpdateError. */
export async function look({ settings }: Updatable, wanted: Wanted): Promise<Found> {
  const published = await findPublished(settings, wanted);
  const { version } = published.feed;
  if (version === settings.version) return { published, isWanted: false };
  if (wanted.version !== undefined) return { published, isWanted: true };
  const order = compareVersions(version, settings.version);
  if (order !== undefined) return { published, isWanted: order > 0 };
  throw new UpdateError(
    'NOT_COMPARABLE',
    `Nobody can tell whether ${version} is newer than ${settings.version}: \`--version ${version}\` takes it.`,
  );
}

/**
 * Takes a version that `look` has found. Whatever happens, the old one or the new one is there. Resolves to how many bytes
 * of it were fetched. Throws UpdateError.
 */
export async function take(
  { settings, program, file, command }: Updatable,
  { feed, folder }: PublishedVersion,
  onProgress: (progress: Progress) => void,
): Promise<number> {
  await refuseManaged(file);
  await refuseOthers(file);
  await refuseMounted(file);
  await removeAbandoned(file);
  const old = await openExecutable(file);
  try {
    const before = await old.handle.stat();
    if (old.parts[0].contents.version !== settings.version) {
      throw new UpdateError(
        'UNDER_WAY',
        `${file} was replaced meanwhile, by somebody else: it stays as it is.`,
      );
    }
    const executable = executableFor(feed, program, old);
    await requireRoom(path.dirname(file), executable.size);
    let fetched = 0;
    await withTemporary(
      file,
      async (handle) => {
        fetched = await download(handle, executable, old, `${folder}${executable.file}`, onProgress);
      },
      async (temporary) => {
        await requireTarget(temporary, old, feed);
        await tryOut(temporary, feed.version);
        replace(temporary, file, before);
      },
    ).catch((cause) => {
      throw cannotReplace(file, cause, command);
    });
    return fetched;
  } finally {
    await old.handle.close();
  }
}

/**
 * Takes the version before the last update again, and resolves to what it is. Throws UpdateError; the executable is what it was
 * then.
 */
export async function rollBack({ settings, file, command }: Updatable): Promise<string> {
  requirePrevious(file);
  const current = await openExecutable(file);
  await current.handle.close();
  const before = statSync(file);
  const previous = previousPath(file);
  const found = await openExecutable(previous);
  try {
    const { name, version } = found.parts[0].contents;
    if (name !== settings.name) {
      throw new UpdateError(
        'NOT_AN_EXECUTABLE',
        `${previous} is ${name} ${version}, so ${file} stays as it is.`,
      );
    }
    if (!(await isWhole(found))) {
      throw new UpdateError(
        'WRONG_BYTES',
        `${previous} is damaged, so ${file} stays as it is. \`maintenance update --version ${version}\` takes that version.`,
      );
    }
    requireSameTarget(found, current, version);
    await tryOut(previous, version);
    try {
      takeBack(file, before);
    } catch (cause) {
      throw cannotReplace(file, cause, command);
    }
    return version;
  } finally {
    await found.handle.close();
  }
}

/** Throws UpdateError NOT_PUBLISHED. */
function executableFor(feed: Feed, program: string, { parts }: ExecutableFile): PublishedExecutable {
  const target = parts.length > 1 ? 'darwin-universal' : parts[0].contents.target;
  const same = feed.executables.filter((one) => one.program === program);
  const found = same.find((one) => one.target === target);
  if (found !== undefined) return found;
  const others = same.length === 0 ? 'nothing of it' : same.map((one) => one.target).join(', ');
  throw new UpdateError(
    'NOT_PUBLISHED',
    `${feed.name} ${feed.version} was not published as ${program} for ${target}; there is ${others}.`,
  );
}

/** Throws UpdateError NO_ROOM. */
async function requireRoom(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize, blocks } = await statfs(folder);
  // File systems that do not know say 0 blocks.
  if (blocks === 0 || bavail * bsize >= bytes) return;
  throw new UpdateError(
    'NO_ROOM',
    `The new version needs ${megabytes(bytes)} in ${folder}, and ${megabytes(bavail * bsize)} are free there.`,
  );
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** What is for another CPU may be taken for a script by the system, and executed by a shell. Throws UpdateError DOES_NOT_START. */
async function requireTarget(file: string, old: ExecutableFile, { name, version }: Feed): Promise<void> {
  const made = await openExecutable(file, `${name} ${version}`);
  await made.handle.close();
  requireSameTarget(made, old, version);
}

function requireSameTarget(made: ExecutableFile, old: ExecutableFile, version: string): void {
  const [found, wanted] = [made, old].map(({ parts }) => parts.map(({ contents }) => contents.target).join());
  if (found !== wanted) throw doesNotStart(version, `What should be for ${wanted} is for ${found}.`);
}

/**
 * Lets a new version do what its first run does, which compares this machine with what it needs: one that does not start here
 * is not taken, and the first start after an update is as quick as any. Throws UpdateError DOES_NOT_START.
 */
async function tryOut(file: string, version: string): Promise<void> {
  const env = { ...process.env, SARMA_MAINTENANCE: 'install' };
  try {
    await promisify(execFile)(file, [], { env });
  } catch (cause) {
    const { stderr, message } = cause as Error & { stderr?: string };
    throw doesNotStart(version, (stderr || message).trim(), { cause });
  }
}

function doesNotStart(version: string, why: string, options?: ErrorOptions): UpdateError {
  return new UpdateError(
    'DOES_NOT_START',
    `${version} does not start here, so the old version stays. ${why}`,
    options,
  );
}
