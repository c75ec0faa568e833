import { existsSync } from 'node:fs';
import path from 'node:path';
import { exclusions } from './exclusions.ts';
import { firstPartyPackages, type Installation, type InstalledPackage } from './installation.ts';
import { type Layout, layOut } from './layout.ts';
import type { OnNotice, Release } from './release.ts';
import { isPrivate } from './secrets.ts';
import { selectFiles } from './selection.ts';
import { type ModuleFormat, packageType } from './sources/module-type.ts';
import { isTypeScript, outputName, type SourcePackage, sourceExtension } from './sources/package.ts';
import type { TranspiledPackage } from './sources/transpile.ts';
import { addFile, type Tree } from './tree.ts';

/** The part of a release that is the project's own, and what has to be laid out around it. */
export interface Taken {
  readonly tree: Tree;
  readonly layout: Layout;
  readonly packages: Installation['packages'];
  /** Where a source lies in the release, TypeScript as the JavaScript it became. */
  readonly placeOf: (file: string) => string | undefined;
}

/** Takes the project, its workspaces and linked packages file by file. */
export async function takeCopies(
  release: Release,
  installation: Installation,
  onNotice: OnNotice,
): Promise<Taken> {
  const tree: Tree = new Map();
  const layout = layOut(installation, release.project);
  const { sources, reached } = await readSources(release, installation, layout, onNotice);
  const typeScript = new Set(sources.filter((source) => runsTypeScript(source, reached)).map(directoryOf));
  const placeOf: Taken['placeOf'] = (file) => {
    const place = layout.placeOf(file);
    const isOutput = place !== undefined && typeScript.has(ownerOf(file, sources) ?? '');
    return isOutput ? outputName(place) : place;
  };
  for (const source of sources) {
    const transpiled = typeScript.has(source.installed.directory)
      ? await transpileSource(source, reached, sources, placeOf, onNotice)
      : undefined;
    await addSource(tree, source, transpiled);
  }
  return { tree, layout, packages: installation.packages, placeOf };
}

/** The files of each first-party package, and what the entries lead to (empty where it decides nothing). */
export async function readSources(
  release: Release,
  installation: Installation,
  layout: Layout,
  onNotice: OnNotice,
): Promise<{ readonly sources: readonly SourcePackage[]; readonly reached: ReadonlySet<string> }> {
  const { sources: selected, needsTrace } = await selectSources(release, installation, layout, onNotice);
  const reached = needsTrace ? await trace(release, selected) : new Set<string>();
  return { sources: selected.map((source) => withReached(source, reached, selected)), reached };
}

async function selectSources(
  release: Release,
  installation: Installation,
  layout: Layout,
  onNotice: OnNotice,
): Promise<{ readonly sources: readonly SourcePackage[]; readonly needsTrace: boolean }> {
  const firstParty = firstPartyPackages(installation);
  const excluded = await exclusions(release, firstParty);
  const sources: SourcePackage[] = [];
  let needsTrace = false;
  for (const installed of firstParty) {
    const entries = Object.values(release.entries).filter((entry) => isOwner(installed, entry, firstParty));
    const always = entries.map((entry) => relativePath(installed, entry));
    const { files, leftOut, unlisted } = release.singleFile
      ? { files: always, leftOut: [], unlisted: true }
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
    if (installed.directory !== release.project) await warnUnbuilt(installed, onNotice);
    needsTrace ||= unlisted || files.some(isTypeScript);
    sources.push({ installed, place: layout.places.get(installed.directory)!, files: new Set(files) });
  }
  return { sources, needsTrace };
}

/** Workspaces that are compiled before use are easily forgotten. */
async function warnUnbuilt(installed: InstalledPackage, onNotice: OnNotice): Promise<void> {
  if (installed.manifest.main === undefined && installed.manifest.exports === undefined) return;
  const { mainTargets } = await import('./sources/resolve.ts');
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

/**
 * What the entries lead to. It decides which TypeScript is run, what a single file takes along, and what an
 * entry needs that `files` does not name.
 */
async function trace(release: Release, sources: readonly SourcePackage[]): Promise<ReadonlySet<string>> {
  const [{ reach }, { sourceResolver }] = await Promise.all([
    import('./sources/reach.ts'),
    import('./sources/resolve.ts'),
  ]);
  return reach(Object.values(release.entries), sourceResolver(sources.map(({ installed }) => installed)));
}

function withReached(
  source: SourcePackage,
  reached: ReadonlySet<string>,
  sources: readonly SourcePackage[],
): SourcePackage {
  const { directory } = source.installed;
  const own = [...reached].filter((file) => ownerOf(file, sources) === directory && isTaken(file));
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
  source: SourcePackage,
  reached: ReadonlySet<string>,
  sources: readonly SourcePackage[],
  placeOf: Taken['placeOf'],
  onNotice: OnNotice,
): Promise<TranspiledPackage> {
  const [{ transpile }, { sourceResolver }] = await Promise.all([
    import('./sources/transpile.ts'),
    import('./sources/resolve.ts'),
  ]);
  const resolver = sourceResolver(sources.map(({ installed }) => installed));
  const transpiled = await transpile(source, reached, resolver, placeOf);
  for (const warning of transpiled.warnings)
    onNotice({ type: 'notice', level: 'warning', message: `${source.installed.name}: ${warning}` });
  for (const problem of resolver.problems)
    onNotice({ type: 'notice', level: 'warning', message: `tsconfig.json was not read: ${problem}` });
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

function ownerOf(file: string, sources: readonly SourcePackage[]): string | undefined {
  return sources.find(({ installed }) =>
    isOwner(
      installed,
      file,
      sources.map((source) => source.installed),
    ),
  )?.installed.directory;
}

/** Whether a file lies in a package and in none inside it. */
function isOwner(installed: InstalledPackage, file: string, all: readonly InstalledPackage[]): boolean {
  if (!file.startsWith(installed.directory + path.sep)) return false;
  const inner = all.some(
    ({ directory }) => directory.length > installed.directory.length && file.startsWith(directory + path.sep),
  );
  return !inner && !file.slice(installed.directory.length).includes(`${path.sep}node_modules${path.sep}`);
}

function relativePath(installed: InstalledPackage, file: string): string {
  return path.relative(installed.directory, file).replaceAll(path.sep, '/');
}
