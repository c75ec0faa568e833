import { existsSync } from 'node:fs';
import path from 'node:path';
import { buildOnly } from './boot/build-only.ts';
import type { BundledPackage } from './bundle/bundled-packages.ts';
import { exclusions } from './exclusions.ts';
import { firstPartyPackages, type Installation, type InstalledPackage, packageOf } from './installation.ts';
import { type Layout, layOut } from './layout.ts';
import type { OnNotice, Release } from './release.ts';
import { isPrivate } from './secrets.ts';
import { selectFiles } from './selection.ts';
import { type ModuleFormat, packageType } from './sources/module-type.ts';
import {
  isTypeScript,
  outputName,
  relativePath,
  type SourcePackage,
  sourceExtension,
} from './sources/package.ts';
import { mainTargets, type SourceResolver, sourceResolver } from './sources/resolve.ts';
import type { TranspiledPackage } from './sources/transpile.ts';
import { addFile, type Tree } from './tree.ts';

/** The part of a release that is the project's own, and what has to be laid out around it. */
export interface Taken {
  readonly tree: Tree;
  readonly layout: Layout;
  readonly packages: Installation['packages'];
  /** Where a source lies in the release, TypeScript as the JavaScript it became. */
  readonly placeOf: (file: string) => string | undefined;
  /** First-party files that files can lead to, themselves included, as far as they are files of the release. */
  readonly reachedFrom: (files: readonly string[]) => ReadonlySet<string>;
  /** Packages of others that are bundled. */
  readonly bundled: readonly BundledPackage[];
  /** Bundled source → first-party sources inside; empty where files are taken as they are. */
  readonly bundles: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Takes the project, its workspaces and linked packages file by file. `roots` are what Node or the boot begins with. */
export async function takeCopies(
  release: Release,
  installation: Installation,
  roots: readonly string[],
  onNotice: OnNotice,
): Promise<Taken> {
  const tree: Tree = new Map();
  const layout = layOut(installation, release.project);
  const { sources, reached, resolver } = await readSources(release, installation, layout, roots, onNotice);
  const typeScript = new Set(sources.filter((source) => runsTypeScript(source, reached)).map(directoryOf));
  const placeOf: Taken['placeOf'] = (file) => {
    const place = layout.placeOf(file);
    const isOutput = place !== undefined && typeScript.has(resolver.owner(file)?.directory ?? '');
    return isOutput ? outputName(place) : place;
  };
  for (const source of sources) {
    const transpiled = typeScript.has(source.installed.directory)
      ? await transpileSource(release, source, reached, resolver, placeOf, onNotice)
      : undefined;
    await addSource(tree, source, transpiled);
  }
  reportProblems(resolver, onNotice);
  const { reach } = await import('./sources/reach.ts');
  const reachedFrom = (files: readonly string[]) => reach(files, resolver);
  return {
    tree,
    layout,
    packages: installation.packages,
    placeOf,
    reachedFrom,
    bundled: [],
    bundles: new Map(),
  };
}

export function reportProblems({ problems }: SourceResolver, onNotice: OnNotice): void {
  for (const problem of problems)
    onNotice({ type: 'notice', level: 'warning', message: `tsconfig.json was not read: ${problem}` });
}

/** The files of each first-party package, and what its imports mean. */
export interface Sources {
  readonly sources: readonly SourcePackage[];
  /**
   * What the roots lead to: it decides which TypeScript is run, what a single file takes along, and what a root needs
   * that was not selected by itself. Empty where it decides nothing.
   */
  readonly reached: ReadonlySet<string>;
  readonly resolver: SourceResolver;
}

export async function readSources(
  release: Release,
  installation: Installation,
  layout: Layout,
  roots: readonly string[],
  onNotice: OnNotice,
): Promise<Sources> {
  const { sources: selected, needsTrace } = await selectSources(
    release,
    installation,
    layout,
    roots,
    onNotice,
  );
  const resolver = sourceResolver(selected.map(({ installed }) => installed));
  const reached = needsTrace
    ? (await import('./sources/reach.ts')).reach(roots, resolver)
    : new Set<string>();
  return { sources: selected.map((source) => withReached(source, reached, resolver)), reached, resolver };
}

async function selectSources(
  release: Release,
  installation: Installation,
  layout: Layout,
  roots: readonly string[],
  onNotice: OnNotice,
): Promise<{ readonly sources: readonly SourcePackage[]; readonly needsTrace: boolean }> {
  const firstParty = firstPartyPackages(installation);
  const byDirectory = new Map(firstParty.map((installed) => [installed.directory, installed]));
  const isExcluded = await exclusions(release, firstParty);
  const isBuildOnly = buildOnly(release);
  let needsTrace = false;
  const excluded = (file: string): boolean => {
    const left = isBuildOnly(file);
    needsTrace ||= left;
    return left || isExcluded(file);
  };
  const sources: SourcePackage[] = [];
  for (const installed of firstParty) {
    const own = roots.filter((root) => packageOf(root, byDirectory) === installed);
    const always = own.map((root) => relativePath(installed, root));
    const { files, leftOut, outputs, unlisted } = release.singleFile
      ? { files: always, leftOut: [], outputs: [], unlisted: true }
      : await selectFiles(installed, excluded, always);
    if (leftOut.length > 0) {
      onNotice({
        type: 'notice',
        level: 'info',
        message:
          `left out of ${installed.name} as private: ${leftOut.join(', ')} ` +
          '(to take one, name it in "files" or write !NAME into .sarmaignore)',
      });
    }
    if (outputs.length > 0) {
      const message = `left out of ${installed.name} as made by Sarma earlier: ${outputs.join(', ')}`;
      onNotice({ type: 'notice', level: 'info', message });
    }
    if (installed.directory !== release.project) await warnUnbuilt(installed, onNotice);
    needsTrace ||= unlisted || files.some(isTypeScript);
    sources.push({ installed, place: layout.places.get(installed.directory)!, files: new Set(files) });
  }
  return { sources, needsTrace };
}

/** Workspaces that are compiled before use are easily forgotten. */
async function warnUnbuilt(installed: InstalledPackage, onNotice: OnNotice): Promise<void> {
  if (installed.manifest.main === undefined && installed.manifest.exports === undefined) return;
  const targets = mainTargets(installed);
  if (targets.length === 0 || targets.some((file) => existsSync(file))) return;
  onNotice({
    type: 'notice',
    level: 'warning',
    message:
      `${installed.name} (${installed.directory}) cannot be imported: ${path.relative(installed.directory, targets[0]!)} ` +
      'does not exist. If it is built from something, build it first',
  });
}

function withReached(
  source: SourcePackage,
  reached: ReadonlySet<string>,
  resolver: SourceResolver,
): SourcePackage {
  const own = [...reached].filter((file) => resolver.owner(file) === source.installed && isTaken(file));
  return {
    ...source,
    files: new Set([...source.files, ...own.map((file) => relativePath(source.installed, file))]),
  };
}

/** Code leads to code; that it names a file which looks private does not make that part of the release. */
function isTaken(file: string): boolean {
  return sourceExtension.test(file) || !isPrivate(path.basename(file));
}

/** A package whose TypeScript is only what its JavaScript was built from is taken as it is. */
function runsTypeScript({ installed, files }: SourcePackage, reached: ReadonlySet<string>): boolean {
  return [...files].some((file) => isTypeScript(file) && reached.has(path.join(installed.directory, file)));
}

async function transpileSource(
  release: Release,
  source: SourcePackage,
  reached: ReadonlySet<string>,
  resolver: SourceResolver,
  placeOf: Taken['placeOf'],
  onNotice: OnNotice,
): Promise<TranspiledPackage> {
  const { transpile } = await import('./sources/transpile.ts');
  const transpiled = await transpile(source, reached, resolver, placeOf, release.options.define);
  for (const warning of transpiled.warnings)
    onNotice({ type: 'notice', level: 'warning', message: `${source.installed.name}: ${warning}` });
  return transpiled;
}

async function addSource(
  tree: Tree,
  source: SourcePackage,
  transpiled: TranspiledPackage | undefined,
): Promise<void> {
  const { installed, place, files } = source;
  for (const file of files) {
    const output = transpiled?.outputs.get(file);
    if (output !== undefined)
      tree.set(`${place}/${output.file}`, { type: 'text', text: output.code, mode: 0o644 });
    else if (transpiled?.dropped.has(file) !== true) {
      addFile(tree, `${place}/${file}`, path.join(installed.directory, file), installed.directory);
    }
  }
  const text = await manifestText(source, transpiled);
  if (text !== undefined) tree.set(`${place}/package.json`, { type: 'text', text, mode: 0o644 });
}

/**
 * The package.json of a first-party package when it is not as in the project. It always has one, since Node
 * never looks above it, and a `type` where one holds for all its files.
 */
async function manifestText(
  source: SourcePackage,
  transpiled: TranspiledPackage | undefined,
): Promise<string | undefined> {
  const { installed, files } = source;
  const { manifest, directory } = installed;
  if (
    manifest.type !== undefined &&
    transpiled === undefined &&
    existsSync(path.join(directory, 'package.json'))
  ) {
    return undefined;
  }
  const type = (manifest.type as ModuleFormat | undefined) ?? typeOf(directory, files, transpiled);
  const renamed =
    transpiled === undefined
      ? manifest
      : (await import('./sources/transpile.ts')).renameInManifest(manifest, transpiled.outputs);
  return `${JSON.stringify({ ...renamed, ...(type === undefined ? {} : { type }) }, null, 2)}\n`;
}

function typeOf(
  directory: string,
  files: ReadonlySet<string>,
  transpiled: TranspiledPackage | undefined,
): ModuleFormat | undefined {
  return transpiled === undefined ? packageType(directory, files) : transpiled.type;
}

function directoryOf({ installed }: SourcePackage): string {
  return installed.directory;
}
