import { existsSync, readdirSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { ReleaseError } from './error.ts';
import { type Manifest, readManifest } from './package-json.ts';

/** A package on this disk that the release needs. */
export interface InstalledPackage {
  /** Its real path. */
  readonly directory: string;
  readonly name: string;
  readonly version: string;
  readonly manifest: Manifest;
  /** The project, its workspaces and what is linked in: code that is not below a `node_modules`. */
  readonly firstParty: boolean;
  /** A folder of the project with a package.json and dependencies of its own, but no package to anybody else. */
  readonly nested: boolean;
  /** What Node resolves from here, by the name it is imported with. */
  readonly dependencies: ReadonlyMap<string, Dependency>;
}

export interface Dependency {
  /** Real path of the package. */
  readonly directory: string;
  /** Where Node found it; a link when it differs from `directory`. */
  readonly found: string;
  /** The package that wants it runs without it, it says. */
  readonly optional: boolean;
}

/** Everything the release needs in production, by real path, in the order in which it was reached. */
export interface Installation {
  readonly packages: ReadonlyMap<string, InstalledPackage>;
  readonly notices: readonly string[];
}

interface Missing {
  readonly name: string;
  readonly wantedBy: InstalledPackage;
}

/** The packages that get a folder of their own in `lib`. */
export function firstPartyPackages({
  packages,
}: Pick<Installation, 'packages'>): readonly InstalledPackage[] {
  return [...packages.values()].filter(({ firstParty, nested }) => firstParty && !nested);
}

/** The package that a file lies in, of those by directory; a `node_modules` in between belongs to none of them. */
export function packageOf<Package>(
  file: string,
  packages: ReadonlyMap<string, Package>,
): Package | undefined {
  for (let directory = path.dirname(file); ; directory = path.dirname(directory)) {
    const found = packages.get(directory);
    if (found !== undefined || directory === path.dirname(directory)) return found;
    if (path.basename(directory) === 'node_modules') return undefined;
  }
}

/**
 * Walks the production dependencies of packages as Node resolves them from each package's real path, so
 * that hoisted, nested, linked and virtual-store layouts are all the same to it.
 * Throws ReleaseError DEPENDENCY_MISSING or PLUG_AND_PLAY.
 */
export function readInstallation(
  project: string,
  made: Manifest,
  others: {
    readonly packages: readonly string[];
    readonly nested: readonly string[];
    /** Names of packages that are left out, as if nobody depended on them. */
    readonly excluded?: readonly string[];
  },
): Installation {
  const lookup = nodeLookup();
  const packages = new Map<string, InstalledPackage>();
  const optionalPeers: {
    readonly from: Map<string, Dependency>;
    readonly name: string;
    readonly found: Dependency;
  }[] = [];
  const missing: Missing[] = [];
  const notices: string[] = [];
  const queue = [project, ...others.packages, ...others.nested];
  for (const directory of queue) {
    if (packages.has(directory)) continue;
    const manifest = directory === project ? made : (readManifest(directory) ?? {});
    const dependencies = new Map<string, Dependency>();
    const nested = others.nested.includes(directory);
    const installed = describe(
      directory,
      manifest,
      { isProject: directory === project, nested },
      dependencies,
    );
    packages.set(directory, installed);
    for (const { name, need } of wanted(manifest)) {
      if (others.excluded?.includes(name)) continue;
      const found = lookup(directory, name);
      if (found === undefined) {
        if (isMissing(need, installed)) missing.push({ name, wantedBy: installed });
        else if (need === 'required')
          notices.push(`${installed.name} wants ${name}, which pnpm did not install for it`);
      } else if (need === 'optional-peer') {
        optionalPeers.push({ from: dependencies, name, found: { ...found, optional: true } });
      } else {
        dependencies.set(name, { ...found, optional: need === 'optional' });
        queue.push(found.directory);
      }
    }
  }
  if (missing.length > 0) throw notInstalled(project, missing);
  // An optional peer does not bring a package into production, but is seen when something else does.
  for (const { from, name, found } of optionalPeers) if (packages.has(found.directory)) from.set(name, found);
  return { packages, notices };
}

function describe(
  directory: string,
  manifest: Manifest,
  { isProject, nested }: { readonly isProject: boolean; readonly nested: boolean },
  dependencies: ReadonlyMap<string, Dependency>,
): InstalledPackage {
  return {
    directory,
    name: manifest.name ?? path.basename(directory),
    version: manifest.version ?? '0.0.0',
    manifest,
    nested,
    firstParty: isProject || !directory.split(path.sep).includes('node_modules'),
    dependencies,
  };
}

type Need = 'required' | 'optional' | 'peer' | 'optional-peer';

function wanted(manifest: Manifest): readonly { readonly name: string; readonly need: Need }[] {
  const needs = new Map<string, Need>();
  for (const name of Object.keys(manifest.peerDependencies ?? {})) {
    needs.set(name, manifest.peerDependenciesMeta?.[name]?.optional === true ? 'optional-peer' : 'peer');
  }
  for (const name of Object.keys(manifest.dependencies ?? {})) needs.set(name, 'required');
  // npm copies these into `dependencies` when it publishes; the weaker need counts.
  for (const name of Object.keys(manifest.optionalDependencies ?? {})) needs.set(name, 'optional');
  return [...needs].map(([name, need]) => ({ name, need })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

function isMissing(need: Need, { firstParty, directory }: InstalledPackage): boolean {
  if (need === 'peer') return firstParty;
  if (need !== 'required') return false;
  // pnpm's `overrides` take dependencies away without a trace in package.json; its store has no link then.
  return !directory.includes(`${path.sep}.pnpm${path.sep}`);
}

type Lookup = (from: string, name: string) => Omit<Dependency, 'optional'> | undefined;

/** Node's search for a package: `node_modules` of the directory and of every one above it. */
function nodeLookup(): Lookup {
  const listings = new Map<string, ReadonlySet<string>>();
  const listing = (directory: string): ReadonlySet<string> => {
    const known = listings.get(directory);
    if (known !== undefined) return known;
    const names = new Set(entriesOf(directory));
    listings.set(directory, names);
    return names;
  };
  return (from, name) => {
    const [first] = name.split('/') as [string];
    for (let directory = from; ; directory = path.dirname(directory)) {
      const modules = path.join(directory, 'node_modules');
      if (path.basename(directory) !== 'node_modules' && listing(modules).has(first)) {
        const found = path.join(modules, name);
        if (existsSync(path.join(found, 'package.json'))) return { directory: realpathSync(found), found };
      }
      if (directory === path.dirname(directory)) return undefined;
    }
  };
}

function entriesOf(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}

function notInstalled(project: string, missing: readonly Missing[]): ReleaseError {
  if (above(project, ['.pnp.cjs', '.pnp.js']) !== undefined) {
    return new ReleaseError(
      'PLUG_AND_PLAY',
      `${project} is installed with Yarn Plug'n'Play, whose packages are no files on the disk. ` +
        'Write "nodeLinker: node-modules" into .yarnrc.yml and run: yarn install',
    );
  }
  const names = [...new Set(missing.map(({ name }) => name))];
  const [first] = missing as readonly [Missing];
  const what = names.length === 1 ? `${names[0]} is` : `${names.slice(0, 10).join(', ')} are`;
  return new ReleaseError(
    'DEPENDENCY_MISSING',
    `${what} not installed, but ${first.wantedBy.name} (${first.wantedBy.directory}) depends on ` +
      `${names.length === 1 ? 'it' : 'them'}. Run: ${packageManager(project)} install`,
  );
}

/** The package manager whose lock file lies nearest above a directory. */
export function packageManager(directory: string): 'npm' | 'pnpm' | 'yarn' | 'bun' {
  const lock = above(directory, [
    'package-lock.json',
    'npm-shrinkwrap.json',
    'pnpm-lock.yaml',
    'yarn.lock',
    'bun.lock',
    'bun.lockb',
  ]);
  if (lock === 'pnpm-lock.yaml') return 'pnpm';
  if (lock === 'yarn.lock') return 'yarn';
  return lock?.startsWith('bun') ? 'bun' : 'npm';
}

function above(directory: string, names: readonly string[]): string | undefined {
  const found = names.find((name) => existsSync(path.join(directory, name)));
  if (found !== undefined || directory === path.dirname(directory)) return found;
  return above(path.dirname(directory), names);
}
