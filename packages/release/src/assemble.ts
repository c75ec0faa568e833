import path from 'node:path';
import { ReleaseError } from './error.ts';
import { takeCopies } from './first-party.ts';
import { type Installation, readInstallation } from './installation.ts';
import type { Layout } from './layout.ts';
import { checkAddons } from './native.ts';
import { readManifest } from './package-json.ts';
import { publish } from './publish.ts';
import type { AssembledRelease, OnNotice, Release, ReleasePackage } from './release.ts';
import { outputName } from './sources/package.ts';
import { addFolder, deadLinks, sizeOf, type Tree, writeTree } from './tree.ts';
import { readWorkspaces } from './workspaces.ts';

/**
 * Writes a release to `release.path`, atomically: what was there stays until the new one is complete.
 * Throws ReleaseError.
 */
export async function assemble(release: Release, onNotice: OnNotice = () => {}): Promise<AssembledRelease> {
  const manifest = release.singleFile
    ? (await import('./single-file.ts')).singleFileManifest(release)
    : release.manifest;
  const installation = readInstallation(release.project, manifest, await entryPackages(release));
  for (const message of installation.notices) onNotice({ type: 'notice', level: 'info', message });
  for (const name of checkAddons(installation, release.project)) {
    const message = `${name}, an optional dependency, has no native addon: its install script did not run`;
    onNotice({ type: 'notice', level: 'warning', message });
  }
  const take = release.code === 'bundle' ? (await import('./bundle/take.ts')).takeBundles : takeCopies;
  const { tree, layout, packages: taken, placeOf } = await take(release, installation, onNotice);
  addThirdParty(tree, taken, layout);
  addLinks(tree, layout);
  for (const name of deadLinks(tree)) {
    const message = `${name} links to something that is not in the release, and was left out`;
    onNotice({ type: 'notice', level: 'warning', message });
    tree.delete(name);
  }
  const entries = placeEntries(release, placeOf, tree);
  const packages = listPackages(taken, layout);
  addReleaseFiles(tree, release, entries, packages);
  const replaced = await publish(release.path, (directory) => writeTree(directory, tree));
  if (replaced) onNotice({ type: 'notice', level: 'info', message: `replaced ${release.path}` });
  return {
    path: release.path,
    name: release.name,
    version: release.version,
    kind: release.kind,
    entries,
    packages,
    files: tree.size,
    bytes: [...tree.values()].reduce((sum, entry) => sum + sizeOf(entry), 0),
    largest: largestFolders(tree),
    notes: release.notes,
  };
}

/** Packages besides the project that entries lie in: workspaces, dependencies, folders with dependencies of their own. */
async function entryPackages(release: Release) {
  const workspaces = new Set(
    (await readWorkspaces(release.project, release.manifest)).map((one) => one.directory),
  );
  const found = release.singleFile
    ? []
    : Object.values(release.entries).map((file) => packageOf(file, release.project));
  const others = [...new Set(found)].filter((directory) => directory !== release.project);
  const isNested = (directory: string): boolean =>
    directory.startsWith(release.project + path.sep) &&
    !workspaces.has(directory) &&
    !directory.split(path.sep).includes('node_modules');
  return { packages: others.filter((one) => !isNested(one)), nested: others.filter(isNested) };
}

function packageOf(file: string, project: string): string {
  for (let directory = path.dirname(file); ; directory = path.dirname(directory)) {
    if (directory === project || directory === path.dirname(directory)) return project;
    // Folders like dist/esm have a package.json too, but only to say the type of their files.
    if (readManifest(directory)?.name !== undefined) return directory;
  }
}

function addThirdParty(tree: Tree, packages: Installation['packages'], layout: Layout): void {
  for (const { directory, manifest, firstParty } of packages.values()) {
    if (firstParty) continue;
    const bundles = manifest.bundleDependencies ?? manifest.bundledDependencies ?? false;
    const bundled = bundles === true || (Array.isArray(bundles) && bundles.length > 0);
    addFolder(tree, layout.places.get(directory)!, directory, bundled ? [] : ['node_modules']);
  }
}

function addLinks(tree: Tree, layout: Layout): void {
  for (const [at, file] of layout.links) {
    const target = tree.has(outputName(file)) ? outputName(file) : file;
    if (!tree.has(at))
      tree.set(at, { type: 'link', target: path.posix.relative(path.posix.dirname(at), target) });
  }
}

function placeEntries(release: Release, placeOf: Layout['placeOf'], tree: Tree): Record<string, string> {
  return Object.fromEntries(
    Object.entries(release.entries).map(([name, file]) => {
      const place = placeOf(file);
      if (place !== undefined && tree.has(place)) return [name, place];
      throw new ReleaseError(
        'ENTRY_OUTSIDE',
        `${file}, the entry of ${name}, lies in none of the release's packages. ` +
          `Move it into ${release.project}, or make its package a dependency.`,
      );
    }),
  );
}

function listPackages(packages: Installation['packages'], layout: Layout): readonly ReleasePackage[] {
  return [...packages.values()]
    .filter(({ nested }) => !nested)
    .map(({ directory, name, version, firstParty }) => ({
      name,
      version,
      path: layout.places.get(directory)!,
      firstParty,
    }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

function addReleaseFiles(
  tree: Tree,
  { name, version, kind, notes }: Release,
  entries: Readonly<Record<string, string>>,
  packages: readonly ReleasePackage[],
): void {
  const add = (file: string, value: unknown): void => {
    tree.set(file, { type: 'text', text: `${JSON.stringify(value, null, 2)}\n`, mode: 0o644 });
  };
  add('package.json', { private: true, type: 'commonjs' });
  add('releases/start.json', { version });
  add(`releases/${version}/release.json`, { name, version, kind, entries, vmArgs: [], packages, notes });
}

/** Packages weigh without what is nested in them; first-party ones are shown by their top-level folders. */
function largestFolders(tree: Tree): AssembledRelease['largest'] {
  const weights = new Map<string, number>();
  for (const [name, entry] of tree) {
    const folder = weighedFolder(name);
    if (folder !== undefined) weights.set(folder, (weights.get(folder) ?? 0) + sizeOf(entry));
  }
  return [...weights]
    .map(([folder, bytes]) => ({ path: folder, bytes }))
    .sort((a, b) => b.bytes - a.bytes || (a.path < b.path ? -1 : 1))
    .slice(0, 8);
}

function weighedFolder(name: string): string | undefined {
  const inModules = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(name)?.[0];
  return inModules ?? /^lib\/(?:@[^/]+\/)?[^/]+(?:\/[^/]+(?=\/))?(?=\/)/.exec(name)?.[0];
}
