import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import type { PackageFacts, ReleaseFile } from '@sarma/boot';
import { type Installation, packageOf } from '../installation.ts';
import type { Layout } from '../layout.ts';
import type { ReleasePackage } from '../release.ts';
import { importedPackages } from '../sources/reach.ts';
import type { Tree, TreeEntry } from '../tree.ts';

// What of a release tells whether a running node can take its code, and which part of it (packages/boot/src/reload).

/** Packages with what is in them and what they import, in their order. */
export function describePackages(
  packages: readonly ReleasePackage[],
  installation: Installation['packages'],
  layout: Layout,
  tree: Tree,
): readonly (ReleasePackage & PackageFacts)[] {
  const places = new Set(packages.map((one) => one.path));
  const digests = packageDigests(places, tree);
  const imports = packageImports(places, installation, layout);
  return packages.map((one) => ({
    ...one,
    digest: digests.get(one.path)!,
    dependencies: Object.fromEntries(imports.get(one.path)!.sort(([a], [b]) => (a < b ? -1 : 1))),
  }));
}

/**
 * Place → what is imported from there, and where that leads. Folders in it that have dependencies of their own and are no
 * package to others count as part of it.
 */
function packageImports(
  places: ReadonlySet<string>,
  installation: Installation['packages'],
  layout: Layout,
): ReadonlyMap<string, [string, string][]> {
  const imports = new Map([...places].map((place): [string, [string, string][]] => [place, []]));
  for (const { directory, dependencies } of installation.values()) {
    const place = layout.places.get(directory)!;
    const owner = places.has(place) ? place : ownerOf(place, places);
    if (owner === undefined) continue;
    for (const [name, dependency] of dependencies) {
      const imported = owner === place ? name : `${place.slice(owner.length + 1)}:${name}`;
      imports.get(owner)!.push([imported, layout.places.get(dependency.directory)!]);
    }
  }
  return imports;
}

/** SHA-256 over path, mode and content of a package's files. Links in `node_modules` only say what is imported. */
function packageDigests(places: ReadonlySet<string>, tree: Tree): ReadonlyMap<string, string> {
  const files = new Map([...places].map((place): [string, string[]] => [place, []]));
  for (const [name, { type }] of tree) {
    const owner = ownerOf(name, places);
    if (owner === undefined || (type === 'link' && name.includes('/node_modules/', owner.length))) continue;
    files.get(owner)!.push(name);
  }
  const buffer = Buffer.allocUnsafe(256 * 1024);
  return new Map(
    [...files].map(([place, names]) => {
      const hash = createHash('sha256');
      for (const name of names.sort()) addEntry(hash, name.slice(place.length + 1), tree.get(name)!, buffer);
      return [place, hash.digest('hex')];
    }),
  );
}

/** The innermost package that something in the tree lies in. */
function ownerOf(name: string, places: ReadonlySet<string>): string | undefined {
  for (let at = name.lastIndexOf('/'); at !== -1; at = name.lastIndexOf('/', at - 1)) {
    const folder = name.slice(0, at);
    if (places.has(folder)) return folder;
  }
  return undefined;
}

/** No content can pass for the beginning of the next file: what it is of and how long it is stands before it. */
function addEntry(hash: Hash, name: string, entry: TreeEntry, buffer: Buffer): void {
  if (entry.type === 'link') hash.update(`link ${JSON.stringify([name, entry.target])}\n`);
  else {
    const size = entry.type === 'text' ? Buffer.byteLength(entry.text) : entry.size;
    hash.update(`file ${JSON.stringify([name, entry.mode, size])}\n`);
    if (entry.type === 'text') hash.update(entry.text);
    else addFile(hash, entry.from, buffer);
  }
}

function addFile(hash: Hash, file: string, buffer: Buffer): void {
  const descriptor = openSync(file, 'r');
  try {
    for (;;) {
      const bytes = readSync(descriptor, buffer);
      if (bytes === 0) return;
      hash.update(buffer.subarray(0, bytes));
    }
  } finally {
    closeSync(descriptor);
  }
}

/** Digest of what a release's own folder holds. */
export function digestOf(texts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(`${text.length}\n${text}`);
  return hash.digest('hex');
}

interface PreloadSurroundings {
  readonly tree: Tree;
  readonly packages: Installation['packages'];
  readonly layout: Layout;
  readonly placeOf: (file: string) => string | undefined;
  readonly reachedFrom: (files: readonly string[]) => ReadonlySet<string>;
}

/** What each preloaded module consists of, by its source file: it runs once, before everything else. */
export function describePreloads(
  preload: readonly string[],
  { tree, packages, layout, placeOf, reachedFrom }: PreloadSurroundings,
): NonNullable<ReleaseFile['fixed']>['preload'] {
  return preload.map((module) => {
    const files = [...reachedFrom([module])].sort();
    const own = files.filter((file) => packageOf(file, packages)?.firstParty === true);
    const texts = own.map((file) => entryDigest(tree.get(placeOf(file) ?? '')));
    const imported = files.flatMap((file) => {
      const owner = packageOf(file, packages);
      if (owner === undefined) return [];
      if (!owner.firstParty) return [owner.directory];
      return [...importedPackages([file])].flatMap((name) => owner.dependencies.get(name)?.directory ?? []);
    });
    const others = imported.filter((directory) => packages.get(directory)?.firstParty === false);
    return {
      digest: digestOf(texts),
      packages: [...new Set(others.map((directory) => layout.places.get(directory)!))].sort(),
    };
  });
}

/** Of what is bundled, the bundle counts. */
function entryDigest(entry: TreeEntry | undefined): string {
  if (entry === undefined) return '';
  const hash = createHash('sha256');
  addEntry(hash, '', entry, Buffer.allocUnsafe(64 * 1024));
  return hash.digest('hex');
}
