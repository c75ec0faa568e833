import { readFileSync } from 'node:fs';
import path from 'node:path';
import { readSources, reportProblems, type Taken } from '../first-party.ts';
import { type Installation, type InstalledPackage, packageOf } from '../installation.ts';
import { layOut } from '../layout.ts';
import type { OnNotice, Release } from '../release.ts';
import {
  detectFormat,
  fixedFormat,
  guessFormat,
  type ModuleFormat,
  nestedManifest,
  oneOf,
} from '../sources/module-type.ts';
import {
  isDeclaration,
  isTypeScript,
  outputName,
  relativePath,
  type SourcePackage,
  sourceExtension,
} from '../sources/package.ts';
import type { SourceResolver } from '../sources/resolve.ts';
import { renameInManifest } from '../sources/transpile.ts';
import { addFile, type Tree } from '../tree.ts';
import { type Bundles, besideBundles, bundle } from './bundle.ts';
import { bundledPackages } from './bundled-packages.ts';
import { startedSources } from './workers.ts';

/** Takes the project as one file per entry, its assets, and beside them the packages that cannot be bundled. */
export async function takeBundles(
  release: Release,
  installation: Installation,
  roots: readonly string[],
  onNotice: OnNotice,
): Promise<Taken> {
  const whole = layOut(installation, release.project);
  const placeOf = (file: string): string | undefined => {
    const place = whole.placeOf(file);
    return place === undefined ? undefined : outputName(place);
  };
  const { sources, resolver } = await readSources(release, installation, whole, roots, onNotice);
  const formatOf = (file: string): ModuleFormat => sourceFormat(file, resolver);
  // What lies in a dependency is run there.
  const foreign = roots.filter((root) => resolver.owner(root) === undefined);
  const own = roots.filter((root) => !foreign.includes(root));
  const bundles = await bundle(
    own,
    installation,
    resolver,
    placeOf,
    formatOf,
    (inside) => startedSources(inside, resolver),
    release.options,
  );
  report(bundles, installation, onNotice);
  reportProblems(resolver, onNotice);
  const kept = foreign.flatMap((entry) => packageOf(entry, installation.packages)?.directory ?? []);
  const beside = besideBundles(installation, bundles, kept);
  const layout = layOut(beside, release.project);
  const tree: Tree = new Map();
  for (const source of sources) {
    const bundled = [...bundles.files.keys()].filter((file) => resolver.owner(file) === source.installed);
    addAssets(tree, source, bundled, formatOf);
  }
  for (const [file, { code }] of bundles.files)
    tree.set(placeOf(file)!, { type: 'text', text: code, mode: 0o644 });
  return {
    tree,
    layout,
    packages: beside.packages,
    placeOf: (file) => (foreign.includes(file) ? layout.placeOf(file) : placeOf(file)),
    reachedFrom: (files) =>
      new Set(files.flatMap((file) => [file, ...(bundles.files.get(file)?.inside ?? [])])),
    bundled: bundledPackages(bundles, installation),
    bundles: new Map([...bundles.files].map(([file, { inside }]) => [file, inside])),
  };
}

function sourceFormat(file: string, resolver: SourceResolver): ModuleFormat {
  const owner = resolver.owner(file)!;
  const fixed = fixedFormat(relativePath(owner, file), owner);
  if (fixed !== undefined) return fixed;
  const text = readFileSync(file, 'utf8');
  if (!isTypeScript(file)) return detectFormat(text);
  return guessFormat(text, resolver.tsconfig(file)?.config.compilerOptions?.module);
}

function report({ files, refused }: Bundles, { packages }: Installation, onNotice: OnNotice): void {
  const names = [...refused].map(([directory, reason]) => `${packages.get(directory)!.name} (${reason})`);
  if (names.length > 0)
    onNotice({
      type: 'notice',
      level: 'info',
      message: `not bundled, but beside the bundle: ${names.sort().join(', ')}`,
    });
  for (const [file, reason] of new Map([...files.values()].flatMap((one) => [...one.strangers]))) {
    onNotice({
      type: 'notice',
      level: 'warning',
      message: `${file} is bundled, but ${reason}; if it fails, make its package a production dependency`,
    });
  }
  const computed = new Set([...files.values()].flatMap((one) => [...one.computed]));
  if (computed.size > 0) {
    onNotice({
      type: 'notice',
      level: 'warning',
      message:
        `names that are computed, or module.parent: ${[...computed].sort().join(', ')}. Sources of the project that ` +
        'nothing else names are not in the bundle; --code copy takes all of them',
    });
  }
}

/** What is not code stays at its place. A package of which nothing is left but its code leaves no folder. */
function addAssets(
  tree: Tree,
  { installed, place, files }: SourcePackage,
  bundled: readonly string[],
  formatOf: (file: string) => ModuleFormat,
): void {
  const assets = [...files].filter((file) => !sourceExtension.test(file) && !isDeclaration(file));
  for (const file of assets)
    addFile(tree, `${place}/${file}`, path.join(installed.directory, file), installed.directory);
  const text = manifestText(installed, bundled, formatOf);
  tree.set(`${place}/package.json`, { type: 'text', text, mode: 0o644 });
}

function manifestText(
  installed: InstalledPackage,
  bundled: readonly string[],
  formatOf: (file: string) => ModuleFormat,
): string {
  const { manifest } = installed;
  const scripts = bundled.filter(
    (file) =>
      path.extname(outputName(file)) === '.js' &&
      nestedManifest(installed.directory, relativePath(installed, file)) === undefined,
  );
  const type = manifest.type ?? oneOf(new Set(scripts.map(formatOf)));
  const outputs = new Map(bundled.map((file) => [relativePath(installed, file), { file: '', code: '' }]));
  return `${JSON.stringify({ ...renameInManifest(manifest, outputs), ...(type === undefined ? {} : { type }) }, null, 2)}\n`;
}
