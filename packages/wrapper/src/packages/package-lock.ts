import { readFile } from 'node:fs/promises';
import path from 'node:path';
import semver from 'semver';
import { readLocked } from '../lockfile.ts';
import { type PlatformFields, platformFields } from './platform.ts';

/** A package of the registry as the package manager's lock file has it. */
export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  /** In the form of Subresource Integrity; undefined where the lock file has another kind of hash (Yarn 2 and later). */
  readonly integrity: string | undefined;
  /** Where its tarball was found, where the lock file says so. */
  readonly resolved: string | undefined;
  readonly platform: PlatformFields;
  /** Whether the lock file says of packages where they run, so that no field means everywhere. */
  readonly tellsPlatform: boolean;
}

/** Everything that the lock file of a project's package manager pins. */
export interface PackageLock {
  /** An absolute path; undefined where the project has none. */
  readonly file: string | undefined;
  /** The highest locked version of a package that satisfies a range. */
  find(name: string, range: string): LockedPackage | undefined;
}

export class PackageLockError extends Error {
  override readonly name = 'PackageLockError';
  readonly code = 'PACKAGE_LOCK_INVALID';
}

type Read = (text: string) => readonly LockedPackage[] | Promise<readonly LockedPackage[]>;

/** What lock files are called, and how each is read. npm prefers its shrinkwrap. */
const FORMATS: readonly (readonly [name: string, read: Read])[] = [
  ['npm-shrinkwrap.json', readNpm],
  ['package-lock.json', readNpm],
  ['pnpm-lock.yaml', readPnpm],
  ['yarn.lock', readYarn],
  ['bun.lock', readBun],
];

/** Reads the lock file that lies nearest above a project. Throws PackageLockError. */
export async function readPackageLock(project: string): Promise<PackageLock> {
  for (let directory = project; ; directory = path.dirname(directory)) {
    for (const [name, read] of FORMATS) {
      const file = path.join(directory, name);
      const text = await readIfThere(file);
      if (text !== undefined) return packageLock(file, await parsed(file, text, read));
    }
    if (directory === path.dirname(directory)) return packageLock(undefined, []);
  }
}

/**
 * What a project's lock files, the package manager's and `sarma.lock.json`, say that the tarball of a package must hash
 * to. Throws PackageLockError and LockfileError.
 */
export async function lockedIntegrity(
  project: string,
): Promise<(name: string, version: string) => string | undefined> {
  const [{ find }, { packages }] = await Promise.all([readPackageLock(project), readLocked(project)]);
  return (name, version) => find(name, version)?.integrity ?? packages[`${name}@${version}`]?.integrity;
}

function packageLock(file: string | undefined, packages: readonly LockedPackage[]): PackageLock {
  const byName = Map.groupBy(packages, ({ name }) => name);
  return {
    file,
    find: (name, range) => {
      const fitting = (byName.get(name) ?? []).filter(
        ({ version }) => version === range || semver.satisfies(version, range, { includePrerelease: false }),
      );
      return fitting.toSorted((a, b) => semver.rcompare(a.version, b.version))[0];
    },
  };
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new PackageLockError(`Cannot read ${file}: ${(error as Error).message}`, { cause: error });
  }
}

async function parsed(file: string, text: string, read: Read) {
  try {
    return await read(text);
  } catch (error) {
    throw new PackageLockError(
      `${file} cannot be understood: ${(error as Error).message}. Have your package manager write it again.`,
      { cause: error },
    );
  }
}

/** npm's own lock files need no YAML. */
async function parseYaml(text: string): Promise<unknown> {
  return (await import('yaml')).parse(text);
}

type Fields = Readonly<Record<string, unknown>>;

/** Versions 2 and 3 have `packages` by their paths, version 1 `dependencies` inside of each other. */
function readNpm(text: string): readonly LockedPackage[] {
  const lock = JSON.parse(text) as Fields;
  if (lock.packages === undefined) return readNested(fields(lock.dependencies));
  return Object.entries(fields(lock.packages)).flatMap(([place, value]) => {
    const entry = fields(value);
    const at = place.lastIndexOf('node_modules/');
    // What comes from a repository or a folder is not the registry's package of that name.
    const isElsewhere = /^(git|file:)/.test(String(entry.resolved));
    if (at === -1 || entry.link === true || isElsewhere) return [];
    // An alias lies in a folder of another name.
    return [locked(entry.name ?? place.slice(at + 'node_modules/'.length), entry, true)];
  });
}

