import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';

/**
 * Files that cost time to make and depend on nothing but their key: downloads, compressed runtimes.
 *
 * ```
 * <directory>/<2 hex digits>/<SHA-256 of the key>/content        the file
 *                                                 record.json    key, SHA-256, size; its time: that of the last use
 * <directory>/pruned                                             its time: when pruneFrames last looked
 * <directory>/code/                                              Node's compile cache of the command line
 * <directory>/tmp/<random>/                                      being made or removed
 * ```
 *
 * An entry appears by one rename of its directory, so any number of processes may share a cache: the first one to
 * finish wins, the others discard theirs.
 */
export interface BuildCache {
  readonly directory: string;
  /**
   * The file made for the key, made now by `make` if there is no sound one. What `make` leaves at the temporary path
   * becomes the file; it may use names that begin with this path for whatever else it needs. If it throws, nothing is kept.
   * Throws BuildCacheError when the cache cannot be written.
   */
  produce(key: string, make: (temporaryPath: string) => Promise<void>): Promise<string>;
  /** What is known of the key's file, if there is a sound one. */
  entry(key: string): Promise<CacheEntry | undefined>;
  /** Everything that is there, damaged entries left out. */
  entries(): Promise<readonly CacheEntry[]>;
  /** Removes an entry, unless somebody has asked for it since, or removes it at the same time. */
  discard(entry: CacheEntry): Promise<void>;
}

export interface CacheEntry {
  readonly key: string;
  readonly file: string;
  readonly sha256: string;
  /** In bytes. */
  readonly size: number;
  /** When it was last asked for, in milliseconds since 1970. */
  readonly used: number;
}

export class BuildCacheError extends Error {
  override readonly name = 'BuildCacheError';
  readonly code: 'NO_SPACE' | 'BUILD_CACHE_UNWRITABLE';

  constructor(code: BuildCacheError['code'], message: string, cause: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** Every content carries this time (2000-01-01), so that one that was written to later shows without being read. */
const CONTENT_TIME = 946_684_800;

/** Temporaries of processes that were killed are removed when they are this old, in milliseconds. */
const ABANDONED_AFTER = 24 * 60 * 60 * 1000;

/** Opens the cache in `directory`, or the user's: `SARMA_BUILD_CACHE`, else `sarma-build` in their cache directory. Touches no file. */
export function openBuildCache(
  options: { readonly directory?: string; readonly env?: NodeJS.ProcessEnv } = {},
): BuildCache {
  const directory = path.resolve(options.directory ?? defaultDirectory(options.env ?? process.env));
  const place = (key: string) => {
    const hash = createHash('sha256').update(key).digest('hex');
    return path.join(directory, hash.slice(0, 2), hash);
  };
  const entry = (key: string) => readEntry(place(key));
  return {
    directory,
    entry,
    entries: () => readEntries(directory),
    discard: ({ key, used }) => discard(directory, place(key), used),
    produce: async (key, make) => {
      const found = await entry(key);
      if (found !== undefined && (await tellUse(place(key)))) return found.file;
      return await produceEntry(directory, place(key), key, make);
    },
  };
}

/** The SHA-256 of a file, as hex digits. */
export async function hashFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1024 * 1024 }), hash);
  return hash.digest('hex');
}

function defaultDirectory(env: NodeJS.ProcessEnv): string {
  if (env.SARMA_BUILD_CACHE) return env.SARMA_BUILD_CACHE;
  if (env.XDG_CACHE_HOME) return path.join(env.XDG_CACHE_HOME, 'sarma-build');
  if (process.platform === 'win32' && env.LOCALAPPDATA) return path.join(env.LOCALAPPDATA, 'sarma-build');
  const caches = process.platform === 'darwin' ? ['Library', 'Caches'] : ['.cache'];
  return path.join(env.HOME || homedir(), ...caches, 'sarma-build');
}

