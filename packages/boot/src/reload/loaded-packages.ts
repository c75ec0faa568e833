import { realpathSync } from 'node:fs';
import { registerHooks } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { BootError } from '../error.ts';
import type { DescribedVersion, ReloadPlan } from './plan.ts';

/**
 * Which files the packages of all versions that this process has loaded are taken from. Imports of a package that a later
 * version has unchanged lead to the modules that are there, by whatever way they come: `import`, `import()`, `require`,
 * `createRequire`, `exports`, `imports`, links.
 */
export class LoadedPackages {
  /** Real path of a package of any of these versions → where its modules are loaded from. */
  readonly #places = new Map<string, string>();
  /** Root of each version → the files that were imported from it. Nothing is known of those of the first. */
  readonly #files = new Map<string, Set<string>>();

  /** Throws BootError NO_HOOKS where this Node cannot tell imports where to lead. */
  constructor(root: string, { release }: DescribedVersion) {
    if (typeof registerHooks !== 'function')
      throw new BootError(
        'NO_HOOKS',
        `Node ${process.versions.node} cannot reload: that needs 22.15 or newer. upgrade and restart need nothing.`,
      );
    this.#files.set(realpathSync(root), new Set());
    for (const place of release.packages) {
      const directory = this.#directory(root, place.path);
      this.#places.set(directory, directory);
    }
    registerHooks({
      resolve: (specifier, context, next) => {
        const found = next(specifier, context);
        const url = this.#loaded(found.url);
        return url === found.url ? found : { ...found, url };
      },
    });
  }

  has(root: string): boolean {
    return this.#files.has(realpathSync(root));
  }

  /** How many versions have been loaded behind the first. */
  get count(): number {
    return this.#files.size - 1;
  }

  /** From here on modules of that version can be imported. Throws BootError LOADED_OTHERWISE. */
  add(plan: ReloadPlan, before: string, root: string, { release }: DescribedVersion): void {
    const places = release.packages.map((one) => {
      const directory = this.#directory(root, one.path);
      const same = plan.same[one.path];
      return [
        directory,
        same === undefined ? directory : this.#place(this.#directory(before, same)),
      ] as const;
    });
    if (this.has(root)) refuseOther(plan, places, this.#places);
    else this.#files.set(realpathSync(root), new Set());
    for (const [directory, place] of places)
      if (!this.#places.has(directory)) this.#places.set(directory, place);
  }

  /** Those that were imported from a version, its own alone. */
  filesOf(root: string): ReadonlySet<string> {
    return this.#files.get(realpathSync(root)) ?? new Set();
  }

  #directory(root: string, place: string): string {
    return path.join(realpathSync(root), ...place.split('/'));
  }

  #place(directory: string): string {
    return this.#places.get(directory) ?? directory;
  }

  /** The address of the module that is taken for the one at this address. */
  #loaded(url: string): string {
    if (!url.startsWith('file:')) return url;
    const file = fileURLToPath(url);
    const directory = this.#packageOf(file);
    if (directory === undefined) return url;
    const place = this.#place(directory);
    if (place !== directory)
      return pathToFileURL(path.join(place, path.relative(directory, file))).href + new URL(url).search;
    this.#filesAround(file)?.add(file);
    return url;
  }

  /** Of the innermost root: versions may lie inside the first one. */
  #filesAround(file: string): Set<string> | undefined {
    const roots = [...this.#files.keys()].filter((root) => file.startsWith(root + path.sep));
    const innermost = roots.reduce((found, root) => (root.length > found.length ? root : found), '');
    return this.#files.get(innermost);
  }

  #packageOf(file: string): string | undefined {
    for (let directory = path.dirname(file); ; directory = path.dirname(directory)) {
      if (this.#places.has(directory)) return directory;
      if (directory === path.dirname(directory)) return undefined;
    }
  }
}

/**
 * A version that has been loaded before is there with all its modules, and with what these are linked to. After several
 * others it may be that they are not what would have to be used now.
 */
function refuseOther(
  { to }: ReloadPlan,
  places: readonly (readonly [string, string])[],
  known: ReadonlyMap<string, string>,
): void {
  const isOther = ([directory, place]: readonly [string, string]) =>
    place !== directory && known.get(directory) !== place;
  if (places.every((one) => !isOther(one))) return;
  throw new BootError(
    'LOADED_OTHERWISE',
    `The modules of ${to} are in this process from before, linked to others than they would be now. upgrade ${to} starts a process of its own.`,
  );
}
