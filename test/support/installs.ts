import { readdir, readFile, readlink, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { temporaryDirectory } from './run.ts';

/** What one finds in a base directory: the two kinds of installs. */
export interface Installs {
  readonly releases: readonly string[];
  readonly runtimes: readonly string[];
}

/** Temporaries are among them, so that a test sees what should not be there. */
export async function installsIn(base: string): Promise<Installs> {
  const names = async (folder: string) => await readdir(path.join(base, folder)).catch(() => []);
  return { releases: await names('releases'), runtimes: await names('runtimes') };
}

/** The one release and the one runtime of a base, as paths. */
export async function onlyInstall(base: string): Promise<{ release: string; runtime: string }> {
  const { releases, runtimes } = await installsIn(base);
  if (releases.length !== 1 || runtimes.length !== 1) {
    throw new Error(
      `expected one install in ${base}, found ${[...releases, ...runtimes].join(', ') || 'none'}`,
    );
  }
  return {
    release: path.join(base, 'releases', releases[0]!),
    runtime: path.join(base, 'runtimes', runtimes[0]!),
  };
}

/** A base of its own with all that is in another one. */
export async function copyOfInstall(
  of: string,
): Promise<{ readonly base: string; readonly release: string; readonly runtime: string }> {
  const base = await temporaryDirectory();
  await execa('cp', ['-aT', of, base]);
  return { base, ...(await onlyInstall(base)) };
}

/** Makes a base what the steps leave there; so does what is returned, whenever it is called. */
export async function stateOf(
  base: string,
  ...steps: readonly (() => Promise<unknown>)[]
): Promise<() => Promise<void>> {
  const kept = path.join(await temporaryDirectory(), 'base');
  await rm(base, { recursive: true, force: true });
  for (const step of steps) await step();
  await execa('cp', ['-a', base, kept]);
  return async () => {
    await rm(base, { recursive: true, force: true });
    await execa('cp', ['-a', kept, base]);
  };
}

type Listing = Readonly<Record<string, string>>;

/** The paths by which two listings differ. */
export function differences(a: Listing, b: Listing): readonly string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((name) => a[name] !== b[name]);
}

/**
 * Everything in a directory by its path: kind, mode, size and time, or where a link leads. Two that are equal hold the
 * same files. Markers are named only: when they were written is theirs to differ in.
 */
export async function listing(directory: string): Promise<Listing> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const lines = await Promise.all(
    entries.map(async (entry) => {
      const file = path.join(entry.parentPath, entry.name);
      return [path.relative(directory, file), await line(file, entry.isSymbolicLink())] as const;
    }),
  );
  return Object.fromEntries(lines.sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function line(file: string, isLink: boolean): Promise<string> {
  if (isLink) return `link to ${await readlink(file)}`;
  const { mode, size, mtimeMs } = await stat(file);
  const kindAndMode = mode.toString(8);
  // What is written during the run, and so has a time of its own.
  if (/\.sarma(\/marker)?$|\/locks(\/[^/]*)?$|\/(releases|runtimes)$|CACHEDIR\.TAG$/.test(file))
    return kindAndMode;
  return `${kindAndMode} ${(mode & 0o170000) === 0o100000 ? size : ''} ${mtimeMs / 1000}`;
}

/** The fields of an install's marker (docs/format.md, "Install"). */
export async function marker(install: string): Promise<ReadonlyMap<string, string>> {
  const lines = (await readFile(path.join(install, '.sarma/marker'), 'utf8')).trim().split('\n');
  return new Map(lines.map((text) => [text.slice(0, text.indexOf(' ')), text.slice(text.indexOf(' ') + 1)]));
}
