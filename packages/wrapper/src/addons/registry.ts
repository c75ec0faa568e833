import { readFile, writeFile } from 'node:fs/promises';
import semver from 'semver';
import { type LockedTarball, LockfileError } from '../lockfile.ts';
import { type PackageManifest, parseManifest } from '../packages/manifest.ts';
import type { LockedPackage, PackageLock } from '../packages/package-lock.ts';
import { type PlatformFields, platformFields } from '../packages/platform.ts';
import { OfflineError, UnreachableError } from '../runtimes/errors.ts';
import { once } from '../runtimes/once.ts';
import {
  type PackageMetadata,
  packageMetadata,
  strongest,
  tarballAddress,
} from '../runtimes/registry-metadata.ts';
import { AddonPackageError } from './errors.ts';
import type { FetchContext } from './fetch-context.ts';
import { type PackedFile, unpack } from './tarball.ts';

/** A package at one version, and what its tarball must hash to. */
export interface Pinned {
  readonly name: string;
  readonly version: string;
  /** In the form of Subresource Integrity, one hash. */
  readonly integrity: string;
  readonly resolved: string | undefined;
  /** Undefined where the lock file says nothing of it. */
  readonly platform: PlatformFields | undefined;
}

/** A package as its tarball holds it. */
export interface FetchedPackage {
  readonly manifest: PackageManifest;
  readonly files: readonly PackedFile[];
}

/** Packages of the registry, each at the version that is locked. Throws what `choose` and `fetch` say. */
export interface Registry {
  /**
   * The version of a package that `spec` (a range, or `npm:NAME@RANGE`) stands for: the lock file's of the package
   * manager, else that of `sarma.lock.json`, else the highest in the registry, which is then locked. Undefined for what
   * the registry has not. Throws LockfileError, OfflineError, UnreachableError, AddonPackageError.
   */
  choose(name: string, spec: string): Promise<Pinned | undefined>;
  /** Whether a lock file has what `choose` would return. */
  isLocked(name: string, spec: string): boolean;
  /** Where a package runs. Throws OfflineError, UnreachableError, AddonPackageError. */
  platformOf(pinned: Pinned): Promise<PlatformFields>;
  /** Brings a package into the build cache; undefined where it is not there and only looked for. Throws IntegrityError, OfflineError, UnreachableError, AddonPackageError. */
  fetch(pinned: Pinned, target: string): Promise<FetchedPackage | undefined>;
}

export interface RegistryContext extends FetchContext {
  /** The package manager's. */
  readonly packageLock: PackageLock;
  /** What `sarma.lock.json` has, by `name@version`. */
  readonly locked: Readonly<Record<string, LockedTarball>>;
  /** Adds to `sarma.lock.json`. */
  readonly lock: (id: string, tarball: LockedTarball) => Promise<void>;
}

/** Opens no socket before something is asked that is neither locked nor in the build cache. */
export function openRegistry(context: RegistryContext): Registry {
  const metadata = once((name) => askFor(name, context));
  return {
    choose: onceFor((name, spec) => choose(name, spec, context, metadata)),
    isLocked: (wanted, spec) => {
      const { name, range } = meant(wanted, spec);
      const known = context.packageLock.find(name, range);
      return known !== undefined || lockedVersion(name, range, context.locked) !== undefined;
    },
    platformOf: async (pinned) => pinned.platform ?? (await describe(pinned, context, metadata)),
    fetch: async (pinned, target) => {
      if (context.lookOnly && (await context.cache.entry(keyOf(pinned))) === undefined) return undefined;
      const tarball = await download(pinned, target, context, metadata);
      const what = `The tarball of ${pinned.name}@${pinned.version}`;
      const files = await unpack(tarball, what, pinned.integrity, context.cache, { strip: true });
      return { manifest: await manifestOf(pinned, files), files };
    },
  };
}

type Metadata = (name: string) => Promise<PackageMetadata | undefined>;

function onceFor<Answer>(ask: (name: string, spec: string) => Promise<Answer>) {
  const byBoth = once((key) => ask(...(JSON.parse(key) as [string, string])));
  return (name: string, spec: string) => byBoth(JSON.stringify([name, spec]));
}

async function askFor(
  name: string,
  { http, offline }: RegistryContext,
): Promise<PackageMetadata | undefined> {
  if (offline) throw notHere(name);
  return await packageMetadata(name, http);
}

function notHere(what: string): OfflineError {
  return new OfflineError(
    `${what} is not in the build cache, and the network may not be used. Run: sarma fetch`,
  );
}

async function choose(
  wanted: string,
  spec: string,
  context: RegistryContext,
  metadata: Metadata,
): Promise<Pinned | undefined> {
  const { name, range } = meant(wanted, spec);
  if (semver.validRange(range) === null) return undefined;
  const known = context.packageLock.find(name, range);
  if (known?.integrity !== undefined) return pinnedBy(known, known.integrity);
  // Yarn's newer lock files have the version, but no hash that a registry knows.
  const version = known?.version ?? lockedVersion(name, range, context.locked);
  const own = version === undefined ? undefined : context.locked[`${name}@${version}`];
  if (version !== undefined && own !== undefined)
    return { name, version, integrity: own.integrity, resolved: undefined, platform: undefined };
  return await lockAnew(name, known?.version ?? range, context, metadata);
}

