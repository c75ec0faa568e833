import path from 'node:path';
import { planApplications } from './boot/applications.ts';
import { readBuildConfiguration } from './boot/build-configuration.ts';
import { bundleModule } from './boot/bundle-module.ts';
import { compiledValues } from './boot/compiled.ts';
import { describePackages, describePreloads } from './boot/digests.ts';
import { nodeLine, type Places, planBoot } from './boot/plan.ts';
import { addProviderFiles, readProviders } from './boot/providers.ts';
import { addReleaseFiles, startFile, versionFolder } from './boot/release-files.ts';
import { findRoots, needsBoot, type Roots, rootFiles } from './boot/roots.ts';
import { runChecks } from './checks/checks.ts';
import { ReleaseError } from './error.ts';
import { type Taken, takeCopies } from './first-party.ts';
import type { Installation } from './installation.ts';
import type { Layout } from './layout.ts';
import { checkAddons } from './native.ts';
import { notWritable } from './not-writable.ts';
import { readManifest } from './package-json.ts';
import { putInPlace } from './put-in-place.ts';
import type { AssembledRelease, OnNotice, Release, ReleasePackage } from './release.ts';
import { addScripts } from './scripts/scripts.ts';
import { outputName, sourceExtension } from './sources/package.ts';
import { strip, strippedNotice } from './strip/strip.ts';
import { addFolder, deadLinks, linkedTree, sizeOf, type Tree, writeTree } from './tree.ts';
import { readUmbrella } from './umbrella.ts';
import { updateTrust } from './update-trust.ts';
import { readWorkspaces } from './workspaces.ts';

/**
 * Writes a release to `release.path`, atomically: what was there stays until the new one is complete.
 * Throws ReleaseError.
 */
export async function assemble(release: Release, onNotice: OnNotice = () => {}): Promise<AssembledRelease> {
  const installation = await readPackages(release, onNotice);
  const roots = findRoots(release, installation, await planApplications(release, installation));
  const configuration = await readBuildConfiguration(release, onNotice);
  const providers = await readProviders(release, roots.providers);
  const begins = [...new Set([...Object.values(release.entries), ...rootFiles(roots)])];
  const taken = await takeCode(release, installation, begins, onNotice);
  const { tree, layout } = taken;
  await addOthers(release, roots, taken);
  const { reachedFrom, bundles } = taken;
  const reached = reachedFrom(begins);
  await runChecks({ release, installation, roots, configuration, reached, bundles }, onNotice);
  const places = placesIn(release, roots, taken);
  const packages = listPackages(taken.packages, layout);
  const hasBoot = needsBoot(release, roots);
  const entries = placeEntries(release, hasBoot, places);
  const { vmArgs, shell, hooks } = await addScripts(tree, release, entries);
  const sys = `${versionFolder(release)}/sys.config.json`;
  const compiled = compiledValues(release, roots.applications, configuration);
  const linked = linkedModules(release, roots, taken);
  const built = { sys, providerStates: providers.states, compiled, hooks, linked };
  const boot = hasBoot ? await planBoot(release, roots, places, built) : null;
  const { bundled } = taken;
  stripPackages(release, taken, begins, onNotice);
  dropDeadLinks(tree, onNotice);
  const files = {
    entries,
    ...describeCode(release, roots, packages, taken),
    bundled,
    boot,
    nodeLine: nodeLine(release),
    configuration,
    vmArgs,
    shell,
  };
  await addReleaseFiles(tree, release, files);
  addProviderFiles(tree, release, providers);
  const trust = updateTrust(release);
  if (trust !== undefined) await (await import('./updater.ts')).addUpdater(tree, release, trust, entries);
  const written = await write(release, tree, onNotice);
  const { path: root, name, version, kind, notes } = release;
  const applications = boot?.applications ?? [];
  return { path: root, name, version, kind, entries, applications, packages, ...weightOf(written), notes };
}

/** Returns what lies there in the end, with the overlays. */
async function write(release: Release, tree: Tree, onNotice: OnNotice): Promise<Tree> {
  const written = new Map(tree);
  const replaced = await putInPlace(release.path, release.version, async (directory) => {
    await writeTree(directory, release.options.devMode ? linkedTree(tree) : tree);
    if (release.overlays.length === 0) return;
    const { applyOverlays } = await import('./overlays.ts');
    for (const [name, entry] of await applyOverlays(directory, release)) written.set(name, entry);
  }).catch((cause: unknown) => {
    throw notWritable(release.path, tree, cause);
  });
  if (replaced) onNotice({ type: 'notice', level: 'info', message: `replaced ${release.path}` });
  return written;
}

/** The packages on this disk that a release needs. Throws ReleaseError. */
export async function releaseInstallation(release: Release): Promise<Installation> {
  const manifest = release.singleFile
    ? (await import('./single-file.ts')).singleFileManifest(release)
    : release.manifest;
  return await readUmbrella(release, manifest, await otherPackages(release));
}

async function readPackages(release: Release, onNotice: OnNotice): Promise<Installation> {
  const installation = await releaseInstallation(release);
  for (const message of installation.notices) onNotice({ type: 'notice', level: 'info', message });
  for (const message of checkAddons(installation, release))
    onNotice({ type: 'notice', level: 'warning', message });
  return installation;
}

