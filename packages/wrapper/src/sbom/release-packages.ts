import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { AssembledRelease } from '../assembled-release.ts';
import { chunksOfFile } from '../payload/read-piece.ts';
import type { Tree, TreeFile } from '../tree.ts';

/** An npm package whose code is in the release, as a folder or bundled into files of others. */
export interface ShippedPackage {
  /** Names it among those of the release: its place, or `bundled:name@version`. */
  readonly id: string;
  readonly name: string;
  readonly version: string;
  /** Code of the project itself. */
  readonly firstParty: boolean;
  /** Relative to the release's root; undefined for one that is bundled into files. */
  readonly place: string | undefined;
  readonly manifest: PackageManifest;
  /** Ids of the packages that Node resolves its dependencies to. */
  readonly dependencies: readonly string[];
  /** SHA-512 of the published archive, as hex digits, where a lock file says it. */
  readonly published: string | undefined;
  /** SHA-256 over its files as they are in the release, where nothing is known of an archive (`digestOf`). */
  readonly content: string | undefined;
}

/** What a bill of materials tells of a package's `package.json`; nothing depends on the form of these. */
export interface PackageManifest {
  readonly name?: unknown;
  readonly version?: unknown;
  readonly private?: unknown;
  readonly description?: unknown;
  readonly author?: unknown;
  readonly license?: unknown;
  readonly licenses?: unknown;
  readonly homepage?: unknown;
  readonly dependencies?: unknown;
  readonly optionalDependencies?: unknown;
  readonly peerDependencies?: unknown;
}

/** A package that has no folder any more: its code lies in a bundle. What release.json says of it. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  readonly manifest: PackageManifest;
  /** `name@version`. */
  readonly dependencies: readonly string[];
}

/** What a lock file says that the archive of a package hashes to, in the form of Subresource Integrity. */
export type FindIntegrity = (name: string, version: string) => string | undefined;

/**
 * The packages of a release as it is on its target, by their ids. A folder counts as one if `release.json` lists it or a
 * `node_modules` holds it (what a package bundles is no less in the release), and it says its name and version.
 */
export async function shippedPackages(
  tree: Tree,
  release: Pick<AssembledRelease, 'packages' | 'bundled'>,
  integrity: FindIntegrity,
): Promise<readonly ShippedPackage[]> {
  const listed = new Map(release.packages.map(({ path, firstParty }) => [path, firstParty]));
  const folders: { readonly place: string; readonly manifest: PackageManifest }[] = [];
  for (const file of tree.files) {
    const place = file.path.replace(/\/package\.json$/, '');
    if (place === file.path || !(listed.has(place) || IN_MODULES.test(place))) continue;
    const manifest = parsed(await textOf(file));
    if (isText(manifest?.name) && isText(manifest.version)) folders.push({ place, manifest });
  }
  const places = new Set(folders.map(({ place }) => place));
  const links = new Map(tree.links.map(({ path, target }) => [path, target]));
  const contents = contentsOf(tree, places);
  const bundled = release.bundled ?? [];
  const bundledIds = new Set(bundled.map(bundledId));
  const inFolders = folders.map(({ place, manifest }): ShippedPackage => {
    const { name, version } = manifest as { name: string; version: string };
    const firstParty = listed.get(place) === true;
    const published = firstParty ? undefined : hexOf(integrity(name, version));
    return {
      ...{ id: place, name, version, firstParty, place, manifest, published },
      dependencies: wanted(manifest).flatMap((one) => resolved(place, one, places, links) ?? []),
      content: published === undefined ? digestOf(place, contents.get(place) ?? []) : undefined,
    };
  });
  return [
    ...inFolders,
    ...bundled.map((one) => ({
      ...{ id: bundledId(one), name: one.name, version: one.version, manifest: one.manifest },
      ...{ firstParty: false, place: undefined, content: undefined },
      published: hexOf(integrity(one.name, one.version)),
      dependencies: one.dependencies.map((name) => `bundled:${name}`).filter((id) => bundledIds.has(id)),
    })),
  ];
}

const IN_MODULES = /(?:^|\/)node_modules\/(?:@[^/]+\/)?[^@./][^/]*$/;

function bundledId({ name, version }: BundledPackage): string {
  return `bundled:${name}@${version}`;
}

/** Whether a field of a `package.json` says something. */
export function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

async function textOf({ content }: TreeFile): Promise<string> {
  return typeof content === 'string' ? await readFile(content, 'utf8') : content.toString();
}

/** Undefined for what is no JSON object: a fixture of some test, say. */
function parsed(text: string): PackageManifest | undefined {
  try {
    const value = JSON.parse(text.replace(/^\uFEFF/, '')) as unknown;
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function wanted(manifest: PackageManifest): readonly string[] {
  const { dependencies, optionalDependencies, peerDependencies } = manifest;
  return [dependencies, optionalDependencies, peerDependencies].flatMap((record) =>
    typeof record === 'object' && record !== null ? Object.keys(record) : [],
  );
}

/** As Node does it from a package's real place: `node_modules` of the folder and of every one above. */
function resolved(
  from: string,
  name: string,
  places: ReadonlySet<string>,
  links: ReadonlyMap<string, string>,
): string | undefined {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/')))) {
    const candidate = followed(`${folder}${folder === '' ? '' : '/'}node_modules/${name}`, links);
    if (places.has(candidate)) return candidate;
    if (folder === '') return undefined;
  }
}

function followed(place: string, links: ReadonlyMap<string, string>): string {
  let at = place;
  for (let steps = 0; steps < 40; steps++) {
    const target = links.get(at);
    if (target === undefined) return at;
    const parts = at.split('/').slice(0, -1);
    for (const part of target.split('/')) {
      if (part === '..') parts.pop();
      else if (part !== '.' && part !== '') parts.push(part);
    }
    at = parts.join('/');
  }
  return at;
}

/** `sha512-…` as hex digits; an older lock file's SHA-1 is no proof of anything. */
function hexOf(integrity: string | undefined): string | undefined {
  const base64 = /(?:^|\s)sha512-([A-Za-z0-9+/]{86}==)/.exec(integrity ?? '')?.[1];
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64').toString('hex');
}

/** The files of each package, without those of packages inside it. */
function contentsOf(tree: Tree, places: ReadonlySet<string>): ReadonlyMap<string, readonly TreeFile[]> {
  return Map.groupBy(tree.files, ({ path }) => {
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
      if (places.has(path.slice(0, at))) return path.slice(0, at);
    }
    return '';
  });
}

/** SHA-256 of what `sha256sum` says of the files, sorted by path: lines of digest, two spaces, path in the package. */
function digestOf(place: string, files: readonly TreeFile[]): string {
  const whole = createHash('sha256');
  const buffer = Buffer.allocUnsafe(1024 * 1024);
  for (const file of files.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    const hash = createHash('sha256');
    for (const chunk of chunksOfFile(file, buffer)) hash.update(chunk);
    whole.update(`${hash.digest('hex')}  ${file.path.slice(place.length + 1)}\n`);
  }
  return whole.digest('hex');
}