/** An entry whose content was written to after it was made is read and held to its hash. */
async function readEntry(place: string): Promise<CacheEntry | undefined> {
  const file = path.join(place, 'content');
  try {
    const record = JSON.parse(await readFile(recordOf(place), 'utf8')) as CacheEntry;
    const { mtimeMs: used } = await stat(recordOf(place));
    const { size, mtimeMs } = await stat(file);
    if (size !== record.size) return undefined;
    if (mtimeMs !== CONTENT_TIME * 1000 && (await hashFile(file)) !== record.sha256) return undefined;
    return { key: record.key, file, sha256: record.sha256, size, used };
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function recordOf(place: string): string {
  return path.join(place, 'record.json');
}

/** False where the entry was removed just now. Where nothing can be written nothing will be removed. */
async function tellUse(place: string): Promise<boolean> {
  const now = new Date();
  try {
    await utimes(recordOf(place), now, now);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (['EACCES', 'EPERM', 'EROFS'].includes(code!)) return true;
    if (code === 'ENOENT') return false;
    throw error;
  }
}

/** What a build has come upon before it was moved away, that build makes anew; what one has used just now is put back. */
async function discard(directory: string, place: string, used: number): Promise<void> {
  const temporaries = path.join(directory, 'tmp');
  const removed = path.join(temporaries, randomUUID());
  await mkdir(temporaries, { recursive: true });
  if (!(await renamed(place, removed))) return;
  const isUnused = (await stat(recordOf(removed))).mtimeMs === used;
  if (isUnused || !(await renamed(removed, place))) await rm(removed, { recursive: true });
}

async function readEntries(directory: string): Promise<readonly CacheEntry[]> {
  const places = await readdir(directory)
    .then((names) => names.filter((name) => /^[0-9a-f]{2}$/.test(name)))
    .then((names) => Promise.all(names.map(async (name) => subdirectories(path.join(directory, name)))))
    .catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
  const entries = await Promise.all(places.flat().map(readEntry));
  return entries.filter((entry) => entry !== undefined);
}

async function subdirectories(directory: string): Promise<readonly string[]> {
  return (await readdir(directory)).map((name) => path.join(directory, name));
}

async function produceEntry(
  directory: string,
  place: string,
  key: string,
  make: (temporaryPath: string) => Promise<void>,
): Promise<string> {
  const temporaries = path.join(directory, 'tmp');
  const temporary = path.join(temporaries, randomUUID());
  try {
    await mkdir(temporary, { recursive: true });
    await removeAbandoned(temporaries);
    const content = path.join(temporary, 'content');
    await make(content);
    await seal(temporary, content, key);
    await publish(temporary, place);
  } catch (error) {
    throw cacheFailure(error, directory);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  return path.join(place, 'content');
}

/** Leaves nothing but the content, on disk before it can be found, and its record. */
async function seal(temporary: string, content: string, key: string): Promise<void> {
  for (const name of await readdir(temporary)) {
    if (name !== 'content') await rm(path.join(temporary, name), { recursive: true });
  }
  const sha256 = await hashFile(content);
  const handle = await open(content, 'r+');
  try {
    await handle.utimes(CONTENT_TIME, CONTENT_TIME);
    await handle.sync();
    const { size } = await handle.stat();
    await writeFile(path.join(temporary, 'record.json'), `${JSON.stringify({ key, sha256, size })}\n`);
  } finally {
    await handle.close();
  }
}

async function publish(temporary: string, place: string): Promise<void> {
  await mkdir(path.dirname(place), { recursive: true });
  if (await renamed(temporary, place)) return;
  // Somebody else was first. What is there counts, unless it is damaged.
  if ((await readEntry(place)) !== undefined) return;
  const damaged = `${temporary}.damaged`;
  await renamed(place, damaged);
  await rm(damaged, { recursive: true, force: true });
  await renamed(temporary, place);
}

/** False when there is a directory at the new place, or none at the old one. Windows says EPERM for the former. */
async function renamed(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'ENOENT') return false;
    if (code === 'EPERM' && process.platform === 'win32') return false;
    throw error;
  }
}

async function removeAbandoned(temporaries: string): Promise<void> {
  for (const name of await readdir(temporaries)) {
    const abandoned = path.join(temporaries, name);
    const age = await stat(abandoned).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      // Its owner has just removed it.
      () => 0,
    );
    if (age > ABANDONED_AFTER) await rm(abandoned, { recursive: true, force: true });
  }
}

/** What is said when the cache cannot be written to; any other error is itself. */
export function cacheFailure(error: unknown, directory: string): unknown {
  const { code, syscall, path: at, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const advice = 'Free some space, or choose another directory with SARMA_BUILD_CACHE.';
    return new BuildCacheError('NO_SPACE', `No space left in the build cache ${directory}. ${advice}`, error);
  }
  // Node's recursive mkdir says ENOENT on a read-only file system.
  const refused = ['EACCES', 'EROFS', 'EPERM', 'ENOTDIR'].includes(code!) || syscall === 'mkdir';
  // What is refused may be a directory above, where the build cache is to be made.
  if (refused && at !== undefined && (at.startsWith(directory) || directory.startsWith(at + path.sep))) {
    const advice = 'Choose another directory with SARMA_BUILD_CACHE.';
    return new BuildCacheError(
      'BUILD_CACHE_UNWRITABLE',
      `Cannot write to the build cache ${directory}: ${message}. ${advice}`,
      error,
    );
  }
  return error;
}
