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

interface IndexEntry {
  readonly path: string;
  readonly mode: number;
  readonly size: number;
}

/** Keeps a file. */
type Take = (path: string, mode: number, content: Buffer) => Promise<void>;

/**
 * Unpacks a tar.gz into the build cache, once, without the folder that everything in it lies in where `strip` says so.
 * `hash` tells its bytes from those of any other. Throws AddonPackageError for one that is none.
 */
export async function unpack(
  tarball: string,
  hash: string,
  cache: BuildCache,
  { strip }: { readonly strip: boolean },
): Promise<readonly PackedFile[]> {
  return await cachedFiles(`unpacked:${hash}`, cache, (take) =>
    eachFile(tarball, (name, mode, content) =>
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
  const keyOf = (path: string) => `addon-file:${key}:${path}`;
  const listing = `addon-files:${key}`;
  const known = await listed(listing, cache);
  const found = await Promise.all(
    (known ?? []).map(async (one) => ({ ...one, file: (await cache.entry(keyOf(one.path)))?.file })),
  );
  if (known !== undefined && found.every(isThere)) return found;
  const files: PackedFile[] = [];
  await make(async (path, mode, content) => {
    const file = await cache.produce(keyOf(path), (temporary) => writeFile(temporary, content));
    files.push({ path, mode: (mode & 0o111) === 0 ? 0o644 : 0o755, size: content.length, file });
  });
  const index = files.map(({ path, mode, size }): IndexEntry => ({ path, mode, size }));
  await cache.produce(listing, (temporary) => writeFile(temporary, JSON.stringify(index)));
  return files;
}

function isThere(file: IndexEntry & { readonly file: string | undefined }): file is PackedFile {
  return file.file !== undefined;
}

async function listed(key: string, cache: BuildCache): Promise<readonly IndexEntry[] | undefined> {
  const entry = await cache.entry(key);
  return entry && (JSON.parse(await readFile(entry.file, 'utf8')) as readonly IndexEntry[]);
}

/** Files only: what else a tar can hold has no business in a package. */
async function eachFile(tarball: string, take: Take): Promise<void> {
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
        throw new AddonPackageError(`${tarball} holds ${name}, a file outside of its own folder.`);
      }
      await take(name, mode, await buffer(entry));
    }
  })();
  try {
    await Promise.all([reading, taking]);
  } catch (error) {
    if (error instanceof AddonPackageError || 'syscall' in (error as object)) throw error;
    throw new AddonPackageError(`${tarball} cannot be unpacked: ${(error as Error).message}.`, {
      cause: error,
    });
  }
}