function readNested(dependencies: Fields): readonly LockedPackage[] {
  return Object.entries(dependencies).flatMap(([name, value]) => {
    const entry = fields(value);
    const [, alias, version] = /^npm:(.+)@([^@]+)$/.exec(String(entry.version)) ?? [];
    const own =
      alias === undefined ? locked(name, entry, false) : locked(alias, { ...entry, version }, false);
    return [own, ...readNested(fields(entry.dependencies))];
  });
}

/** `/name@1.0.0(peer@2.0.0)`, in version 5 `/name/1.0.0_peer@2.0.0`. */
async function readPnpm(text: string): Promise<readonly LockedPackage[]> {
  const lock = fields(await parseYaml(text));
  return Object.entries(fields(lock.packages)).flatMap(([key, value]) => {
    const entry = fields(value);
    const [, name, version] = /^\/?((?:@[^/]+\/)?[^/@]+)[@/](\d[^(_]*)/.exec(key) ?? [];
    if (name === undefined) return [];
    const { integrity, tarball } = fields(entry.resolution);
    return [locked(name, { ...entry, version, integrity, resolved: tarball }, true)];
  });
}

/** Version 1 is a format of its own: keys at the margin, fields indented by two. Later ones are YAML. */
function readYarn(text: string): ReturnType<Read> {
  if (/^__metadata:/m.test(text)) return readBerry(text);
  return text.split(/\n(?=[^\s#])/).flatMap((block) => {
    const [, line = ''] = /^([^\s#].*):$/m.exec(block) ?? [];
    const specs = [...line.matchAll(/"([^"]+)"|([^",\s]+)/g)].map(([, quoted, bare]) => quoted ?? bare!);
    const [key] = specs;
    if (key === undefined || !specs.every(isOfRegistry)) return [];
    const field = (name: string) => new RegExp(`^  ${name} "?([^"\\n]+)"?$`, 'm').exec(block)?.[1];
    const [, name] = /^((?:@[^/]+\/)?[^@]+)/.exec(key)!;
    const [, alias] = /@npm:((?:@[^/]+\/)?[^@]+)@/.exec(key) ?? [];
    const entry = {
      version: field('version'),
      integrity: field('integrity'),
      resolved: field('resolved')?.replace(/#.*$/, ''),
    };
    return [locked(alias ?? name, entry, false)];
  });
}

/** Not `name@git+https://…`, `name@file:…`, `name@owner/repository`. */
function isOfRegistry(spec: string): boolean {
  return /^(@[^/]+\/)?[^@]+@(npm:|[^/:]*$)/.test(spec);
}

/** Its `conditions` are of Yarn's own form, and its checksums those of archives that Yarn makes. */
async function readBerry(text: string): Promise<readonly LockedPackage[]> {
  return Object.values(fields(await parseYaml(text))).flatMap((value) => {
    const entry = fields(value);
    const [, name, version] = /^((?:@[^/]+\/)?[^@]+)@npm:([^:]+)/.exec(String(entry.resolution)) ?? [];
    return name === undefined ? [] : [locked(name, { version }, false)];
  });
}

/** `"name": ["name@1.0.0", "registry", { … }, "sha512-…"]`; JSON with commas at the ends of lists, as YAML allows. */
async function readBun(text: string): Promise<readonly LockedPackage[]> {
  return Object.values(fields(fields(await parseYaml(text)).packages)).flatMap((value) => {
    if (!Array.isArray(value) || value.length < 4) return [];
    const [spec, registry, entry, integrity] = value as [unknown, unknown, unknown, unknown];
    const [, name, version] = /^((?:@[^/]+\/)?[^@]+)@(.+)$/.exec(String(spec)) ?? [];
    const resolved = /\.tgz$/.test(String(registry)) ? registry : undefined;
    return name === undefined ? [] : [locked(name, { ...fields(entry), version, integrity, resolved }, true)];
  });
}

function locked(name: unknown, entry: Fields, tellsPlatform: boolean): LockedPackage {
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
  const integrity = text(entry.integrity);
  const resolved = text(entry.resolved);
  return {
    name: String(name),
    version: String(entry.version),
    integrity: integrity !== undefined && /^sha\d+-/.test(integrity) ? integrity : undefined,
    resolved: resolved !== undefined && /^https?:/.test(resolved) ? resolved : undefined,
    platform: platformFields(entry),
    tellsPlatform,
  };
}

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}
