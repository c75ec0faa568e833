import { existsSync, realpathSync } from 'node:fs';
import path from 'node:path';
import semver from 'semver';
import { type PackageManifest, readManifest } from '../packages/manifest.ts';
import type { InstalledPackage } from '../packages/package.ts';
import {
  isPlatformPackage,
  type Platform,
  type PlatformFields,
  platformFields,
  platformText,
  runsOn,
} from '../packages/platform.ts';
import { namedSystems, saysOther } from '../packages/platform-names.ts';
import { AddonPackageError } from './errors.ts';
import type { AddonFile, FoundAddon, TargetAddons } from './found.ts';
import { type AddonPackages, lookupPlaces } from './packages.ts';
import type { FetchedPackage, Pinned, Registry } from './registry.ts';

/** For which machines, and what is known of the one that the packages were installed on. */
export interface AddonTarget {
  readonly name: string;
  readonly platforms: readonly Platform[];
  /** Undefined for a machine that is no target. */
  readonly host: Platform | undefined;
}

/**
 * Packages that stand for a machine (`@esbuild/linux-x64`): those of other machines are left out, those of the target
 * fetched, as npm on the target would choose them by `os`, `cpu` and `libc`. Throws what the registry does.
 */
export async function optionalDependencies(
  { root, packages }: AddonPackages,
  target: AddonTarget,
  registry: Registry,
): Promise<TargetAddons> {
  const left = packages.filter((one) => !isForAny(one, target.platforms));
  const tree: PlannedTree = {
    root,
    left: new Set(left.map(({ place }) => place)),
    added: new Map(),
  };
  const found: FoundAddon[] = [];
  for (const parent of packages) {
    if (tree.left.has(parent.place)) continue;
    found.push(...(await addFamily(parent, target, tree, registry)));
  }
  const files = [...tree.added].flatMap(([place, { fetched }]) => treeFiles(place, fetched));
  return { without: [...tree.left], files, found, left: [] };
}

/** The release as it is becoming for the target. */
interface PlannedTree {
  readonly root: string;
  readonly left: ReadonlySet<string>;
  readonly added: Map<string, { readonly pinned: Pinned; readonly fetched: FetchedPackage }>;
}

function isForAny({ name, manifest }: InstalledPackage, platforms: readonly Platform[]): boolean {
  if (!isPlatformPackage(manifest.platform)) return true;
  return platforms.some((platform) => runsOn(name, manifest.platform, platform));
}

/** The optional dependencies of one package, of which a machine takes one or some. */
async function addFamily(
  parent: InstalledPackage,
  target: AddonTarget,
  tree: PlannedTree,
  registry: Registry,
): Promise<readonly FoundAddon[]> {
  const wanted = Object.entries(parent.manifest.optionalDependencies);
  const members = wanted.map(([name, spec]) => ({
    name,
    spec,
    installed: resolve(name, spec, parent.place, tree),
  }));
  const folder = folderOf(parent, members);
  const family: Member[] = [];
  const add = async (some: typeof members) => {
    for (const { name, spec } of some)
      family.push(await addMissing(name, spec, { parent: parent.place, folder }, target, tree, registry));
  };
  for (const { name, installed } of members) {
    const fields = installed?.manifest.platform;
    if (fields !== undefined && isPlatformPackage(fields))
      family.push({ name, how: howOf(installed!), fields });
  }
  const missing = members.filter(({ installed }) => installed === undefined);
  const locked = missing.filter(({ name, spec }) => registry.isLocked(name, spec));
  await add(locked);
  // Some packages name relatives that were never published; a lock file that has the right one has none of those.
  if (!family.some(isTaken)) await add(missing.filter((one) => !locked.includes(one)));
  return describeFamily(parent, family, target);
}

interface Member {
  readonly name: string;
  readonly how: 'installed' | 'fetched' | 'absent' | 'other' | 'unknown' | 'unpublished';
  readonly fields: PlatformFields;
}