/** `npm:NAME@RANGE` is another package by the name that is wanted. */
function meant(wanted: string, spec: string): { readonly name: string; readonly range: string } {
  const [, alias, range = '*'] = /^npm:((?:@[^/]+\/)?[^@]+)(?:@(.+))?$/.exec(spec) ?? [];
  return alias === undefined ? { name: wanted, range: spec } : { name: alias, range };
}

function pinnedBy({ name, version, resolved, platform, tellsPlatform }: LockedPackage, integrity: string) {
  const told = tellsPlatform || Object.keys(platform).length > 0;
  return { name, version, integrity: strongest(integrity), resolved, platform: told ? platform : undefined };
}

function lockedVersion(name: string, range: string, locked: RegistryContext['locked']): string | undefined {
  const versions = Object.keys(locked)
    .filter((id) => id.startsWith(`${name}@`))
    .map((id) => id.slice(name.length + 1));
  return semver.maxSatisfying(versions, range) ?? undefined;
}

async function lockAnew(
  name: string,
  range: string,
  context: RegistryContext,
  metadata: Metadata,
): Promise<Pinned | undefined> {
  if (context.frozen) {
    throw new LockfileError(
      'LOCKFILE_FROZEN',
      `${name}@${range} is in no lock file, and --frozen forbids to add it to sarma.lock.json. Run: sarma fetch`,
    );
  }
  const { versions = {} } = (await metadata(name)) ?? {};
  const version = semver.maxSatisfying(Object.keys(versions), range);
  if (version === null) return undefined;
  const { integrity } = versions[version]!.dist;
  if (integrity === undefined) {
    throw new AddonPackageError(
      `The registry tells no integrity of ${name}@${version}, so that what it sends could not be checked. ` +
        `Add it to your own dependencies, for your package manager's lock file to have it.`,
    );
  }
  const pinned = { name, version, integrity: strongest(integrity), resolved: undefined, platform: undefined };
  if (semver.valid(range) === null) {
    const message = `${name}@${range} is in no lock file: ${version}, the newest that fits, is taken from now on (sarma.lock.json).`;
    context.onEvent({ type: 'notice', level: 'info', message });
  }
  await context.lock(`${name}@${version}`, { integrity: pinned.integrity });
  return pinned;
}

/** What the registry says of a package, kept in the build cache. Throws AddonPackageError. */
async function describe(
  { name, version, integrity }: Pinned,
  { cache }: RegistryContext,
  metadata: Metadata,
): Promise<PlatformFields> {
  const file = await cache.produce(`addon-platform:${name}@${version}:${integrity}`, async (temporary) => {
    const found = (await metadata(name))?.versions[version];
    if (found === undefined) {
      throw new AddonPackageError(
        `The registry has no ${name}@${version}, which your lock file names, so that nothing tells where it runs. ` +
          'If it is another registry that has it, or one that asks who you are: both are settings of .npmrc.',
      );
    }
    await writeFile(temporary, JSON.stringify(platformFields(found)));
  });
  return JSON.parse(await readFile(file, 'utf8')) as PlatformFields;
}

function keyOf({ name, version, integrity }: Pinned): string {
  return `addon-package:${name}@${version}:${integrity}`;
}

async function download(
  pinned: Pinned,
  target: string,
  { http, cache, offline, onEvent }: RegistryContext,
  metadata: Metadata,
): Promise<string> {
  const { name, version, integrity, resolved } = pinned;
  return await cache.produce(keyOf(pinned), async (temporary) => {
    if (offline) throw notHere(`${name}@${version}`);
    const save = (url: string) =>
      http.save(url, temporary, integrity, (received, total) =>
        onEvent({ type: 'download', target, received, total }),
      );
    // Like npm, a lock file's address is that of the registry where it has the usual form, whatever host it names.
    const usual = `${name}/-/${name.split('/').at(-1)}-${version}.tgz`;
    const url = await tarballAddress(name, resolved ?? `/${usual}`, http);
    try {
      await save(url);
    } catch (error) {
      if (!(error instanceof UnreachableError) || error.status !== 404) throw error;
      // Some registries keep their tarballs elsewhere.
      const published = (await metadata(name))?.versions[version]?.dist.tarball;
      if (published === undefined) throw error;
      await save(published);
    }
  });
}

async function manifestOf({ name, version }: Pinned, files: readonly PackedFile[]): Promise<PackageManifest> {
  const file = files.find(({ path }) => path === 'package.json');
  const manifest = file && parseManifest(await readFile(file.file, 'utf8'));
  if (manifest !== undefined) return manifest;
  throw new AddonPackageError(`The tarball of ${name}@${version} holds no package.json that can be read.`);
}
