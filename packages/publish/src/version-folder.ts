import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { notWritable, PublishError } from './error.ts';
import { hashFile } from './hash-file.ts';

/** How old what a killed run has left must be before another one removes it, in milliseconds. */
const ABANDONED = 3_600_000;

export interface PutOptions {
  /** Whether a folder that is there with other files is replaced. */
  readonly replace: boolean;
  /** Everything is tried, and nothing stays. */
  readonly dryRun: boolean;
}

/**
 * Has a folder written beside its place and moves it there when it is whole. One that is there with the same files stays;
 * another one is replaced, or an error. Throws PublishError PUBLISHED_OTHERWISE and NOT_WRITABLE, and what `write` throws.
 */
export async function putFolder(
  folder: string,
  { replace, dryRun }: PutOptions,
  write: (fresh: string) => Promise<void>,
): Promise<void> {
  const parent = path.dirname(folder);
  const beside = path.join(parent, `.${path.basename(folder)}.${randomBytes(6).toString('hex')}`);
  const [fresh, old] = [`${beside}.tmp`, `${beside}.old`];
  let made: string | undefined;
  try {
    made = await mkdir(parent, { recursive: true });
    await removeAbandoned(folder);
    await mkdir(fresh);
    await write(fresh);
    const differing = await differences(fresh, folder);
    if (differing?.length === 0) return;
    if (differing !== undefined && !replace) throw publishedOtherwise(folder, differing);
    if (dryRun) return;
    if (differing === undefined) await rename(fresh, folder);
    else await exchange(folder, fresh, old);
  } catch (cause) {
    throw notWritable(folder, cause);
  } finally {
    await rm(fresh, { recursive: true, force: true });
    if (made !== undefined) await removeEmpty(parent, made);
  }
}

/** Folders from the innermost to `last`, as far as nothing is in them. */
async function removeEmpty(folder: string, last: string): Promise<void> {
  for (let one = folder; one.length >= last.length; one = path.dirname(one)) {
    const isEmpty = await rmdir(one).then(
      () => true,
      () => false,
    );
    if (!isEmpty) return;
  }
}

/**
 * A folder cannot be renamed over another one: for a moment neither has the name. Where it does not get it back, the next run
 * gives it (`removeAbandoned`).
 */
async function exchange(folder: string, fresh: string, old: string): Promise<void> {
  await rename(folder, old);
  try {
    await rename(fresh, folder);
  } catch (error) {
    await rename(old, folder);
    throw error;
  }
  await rm(old, { recursive: true });
}

function publishedOtherwise(folder: string, differing: readonly string[]): PublishError {
  return new PublishError(
    'PUBLISHED_OTHERWISE',
    `${folder} is there already, and other in ${differing.join(', ')}. What was published stays as it is: ` +
      'publish it as a new version, or replace it with --clobber.',
  );
}

/** The names of files that are not the same in both; undefined where there is no other folder. */
async function differences(one: string, other: string): Promise<readonly string[] | undefined> {
  const [own, there] = await Promise.all([digestsIn(one), digestsIn(other)]);
  if (own === undefined || there === undefined) return undefined;
  const names = [...new Set([...own.keys(), ...there.keys()])].sort();
  return names.filter((name) => own.get(name) !== there.get(name));
}

async function digestsIn(folder: string): Promise<ReadonlyMap<string, string> | undefined> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    },
  );
  if (entries === undefined) return undefined;
  const files = entries.filter((entry) => !entry.isDirectory());
  const digests = new Map<string, string>();
  for (const { parentPath, name } of files) {
    const file = path.join(parentPath, name);
    digests.set(path.relative(folder, file), (await hashFile(file)).sha256);
  }
  return digests;
}

/** What killed runs have left; what they have moved away goes back. Nothing of `1.0.0-beta.2` where the folder is `1.0.0-beta`. */
async function removeAbandoned(folder: string): Promise<void> {
  const parent = path.dirname(folder);
  const own = `.${path.basename(folder)}`;
  for (const name of await readdir(parent)) {
    if (!name.startsWith(own) || !/^\.[0-9a-f]{12}\.(tmp|old)$/.test(name.slice(own.length))) continue;
    const left = path.join(parent, name);
    // It was killed between the two renames.
    if (name.endsWith('.old') && !existsSync(folder)) {
      await rename(left, folder);
      continue;
    }
    const { mtimeMs } = await stat(left);
    if (Date.now() - mtimeMs > ABANDONED) await rm(left, { recursive: true, force: true });
  }
}
