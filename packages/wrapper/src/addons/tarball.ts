import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import type { BuildCache } from '../build-cache.ts';
import { AddonPackageError } from './errors.ts';

/** A file of an unpacked tarball. */
export interface PackedFile {
  /** Relative to the package, with `/`. */
  readonly path: string;
  /** 0o755 or 0o644. */
  readonly mode: number;
  readonly size: number;
  /** In the build cache, an absolute path. */
  readonly file: string;
}

interface IndexEntry extends Omit<PackedFile, 'file'> {
  /** Names its content in the build cache: what `make` takes may differ from one time to the next. */
  readonly sha256: string;
}

/** Keeps a file. */
type Take = (path: string, mode: number, content: Buffer) => Promise<void>;

/**
 * Unpacks a tar.gz into the build cache, once, without the folder that everything in it lies in where `strip` says so.
 * `hash` tells its bytes from those of any other, `what` names it in the AddonPackageError that is thrown for one that is none.
 */
export async function unpack(
  tarball: string,
  what: string,
  hash: string,
  cache: BuildCache,
  { strip }: { readonly strip: boolean },
): Promise<readonly PackedFile[]> {
  return await cachedFiles(`unpacked:${hash}`, cache, (take) =>
    eachFile(tarball, what, (name, mode, content) =>
      take(strip ? name.slice(name.indexOf('/') + 1) : name, mode, content),
    ),
  );
}

/** The files that `make` takes, made once for a key and from then on found in the build cache. */
export async function cachedFiles(
  key: string,
  cache: BuildCache,
  make: (take: Take) => Promise<void>,
): Promise<readonly PackedFile[]> {
  const keyOf = (sha256: string) => `addon-file:${sha256}`;
  const listing = `addon-listing:${key}`;
  const known = await listed(listing, cache);
  const found = await Promise.all(
    (known ?? []).map(async ({ sha256, ...one }) => ({
      ...one,
      file: (await cache.entry(keyOf(sha256)))?.file,
    })),
  );
  if (known !== undefined && found.every(isThere)) return found;
  const files: PackedFile[] = [];
  const index: IndexEntry[] = [];
  await make(async (path, permissions, content) => {
    const sha256 = createHash('sha256').update(content).digest('hex');
    const file = await cache.produce(keyOf(sha256), (temporary) => writeFile(temporary, content));
    const one = { path, mode: (permissions & 0o111) === 0 ? 0o644 : 0o755, size: content.length };
    files.push({ ...one, file });
    index.push({ ...one, sha256 });
  });
  await cache.produce(listing, (temporary) => writeFile(temporary, JSON.stringify(index)));
  return files;
}

function isThere(file: Omit<PackedFile, 'file'> & { readonly file: string | undefined }): file is PackedFile {
  return file.file !== undefined;
}

async function listed(key: string, cache: BuildCache): Promise<readonly IndexEntry[] | undefined> {
  const entry = await cache.entry(key);
  return entry && (JSON.parse(await readFile(entry.file, 'utf8')) as readonly IndexEntry[]);
}

/** Files only: what else a tar can hold has no business in a package. */
async function eachFile(tarball: string, what: string, take: Take): Promise<void> {
  let stopped: unknown;
  const entries = extract();
  const reading = pipeline(createReadStream(tarball), createGunzip(), entries);
  const taking = (async () => {
    for await (const entry of entries) {
      const { type, mode = 0o644 } = entry.header;
      const name = entry.header.name.replace(/^(\.\/)+/, '');
      if (type !== 'file' && type !== 'contiguous-file') {
        entry.resume();
        continue;
      }
      if (name.startsWith('/') || name.split(/[/\\]/).includes('..')) {
        stopped = new AddonPackageError(`${what} holds ${name}, a file outside of its own folder.`);
        throw stopped;
      }
      const content = await buffer(entry);
      await take(name, mode, content).catch((error: unknown) => {
        stopped = error;
        throw error;
      });
    }
  })();
  try {
    await Promise.all([reading, taking]);
  } catch (error) {
    // What stops the taking breaks off the reading as well, which may be told first.
    if (stopped !== undefined) throw stopped;
    const advice = 'Clear the build cache to download it again, or take another version of the package.';
    throw new AddonPackageError(`${what} cannot be unpacked: ${(error as Error).message}. ${advice}`, {
      cause: error,
    });
  }
}