function howOf({ isLeft, isAdded }: Installed): Member['how'] {
  if (isLeft) return 'other';
  return isAdded ? 'fetched' : 'installed';
}

function isTaken({ how }: Member): boolean {
  return how === 'installed' || how === 'fetched' || how === 'absent';
}

interface Installed {
  readonly manifest: PackageManifest;
  /** The `node_modules` in which Node finds it. */
  readonly folder: string;
  readonly isLeft: boolean;
  /** For the target. */
  readonly isAdded: boolean;
}

/** What Node would load as `name` from a place; undefined as well for what was added for others and does not satisfy `spec`. */
function resolve(name: string, spec: string, from: string, tree: PlannedTree): Installed | undefined {
  for (const place of lookupPlaces(from, name)) {
    const folder = place.slice(0, -name.length - 1);
    const added = tree.added.get(place);
    if (added !== undefined) {
      const { manifest } = added.fetched;
      return satisfies(manifest, spec) ? { manifest, folder, isLeft: false, isAdded: true } : undefined;
    }
    const directory = path.join(tree.root, place);
    const manifest = existsSync(directory) ? readManifest(directory) : undefined;
    if (manifest === undefined) continue;
    const real = path.relative(realpathSync(tree.root), realpathSync(directory)).replaceAll(path.sep, '/');
    return { manifest, folder, isLeft: tree.left.has(real), isAdded: false };
  }
  return undefined;
}

/** Where the host's packages of a family lie, else where their parent does. */
function folderOf(
  { name, place, firstParty }: InstalledPackage,
  members: readonly { readonly installed: Installed | undefined }[],
): string {
  const host = members.find(
    ({ installed }) => installed !== undefined && isPlatformPackage(installed.manifest.platform),
  );
  if (host?.installed !== undefined) return host.installed.folder;
  const ownFolder = place.endsWith(`node_modules/${name}`) && !firstParty;
  return ownFolder ? place.slice(0, -name.length - 1) : `${place}/node_modules`;
}

/** Adds a package that is not installed, if it is for the target, and what it needs itself. */
async function addMissing(
  name: string,
  spec: string,
  at: { readonly parent: string; readonly folder: string },
  target: AddonTarget,
  tree: PlannedTree,
  registry: Registry,
): Promise<Member> {
  const wanting = target.platforms.filter(
    // What the host's package manager left out, it left out for a reason.
    (platform) =>
      platformText(platform) !== (target.host && platformText(target.host)) && !saysOther(name, platform),
  );
  const unknown: Member = { name, how: 'unknown', fields: platformFields({ os: namedSystems(name) }) };
  if (wanting.length === 0) return unknown;
  const pinned = await registry.choose(name, spec);
  if (pinned === undefined) return { ...unknown, how: 'unpublished' };
  const fields = await registry.platformOf(pinned);
  if (!isPlatformPackage(fields)) return { name, how: 'unknown', fields };
  if (!wanting.some((platform) => runsOn(name, fields, platform))) return { name, how: 'other', fields };
  const fetched = await registry.fetch(pinned, target.name);
  if (fetched === undefined) return { name, how: 'absent', fields };
  // Older lock files do not have `libc`.
  const own = fetched.manifest.platform;
  if (!wanting.some((platform) => runsOn(name, own, platform))) return { name, how: 'other', fields: own };
  const place = freePlace(name, pinned, at, tree);
  tree.added.set(place, { pinned, fetched });
  await addNeeds(place, fetched.manifest, target, tree, registry);
  return { name, how: 'fetched', fields: own };
}

/** In the folder, unless another version lies there: then in the parent itself. */
function freePlace(
  name: string,
  { version }: Pinned,
  { parent, folder }: { readonly parent: string; readonly folder: string },
  tree: PlannedTree,
): string {
  const place = `${folder}/${name}`;
  const added = tree.added.get(place);
  const isFree = added === undefined && !existsSync(path.join(tree.root, place));
  return isFree || added?.pinned.version === version || tree.left.has(place)
    ? place
    : `${parent}/node_modules/${name}`;
}

