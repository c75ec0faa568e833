import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { OnNotice, Release } from '../release.ts';
import { addScripts } from '../scripts/scripts.ts';
import { type Tree, writeTree } from '../tree.ts';
import { readUmbrella } from '../umbrella.ts';
import { planApplications } from './applications.ts';
import { type BuildConfiguration, readBuildConfiguration } from './build-configuration.ts';
import { compiledValues } from './compiled.ts';
import { type Places, planBoot } from './plan.ts';
import { addProviderFiles, type ProviderParts, readProviders } from './providers.ts';
import { addReleaseFiles, versionFolder } from './release-files.ts';
import { findRoots, type Roots } from './roots.ts';

/**
 * Writes what a boot needs to run a release from the project's sources: everything of `releases/<version>`, with
 * absolute paths to the sources in boot.json, for a Node that reads TypeScript. What else lies in the directory (the
 * node's state) stays, and what runs from there goes on running. Throws ReleaseError.
 */
export async function writeSourceRelease(
  release: Release,
  directory: string,
  onNotice: OnNotice,
): Promise<void> {
  const installation = await readUmbrella(release, release.manifest, { packages: [], nested: [] });
  const roots = findRoots(release, installation, await planApplications(release, installation));
  const configuration = await readBuildConfiguration(release, onNotice);
  const providers = await readProviders(release, roots.providers);
  const tree = await sourceTree(release, roots, configuration, providers);
  await replaceFiles(directory, tree);
  await removeOthers(directory, versionFolder(release), tree);
}

/** Each by a rename: a node that runs from here, or starts just now, finds every file whole at any time. */
async function replaceFiles(directory: string, tree: Tree): Promise<void> {
  await mkdir(directory, { recursive: true });
  const fresh = await mkdtemp(path.join(directory, '.new-'));
  try {
    await writeTree(fresh, tree);
    for (const name of tree.keys()) {
      await mkdir(path.join(directory, path.dirname(name)), { recursive: true });
      await rename(path.join(fresh, name), path.join(directory, name));
    }
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/** A `vm.args` or a hook that was there the last time and is gone. */
async function removeOthers(directory: string, folder: string, tree: Tree): Promise<void> {
  const entries = await readdir(path.join(directory, folder), { recursive: true, withFileTypes: true });
  for (const entry of entries.filter((one) => !one.isDirectory())) {
    const file = path.join(entry.parentPath, entry.name);
    const name = path.relative(directory, file).split(path.sep).join('/');
    if (!tree.has(name)) await rm(file, { force: true });
  }
}

async function sourceTree(
  release: Release,
  roots: Roots,
  configuration: BuildConfiguration,
  providers: ProviderParts,
): Promise<Tree> {
  const tree: Tree = new Map();
  const folder = versionFolder(release);
  const entries = { [release.name]: `${folder}/boot.cjs` };
  const { vmArgs, hooks } = await addScripts(tree, release, entries);
  const places: Places = { ofFile: (file) => file, ofPackage: (package_) => package_ };
  const planned = await planBoot(release, roots, places, {
    sys: `${folder}/sys.config.json`,
    providerStates: providers.states,
    compiled: compiledValues(release, roots.applications, configuration),
    hooks,
    linked: [],
  });
  const boot = {
    ...planned,
    source: true as const,
    nodeLine: null,
    instructions: [...addDefined(tree, release), ...planned.instructions],
  };
  await addReleaseFiles(tree, release, {
    entries,
    packages: [],
    preload: [],
    bundled: [],
    boot,
    nodeLine: null,
    configuration,
    vmArgs,
    shell: false,
  });
  addProviderFiles(tree, release, providers);
  return tree;
}

/** Nothing is inlined in sources, so what `define` names is set before any of them is imported. */
function addDefined(tree: Tree, release: Release) {
  const names = Object.entries(release.options.define);
  if (names.length === 0) return [];
  const lines = names.flatMap(([name, value]) => {
    const parts = name.split('.');
    const parents = parts
      .slice(0, -1)
      .map((_, index) => `globalThis.${parts.slice(0, index + 1).join('.')} ??= {};`);
    return [...parents, `globalThis.${name} = ${JSON.stringify(value)};`];
  });
  const module = `${versionFolder(release)}/define.mjs`;
  tree.set(module, { type: 'text', text: `${lines.join('\n')}\n`, mode: 0o644 });
  return [{ do: 'preload', module } as const];
}
