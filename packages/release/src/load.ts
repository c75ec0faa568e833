import { realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { binEntries, type Entry, namedEntry, plainEntry, requireCode } from './entries.ts';
import { ReleaseError } from './error.ts';
import { type Manifest, programs, readProjectManifest, unscoped } from './package-json.ts';
import type { Release, ReleaseOptions } from './release.ts';
import { findWorkspace, readWorkspaces, type Workspace } from './workspaces.ts';

/**
 * What a project says about its release; nothing is written and no code of the project runs.
 * Throws ReleaseError.
 */
export async function loadRelease(options: ReleaseOptions): Promise<Release> {
  const project = await readProject(options);
  const { directory, manifest } = project;
  const chosen = await chooseEntries(options, project);
  for (const entry of Object.values(chosen.entries)) requireCode(entry);
  const name = options.name === undefined ? chosen.name : checkedName(options.name);
  const version = checkedVersion(options.version ?? manifest.version ?? '0.0.0');
  return {
    name,
    version,
    kind: 'cli',
    project: directory,
    manifest,
    singleFile: project.singleFile,
    entries: mapValues(chosen.entries, (entry) => entry.file),
    code: options.code ?? 'copy',
    path: path.resolve(options.releaseDirectory ?? path.join(directory, '_build', 'prod', 'rel', name)),
    output: path.resolve(options.output ?? path.join(directory, 'burrito_out')),
    notes: [note(name, version, project, chosen.entries)],
  };
}

/** Where a project lies, and what it says of Node. */
export interface ProjectPlace {
  readonly directory: string;
  /** `engines.node`. */
  readonly engines: string | undefined;
}

/**
 * The project that `loadRelease` would read, whether or not it is ready to be released: a folder without a
 * `package.json` and an entry that is not built yet will do. Throws ReleaseError.
 */
export async function findProject(
  options: Pick<ReleaseOptions, 'project' | 'workspace'>,
): Promise<ProjectPlace> {
  try {
    const { directory, manifest } = await readProject(options);
    return { directory, engines: manifest.engines?.node };
  } catch (error) {
    if (!(error instanceof ReleaseError) || error.code !== 'NO_PACKAGE_JSON') throw error;
    return { directory: realpathSync(path.resolve(options.project)), engines: undefined };
  }
}

interface Project {
  readonly directory: string;
  readonly manifest: Manifest;
  readonly singleFile: boolean;
  /** The source file given in the place of a project. */
  readonly file: string | undefined;
}

async function readProject(options: ReleaseOptions): Promise<Project> {
  const given = path.resolve(options.project);
  const stats = statSync(given, { throwIfNoEntry: false });
  if (stats === undefined) {
    throw new ReleaseError(
      'NO_PROJECT',
      `${given} does not exist; give a project's folder or a source file.`,
    );
  }
  // Node finds modules by real paths, so everything here is one.
  const real = realpathSync(given);
  if (stats.isFile()) return fileProject(real);
  const manifest = readProjectManifest(real);
  if (manifest === undefined) return folderWithoutManifest(real, options);
  if (options.workspace === undefined)
    return { directory: real, manifest, singleFile: false, file: undefined };
  const workspaces = await readWorkspaces(real, manifest);
  const workspace = findWorkspace(real, workspaces, options.workspace);
  return { ...workspace, directory: realpathSync(workspace.directory), singleFile: false, file: undefined };
}

function folderWithoutManifest(directory: string, options: ReleaseOptions): Project {
  if (options.entry !== undefined)
    return fileProject(realpathSync(namedEntry(directory, options.entry).file));
  throw new ReleaseError(
    'NO_PACKAGE_JSON',
    `There is no package.json in ${directory}. Run this in a project, say --project DIR, or give a file: wrap cli.ts`,
  );
}

/**
 * The project a file belongs to: that of its own folder or, when it lies below the working directory,
 * of one in between. Further up a package.json is as likely as not somebody else's (`~/package.json`).
 */
function fileProject(file: string): Project {
  for (const directory of foldersUpTo(path.dirname(file), process.cwd())) {
    const manifest = readProjectManifest(directory);
    if (manifest !== undefined) return { directory, manifest, singleFile: false, file };
  }
  const manifest = { name: path.parse(file).name };
  return { directory: path.dirname(file), manifest, singleFile: true, file };
}

function foldersUpTo(directory: string, top: string): readonly string[] {
  if (directory === top || !directory.startsWith(top + path.sep)) return [directory];
  return [directory, ...foldersUpTo(path.dirname(directory), top)];
}

interface Chosen {
  readonly name: string;
  readonly entries: Readonly<Record<string, Entry>>;
}

async function chooseEntries(options: ReleaseOptions, project: Project): Promise<Chosen> {
  const { directory, manifest } = project;
  const packageName = derivedName(unscoped(manifest.name ?? path.basename(directory)));
  const named = project.file ?? options.entry;
  if (named !== undefined) {
    const entry =
      named === project.file ? { file: named, from: 'the file given' } : namedEntry(directory, named);
    const name = nameForEntry(manifest, packageName, entry, directory, options.bin);
    return { name, entries: { [name]: entry } };
  }
  if (options.bin !== undefined) return chosenBins(options.bin, project, packageName);
  const names = Object.keys(programs(manifest));
  const bin = names.length === 1 ? names[0] : names.find((name) => name === unscoped(manifest.name ?? ''));
  if (bin !== undefined) return chosenBins([bin], project, packageName);
  if (names.length > 1) throw severalBins(directory, names);
  const entry = plainEntry(directory, manifest);
  if (entry === undefined) throw await noEntry(directory, manifest);
  return { name: packageName, entries: { [packageName]: entry } };
}

function chosenBins(names: readonly string[], { directory, manifest }: Project, packageName: string): Chosen {
  const entries = binEntries(directory, manifest, names);
  const named = Object.fromEntries(
    Object.entries(entries).map(([name, entry]) => [derivedName(name), entry]),
  );
  const first = Object.keys(named)[0]!;
  return { name: names.length === 1 ? first : packageName, entries: named };
}

/** An entry that is a program of `bin` keeps its name; any other is named as the release would be without it. */
function nameForEntry(
  manifest: Manifest,
  packageName: string,
  entry: Entry,
  directory: string,
  bin: readonly string[] = [],
): string {
  if (bin.length > 1)
    throw new ReleaseError(
      'SEVERAL_BINS',
      `${entry.file} is one program, and --bin names several: ${bin.join(', ')}. Give one, or leave out --entry.`,
    );
  if (bin[0] !== undefined) return derivedName(bin[0]);
  const all = Object.entries(programs(manifest));
  const same = all.find(([, file]) => path.resolve(directory, file) === entry.file);
  if (same !== undefined) return derivedName(same[0]);
  return all.length === 1 ? derivedName(all[0]![0]) : packageName;
}

function severalBins(directory: string, names: readonly string[]): ReleaseError {
  return new ReleaseError(
    'SEVERAL_BINS',
    `${path.join(directory, 'package.json')} has several programs: ${names.join(', ')}. ` +
      `Choose with --bin ${names[0]}, or take several: --bin ${names.join(',')}`,
  );
}

async function noEntry(directory: string, manifest: Manifest): Promise<ReleaseError> {
  const workspaces = await readWorkspaces(directory, manifest);
  if (workspaces.length > 0) return workspaceRoot(directory, workspaces.filter(hasEntry));
  return new ReleaseError(
    'NO_ENTRY',
    `${path.join(directory, 'package.json')} names nothing to run: it has no bin, main or scripts.start of the form ` +
      '"node FILE", and there is no index.js or index.ts. Name the file: --entry FILE',
  );
}

function workspaceRoot(directory: string, workspaces: readonly Workspace[]): ReleaseError {
  const lines = workspaces.map(({ name }) => `  wrap -w ${name}`);
  return new ReleaseError(
    'WORKSPACE_ROOT',
    lines.length === 0
      ? `${directory} is a workspace root, and none of its workspaces names anything to run. Name a file: --entry FILE`
      : `${directory} is a workspace root without a program of its own. Choose one of its workspaces:\n${lines.join('\n')}`,
  );
}

function hasEntry({ directory, manifest }: Workspace): boolean {
  try {
    return Object.keys(programs(manifest)).length > 0 || plainEntry(directory, manifest) !== undefined;
  } catch (error) {
    // It names one that is not built yet.
    if (error instanceof ReleaseError) return true;
    throw error;
  }
}

const validName = /^[a-z][a-z0-9_-]*$/;

function checkedName(name: string): string {
  if (validName.test(name)) return name;
  throw new ReleaseError(
    'INVALID_NAME',
    `"${name}" cannot name a release: expected a small letter, then small letters, digits, "_" and "-"; ` +
      `"${derivedName(name)}" would do.`,
  );
}

/** A valid release name close to one that npm allows. */
function derivedName(name: string): string {
  const plain = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]+/g, '-')
    .replaceAll(/^[-_]+|-+$/g, '');
  if (plain === '') return 'app';
  return validName.test(plain) ? plain : `app-${plain}`;
}

function checkedVersion(version: string): string {
  if (/^[0-9A-Za-z][0-9A-Za-z.+_-]*$/.test(version)) return version;
  throw new ReleaseError(
    'INVALID_VERSION',
    `"${version}" cannot be a release's version: it becomes a folder's name, so expected letters, digits, ".", "+", "_" and "-".`,
  );
}

function note(
  name: string,
  version: string,
  project: Project,
  entries: Readonly<Record<string, Entry>>,
): string {
  const from = project.singleFile ? 'a single file' : 'package.json';
  const shown = Object.entries(entries).map(([program, entry]) => {
    const file = path.relative(project.directory, entry.file).replaceAll(path.sep, '/');
    return Object.keys(entries).length === 1 ? `${entry.from} → ${file}` : `${program} → ${file}`;
  });
  return `${name} ${version} from ${from}: ${shown.join(', ')}`;
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, map: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}
