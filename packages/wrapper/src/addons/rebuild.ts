import { createHash } from 'node:crypto';
import { cp, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { BuildCache } from '../build-cache.ts';
import { type Command, CommandError, printed, runCommand } from '../command.ts';
import { fits, mismatch, type Wanted } from '../native/fit.ts';
import { nativeFiles } from '../native/native-files.ts';
import type { InstalledPackage } from '../packages/package.ts';
import { platformsOf } from '../packages/platform.ts';
import { readTree, type TreeFile } from '../tree.ts';
import type { AddonSource } from './native-addons.ts';
import { cachedFiles } from './tarball.ts';

/**
 * Addons that a command of the user's builds, each once for a content of the package. `project` is told to the command.
 * Throws CommandError.
 */
export function rebuilds(
  command: Command,
  project: string,
  cache: BuildCache,
  signal?: AbortSignal,
): AddonSource {
  return {
    how: 'rebuilt',
    find: async (one, wanted) => {
      const values = valuesOf(one, wanted);
      const hash = await hashOf(one, [command, values]);
      const files = await cachedFiles(`rebuilt:${hash}`, cache, (take) =>
        inCopy(one, async (copy) => {
          const before = await contents(copy);
          const what = `wrap.addons.rebuild for ${one.name}@${one.version} and ${wanted.target.name}`;
          const places = { directory: copy, project };
          const said = await runCommand(command, what, { ...values, ...places }, copy, signal);
          const { fitting, others } = await built(copy, before, wanted);
          if (fitting.length === 0) {
            const why = others.length === 0 ? 'none is new or another one' : others.join('; ');
            throw new CommandError(`${what} left no native file that works there: ${why}.${printed(said)}`);
          }
          for (const file of fitting) {
            await take(file.path, file.mode, await readFile(path.join(copy, file.path)));
          }
        }),
      );
      return { files, detail: files.map((file) => file.path).join(', ') };
    },
  };
}

function valuesOf({ name, version }: InstalledPackage, { target, node, modules }: Wanted) {
  const [{ os, cpu, libc } = { os: '', cpu: '', libc: undefined }] = platformsOf(target);
  return {
    package: name,
    version,
    target: target.name,
    platform: os,
    arch: cpu,
    libc: libc ?? '',
    node,
    abi: modules === null ? '' : String(modules),
  };
}

/** Of everything that decides what the command makes, as far as it is known. */
async function hashOf(one: InstalledPackage, others: unknown): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(others));
  for (const [name, digest] of await contents(one.directory)) hash.update(`\n${name} ${digest}`);
  return hash.digest('hex');
}

/** What the files of a package hash to, by their paths; packages in it apart. */
async function contents(directory: string): Promise<ReadonlyMap<string, string>> {
  const { files } = await packageTree(directory);
  const entries = await Promise.all(
    files.map(async ({ path: name }) => {
      const content = await readFile(path.join(directory, name));
      return [name, createHash('sha256').update(content).digest('hex')] as const;
    }),
  );
  return new Map(entries);
}

async function packageTree(directory: string) {
  return readTree(directory, (relative) => path.posix.basename(relative) === 'node_modules');
}

/** Works in a copy from which Node finds the same packages as from the original. */
async function inCopy({ directory }: InstalledPackage, work: (copy: string) => Promise<void>): Promise<void> {
  const parent = await mkdtemp(path.join(tmpdir(), 'sarma-rebuild-'));
  const copy = path.join(parent, 'package');
  const modules = `${path.sep}node_modules${path.sep}`;
  try {
    await cp(directory, copy, {
      recursive: true,
      filter: (source) =>
        source === directory || !path.relative(directory, source).split(path.sep).includes('node_modules'),
    });
    if ((await readdir(directory)).includes('node_modules'))
      await symlink(path.join(directory, 'node_modules'), path.join(copy, 'node_modules'), 'junction');
    const at = directory.lastIndexOf(modules);
    if (at !== -1)
      await symlink(
        directory.slice(0, at + modules.length - 1),
        path.join(parent, 'node_modules'),
        'junction',
      );
    await work(copy);
  } finally {
    await rm(parent, { recursive: true, force: true });
  }
}

/** Native files that were not there, or were others; objects and what a linker needs apart. */
interface Built {
  readonly fitting: readonly TreeFile[];
  /** Why the others do not fit, each beginning with its path. */
  readonly others: readonly string[];
}

async function built(copy: string, before: ReadonlyMap<string, string>, wanted: Wanted): Promise<Built> {
  const tree = await packageTree(copy);
  const after = await contents(copy);
  const changed = tree.files.filter(({ path: name }) => after.get(name) !== before.get(name));
  const places = new Set<string>();
  const others: string[] = [];
  for (const { place, native } of await nativeFiles({ ...tree, files: changed })) {
    if (native === null) others.push(`${place} is cut off or damaged`);
    else if (fits(native, wanted)) places.add(place);
    else others.push(`${place} ${mismatch(native, wanted)}`);
  }
  return { fitting: changed.filter(({ path: name }) => places.has(name)), others };
}
