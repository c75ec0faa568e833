import { constants } from 'node:fs';
import { chmod, copyFile, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  CHECKSUMS,
  FEED,
  type Feed,
  type PublishedExecutable,
  SIGNATURE,
  type UpdateTrust,
} from '@sarma/update';
import { readSbom } from '@sarma/wrapper';
import { type ArchivedFile, writeTarGz, writeZip } from './archive.ts';
import { PublishError } from './error.ts';
import { type BuiltExecutable, examine } from './executables.ts';
import { hashFile } from './hash-file.ts';
import { installScripts } from './installers/scripts.ts';
import type { SigningKey } from './secret-key.ts';
import { signatureOf } from './sign.ts';
import {
  byName,
  type PublishedRelease,
  type PublishPlace,
  type StagedFile,
  type StagedVersion,
} from './staged-version.ts';
import { putFolder } from './version-folder.ts';

export interface StageRequest {
  readonly release: PublishedRelease;
  /** What `findExecutables` has found. */
  readonly executables: readonly BuiltExecutable[];
  /** What lies beside the executable in archives (`filesBeside`). */
  readonly beside: readonly ArchivedFile[];
  /** Absolute. All that is in it becomes this version. */
  readonly folder: string;
  /** What the version is called in Git. */
  readonly tag: string;
  /** Where it will lie; undefined: nobody knows, and there are no installers. */
  readonly place: PublishPlace | undefined;
  /** Markdown. */
  readonly notes: string | undefined;
  /** In ISO 8601. Default: that of what lies in the folder, where everything else is the same, else now. */
  readonly date?: string | undefined;
  /** How its executables update themselves; undefined: they do not. */
  readonly trust: UpdateTrust | undefined;
  /** The lines of those that installers trust; []: what is staged is not signed. */
  readonly publicKeys: readonly string[];
  /** Undefined: what is staged has no signature. */
  readonly key: SigningKey | undefined;
  /** Whether what lies in the folder may be replaced where it is not the same. */
  readonly replace: boolean;
  /** Everything is made and checked, and nothing of it stays. */
  readonly dryRun?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: StageEvent) => void) | undefined;
}

export type StageEvent =
  /** An executable is whole, and of this release. */
  | ({ readonly type: 'checked' } & PublishedExecutable)
  /** A file of the version is there. */
  | ({ readonly type: 'written' } & StagedFile);

/**
 * Checks the executables of a release and writes the folder that is published of them. It is there as a whole or not at
 * all; the same inputs make the same bytes. Throws PublishError.
 */
export async function stage(request: StageRequest): Promise<StagedVersion> {
  const { release, executables, trust, folder, replace, dryRun = false, signal, onEvent } = request;
  const checked: PublishedExecutable[] = [];
  for (const executable of executables) {
    signal?.throwIfAborted();
    const examined = await examine(executable, release, trust);
    checked.push(examined);
    onEvent?.({ type: 'checked', ...examined });
  }
  const feed = await feedOf(request, checked);
  const files: StagedFile[] = [];
  await putFolder(folder, { replace, dryRun }, async (fresh) => {
    for await (const file of writeVersion(fresh, feed, request)) {
      signal?.throwIfAborted();
      files.push(file);
      onEvent?.({ type: 'written', ...file });
    }
  });
  return { folder, feed, files: files.sort(byName) };
}

/** Writes one file after the other; the last ones tell of those before. */
async function* writeVersion(
  folder: string,
  feed: Feed,
  { release, executables, beside, place, trust, publicKeys, key, signal }: StageRequest,
): AsyncGenerator<StagedFile> {
  const written: StagedFile[] = [];
  const add = async (name: string, write: (file: string) => Promise<void>): Promise<StagedFile> => {
    const file = path.join(folder, name);
    await write(file);
    written.push(await hashFile(file));
    return written.at(-1)!;
  };
  const text = (name: string, content: string | Buffer) =>
    add(name, async (file) => await writeFile(file, content, { flag: 'wx' }));

  for (const [index, { program, target, file: built }] of executables.entries()) {
    const { file, sha256 } = feed.executables[index]!;
    const copied = await add(file, async (to) => await copyExecutable(built, to));
    if (copied.sha256 !== sha256) throw changedMeanwhile(built);
    yield copied;
    const name = `${program}_${target.name}`;
    const top = `${program}-${release.version}`;
    const isWindows = target.os === 'win';
    const archived = [
      { name: isWindows ? `${program}.exe` : program, file: path.join(folder, file), mode: 0o755 },
      ...beside,
    ].map((one) => ({ ...one, name: `${top}/${one.name}` }));
    yield isWindows
      ? await add(`${name}.zip`, async (to) => await writeZip(to, archived, signal))
      : await add(`${name}.tar.gz`, async (to) => await writeTarGz(to, archived, signal));
    yield await text(`${name}.cdx.json`, await readSbom(built));
  }
  yield await text(FEED, `${JSON.stringify(feed, null, 2)}\n`);
  if (place !== undefined) {
    const programs = [...new Set(executables.map(({ program }) => program))];
    const scripts = installScripts({ release, programs, place, publicKeys, updates: trust !== undefined });
    for (const [name, content] of Object.entries(scripts)) yield await text(name, content);
  }
  yield await text(CHECKSUMS, checksumsOf(written));
  if (key === undefined) return;
  const checksums = await readFile(path.join(folder, CHECKSUMS));
  yield await text(SIGNATURE, signatureOf(checksums, `${release.name} ${release.version}`, key));
}

/** Shares the disk's blocks where the file system can. */
async function copyExecutable(from: string, to: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  await chmod(to, 0o755);
}

function changedMeanwhile(file: string): PublishError {
  return new PublishError(
    'EXECUTABLE_DAMAGED',
    `${file} was written to while it was published. Publish again when the build has ended.`,
  );
}

/** In the form that `sha256sum -c` reads. */
function checksumsOf(files: readonly StagedFile[]): string {
  return files
    .toSorted(byName)
    .map(({ name, sha256 }) => `${sha256}  ${name}\n`)
    .join('');
}

async function feedOf(
  { release: { name, version }, tag, notes, date, folder }: StageRequest,
  executables: readonly PublishedExecutable[],
): Promise<Feed> {
  const feed = (published: string): Feed => ({
    format: 1,
    name,
    version,
    tag,
    date: published,
    ...(notes !== undefined && { notes }),
    executables,
  });
  if (date !== undefined) return feed(date);
  const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
  const before = await readEarlier(path.join(folder, FEED));
  const same = feed(before?.date ?? now);
  return JSON.stringify(before) === JSON.stringify(same) ? same : feed(now);
}

/** What an earlier run has left: whatever cannot be read is replaced. */
async function readEarlier(file: string): Promise<Feed | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Feed;
  } catch {
    return undefined;
  }
}