/** What a fetched package depends on: other packages for the machine, and what is not there already. */
async function addNeeds(
  place: string,
  { dependencies, optionalDependencies: optional }: PackageManifest,
  target: AddonTarget,
  tree: PlannedTree,
  registry: Registry,
): Promise<void> {
  const folder = place.slice(0, place.lastIndexOf('node_modules/') + 'node_modules'.length);
  for (const [name, spec] of Object.entries({ ...dependencies, ...optional })) {
    const there = resolve(name, spec, place, tree);
    if (there !== undefined && !there.isLeft && satisfies(there.manifest, spec)) continue;
    if (Object.hasOwn(optional, name)) {
      await addMissing(name, spec, { parent: place, folder }, target, tree, registry);
      continue;
    }
    const pinned = await registry.choose(name, spec);
    if (pinned === undefined) {
      throw new AddonPackageError(`${place} needs ${name}@${spec}, which is not in the registry.`);
    }
    const fetched = await registry.fetch(pinned, target.name);
    if (fetched === undefined) continue;
    const at = freePlace(name, pinned, { parent: place, folder }, tree);
    tree.added.set(at, { pinned, fetched });
    await addNeeds(at, fetched.manifest, target, tree, registry);
  }
}

function satisfies({ version }: PackageManifest, spec: string): boolean {
  const range = spec.replace(/^npm:.*@/, '');
  return version === undefined || semver.validRange(range) === null || semver.satisfies(version, range);
}

/** A file that `bin` names can be executed, as npm makes it so. */
function treeFiles(place: string, { manifest, files }: FetchedPackage): readonly AddonFile[] {
  return files.map(({ path: name, mode, size, file }) => ({
    path: `${place}/${name}`,
    mode: manifest.programs.includes(name) ? 0o755 : mode,
    size,
    content: file,
  }));
}

function describeFamily(
  { name, version, manifest }: InstalledPackage,
  family: readonly Member[],
  { platforms, host }: AddonTarget,
): readonly FoundAddon[] {
  // What a package for one machine needs itself was found with it.
  if (isPlatformPackage(manifest.platform)) return [];
  const taken = family.filter(isTaken);
  if (taken.length > 0) {
    const how = taken.every((member) => member.how === 'installed') ? 'installed' : 'optional dependency';
    const detail = taken.map((member) => member.name).join(', ');
    const isAbsent = taken.some((member) => member.how === 'absent');
    return [{ package: name, version, how, detail, ...(isAbsent && { downloaded: false }) }];
  }
  if (!isForManySystems(family)) return [];
  const wanted = platforms.map(platformText).join(' and ');
  const here = platforms.filter((platform) => host && platformText(platform) === platformText(host));
  const leftOut = family
    .filter((one) => one.how === 'unknown' && namedSystems(one.name).length > 0)
    .filter((one) => here.some((platform) => !saysOther(one.name, platform)))
    .map((member) => member.name);
  if (leftOut.length > 0) {
    return [
      {
        package: name,
        version,
        how: 'missing',
        detail: `${leftOut.join(', ')} ${leftOut.length === 1 ? 'is' : 'are'} for ${wanted}, and not installed`,
        advice:
          'For this machine what is installed is taken, so install optional dependencies, too: npm install --include=optional',
      },
    ];
  }
  const unpublished = family.filter(({ how }) => how === 'unpublished').map((member) => member.name);
  const reason =
    unpublished.length === 0 ? '' : `; the registry has no ${unpublished.join(', ')} of that version`;
  return [
    {
      package: name,
      version,
      how: 'missing',
      detail: `none of its optional dependencies is for ${wanted}${reason}`,
    },
  ];
}

/** A family for one system only (fsevents) brings something that other systems do without. */
function isForManySystems(family: readonly Member[]): boolean {
  const known = family.filter(({ fields }) => isPlatformPackage(fields));
  return new Set(known.flatMap(({ fields }) => fields.os ?? [])).size > 1;
}