async function takeCode(
  release: Release,
  installation: Installation,
  begins: readonly string[],
  onNotice: OnNotice,
): Promise<Taken> {
  const take = release.code === 'bundle' ? (await import('./bundle/take.ts')).takeBundles : takeCopies;
  return take(release, installation, begins, onNotice);
}

/** Adds what is nobody's source here: packages of others, links to packages, providers of ours. */
async function addOthers(release: Release, roots: Roots, { tree, packages, layout }: Taken): Promise<void> {
  addThirdParty(tree, packages, layout);
  addLinks(tree, layout);
  for (const { file, shipped } of roots.providers) {
    if (!shipped) continue;
    const text = await bundleModule(file);
    tree.set(shippedPlace(release, file), { type: 'text', text, mode: 0o644 });
  }
}

function shippedPlace(release: Release, file: string): string {
  return `${versionFolder(release)}/providers/${path.parse(file).name}.mjs`;
}

/** Behind the scripts, since those may say that source maps are read. */
function stripPackages(
  { options: { strip: settings } }: Release,
  { tree, packages, layout, placeOf }: Taken,
  begins: readonly string[],
  onNotice: OnNotice,
): void {
  if (settings === false) return;
  const others = [...packages.values()].filter(({ firstParty }) => !firstParty);
  const { stripped, unused } = strip({
    tree,
    places: new Set(others.map(({ directory }) => layout.places.get(directory)!)),
    begins: begins.flatMap((file) => placeOf(file) ?? []),
    settings,
  });
  for (const pattern of unused) {
    const message = `strip: no file of a package fits ${JSON.stringify(pattern)}, which changes nothing`;
    onNotice({ type: 'notice', level: 'warning', message });
  }
  const message = strippedNotice(stripped);
  if (message !== undefined) onNotice({ type: 'notice', level: 'info', message });
}

/** Only a running service can take the code of another version. */
function describeCode(
  { kind }: Release,
  { preload }: Roots,
  packages: readonly ReleasePackage[],
  taken: Taken,
) {
  if (kind !== 'service') return { packages, preload: [] };
  return {
    packages: describePackages(packages, taken.packages, taken.layout, taken.tree),
    preload: describePreloads(preload, taken),
  };
}

function dropDeadLinks(tree: Tree, onNotice: OnNotice): void {
  for (const name of deadLinks(tree)) {
    tree.delete(name);
    // It is another name of a program, which was left out by whoever says strip.also.
    if (name.includes('node_modules/.bin/')) continue;
    const message = `${name} links to something that is not in the release, and was left out`;
    onNotice({ type: 'notice', level: 'warning', message });
  }
}

/** Packages besides the project that entries lie in: workspaces, dependencies, folders with dependencies of their own. */
async function otherPackages(release: Release) {
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
  return {
    packages: others.filter((one) => !isNested(one)),
    nested: others.filter(isNested),
  };
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

/** Throws ReleaseError ENTRY_OUTSIDE for a file that lies in no package of the release. */
function placesIn(release: Release, { providers }: Roots, { tree, layout, placeOf }: Taken): Places {
  const shipped = new Set(providers.filter((one) => one.shipped).map(({ file }) => file));
  return {
    ofPackage: (directory) => layout.places.get(directory)!,
    ofFile: (file) => {
      const place = shipped.has(file) ? shippedPlace(release, file) : placeOf(file);
      if (place !== undefined && tree.has(place)) return place;
      throw new ReleaseError(
        'ENTRY_OUTSIDE',
        `${file} lies in none of the release's packages. ` +
          `Move it into ${release.project}, or make its package a dependency.`,
      );
    },
  };
}

/** What Node executes: the boot, where there is one. */
function placeEntries(release: Release, hasBoot: boolean, { ofFile }: Places): Record<string, string> {
  const own = Object.entries(release.entries).map(([name, file]) => [name, ofFile(file)] as const);
  if (!hasBoot) return Object.fromEntries(own);
  if (release.kind === 'service') return { [release.name]: `${versionFolder(release)}/boot.cjs` };
  return Object.fromEntries(own.map(([name]) => [name, startFile(release, name)]));
}

/** What the applications can lead to, for the boot to compile ahead. */
function linkedModules({ options }: Release, roots: Roots, { tree, placeOf, reachedFrom }: Taken) {
  if (options.mode === 'interactive') return [];
  const started = roots.applications.flatMap(({ mode, module }) =>
    mode === 'none' || module === undefined ? [] : [module],
  );
  const begins = new Set([...roots.preload, ...started]);
  return [...reachedFrom([...begins])].filter(
    (file) => !begins.has(file) && sourceExtension.test(file) && tree.has(placeOf(file) ?? ''),
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

function weightOf(tree: Tree): Pick<AssembledRelease, 'files' | 'bytes' | 'largest'> {
  const bytes = [...tree.values()].reduce((sum, entry) => sum + sizeOf(entry), 0);
  return { files: tree.size, bytes, largest: largestFolders(tree) };
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
