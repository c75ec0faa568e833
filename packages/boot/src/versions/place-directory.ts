import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { constants, createReadStream, existsSync, statSync } from 'node:fs';
import {
  chmod,
  copyFile,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  readlink,
  rename,
  symlink,
} from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { BootError } from '../error.ts';
import { type ArchiveEntry, type OpenFile, readArchive } from './archive.ts';
import { startFile, VERSIONS } from './home.ts';
import { giveFolder } from './owner.ts';
import { placeOfVersion, type VersionPlaces } from './places.ts';
import { checkRelease, isPartOf, notARelease } from './release-tree.ts';
import { publishVersion, stage } from './staging.ts';
import { readStartRecord } from './start-record.ts';

/**
 * Puts the release of a tarball, or of the assembled directory of that path, beside the others; `tryOut` says whether it runs here.
 * Returns its version. Nothing is to be seen before all of it is there. Rejects with a BootError.
 */
export async function placeDirectory(
  places: VersionPlaces,
  source: string | OpenFile,
  tryOut: (root: string, version: string) => Promise<void>,
): Promise<string> {
  const from = typeof source === 'string' ? source : source.path;
  return await stage(places, async (folder) => {
    if (typeof source === 'string') await copyRelease(source, folder);
    else await unpack(source, folder);
    const version = checkRelease(folder, places, from);
    const isThere = async () => {
      const there = placeOfVersion(places, version);
      if (there !== undefined && !isPartOf(folder, there)) throw otherContent(from, version, there);
      return there !== undefined;
    };
    if (await isThere()) return version;
    giveFolder(statSync(places.root), folder);
    await shareRuntime(places, folder);
    await tryOut(folder, version);
    sync(folder);
    await publishVersion(places, folder, version, isThere);
    return version;
  });
}

export function otherContent(from: string, version: string, there: string): BootError {
  return new BootError(
    'OTHER_CONTENT',
    `Version ${version} is there already, and is not the same: ${there}. Give the new one (${from}) another version, or remove ${version} first.`,
  );
}

/** What belongs to the machine stays behind. */
async function copyRelease(from: string, to: string): Promise<void> {
  // What may not be read is not taken for something that is not there.
  await readdir(from);
  const version = readStartRecord(startFile(from))?.version;
  if (version === undefined) throw notARelease(from, 'it has no releases/start.json');
  const later = path.join(from, VERSIONS, version);
  await copyFolder(existsSync(startFile(later)) ? later : from, to, ['var', VERSIONS]);
}

async function copyFolder(from: string, to: string, without: readonly string[] = []): Promise<void> {
  for (const name of await readdir(from)) {
    if (without.includes(name)) continue;
    const [source, target] = [path.join(from, name), path.join(to, name)];
    const found = await lstat(source);
    if (found.isSymbolicLink()) await symlink(await readlink(source), target);
    else if (found.isDirectory()) {
      await mkdir(target);
      await copyFolder(source, target);
    } else if (found.isFile()) {
      await copyFile(source, target, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
      await chmod(target, modeFor((found.mode & 0o100) !== 0));
    } else throw notARelease(from, `${source} is neither a file nor a directory`);
  }
}

function modeFor(isExecutable: boolean): number {
  return isExecutable ? 0o755 : 0o644;
}

async function unpack(archive: OpenFile, root: string): Promise<void> {
  const file = archive.path;
  const directories = new Set(['']);
  await readArchive(archive, async (entry) => {
    const parent = path.posix.dirname(`./${entry.path}`).slice(2);
    if (entry.type === 'directory') return await makeFolders(root, entry.path, directories, file);
    await makeFolders(root, parent, directories, file);
    const target = path.join(root, entry.path);
    if (entry.type === 'link') await symlink(entry.target, target);
    else await writeEntry(entry, target);
  }).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'EEXIST' ? twice(file, error) : error;
  });
}

/** Only those made here: what is to lie below a link or a file would lie somewhere else. */
async function makeFolders(root: string, folder: string, made: Set<string>, file: string): Promise<void> {
  if (made.has(folder) || folder === '.') return;
  await makeFolders(root, path.posix.dirname(`./${folder}`).slice(2), made, file);
  await mkdir(path.join(root, folder));
  made.add(folder);
}

async function writeEntry({ content, isExecutable }: ArchiveEntry, target: string): Promise<void> {
  const handle = await open(target, 'wx', modeFor(isExecutable));
  try {
    // Whatever the umask is.
    await handle.chmod(modeFor(isExecutable));
    for await (const part of content) await handle.writeFile(part);
  } finally {
    await handle.close();
  }
}

function twice(file: string, error: NodeJS.ErrnoException): BootError {
  return new BootError(
    'UNSAFE_ARCHIVE',
    `${file} is not unpacked: ${error.path} is in it twice, or below a link.`,
  );
}

/** The same runtime takes its room once. */
async function shareRuntime(places: VersionPlaces, folder: string): Promise<void> {
  const place = readStartRecord(startFile(folder))?.runtime;
  if (!place) return;
  const own = path.join(folder, place);
  for (const root of [
    places.root,
    ...(await readdir(places.versions)).map((name) => path.join(places.versions, name)),
  ]) {
    const other = path.join(root, place);
    if (root === folder || !(await isSameFile(own, other))) continue;
    try {
      await link(other, `${own}.tmp`);
      await rename(`${own}.tmp`, own);
    } catch {
      // Not every file system has links, and not every user may make them.
    }
    return;
  }
}

async function isSameFile(own: string, other: string): Promise<boolean> {
  const [ours, theirs] = [await lstat(own), await lstat(other).catch(() => undefined)];
  // A link to a file of somebody else's would be his to change.
  if (!theirs?.isFile() || theirs.size !== ours.size || theirs.uid !== ours.uid || theirs.mode !== ours.mode)
    return false;
  return (await digestOf(own)) === (await digestOf(other));
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/** A loss of power shall not leave a permanent version with empty files. Some systems have no such program. */
export function sync(folder: string): void {
  try {
    execFileSync('sync', ['-f', folder], { stdio: 'ignore' });
  } catch {
    // Then it is on the disk when the system puts it there.
  }
}
