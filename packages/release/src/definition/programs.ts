import path from 'node:path';
import { binEntries, type Entry, namedEntry, plainEntry, requireCode } from '../entries.ts';
import { ReleaseError } from '../error.ts';
import { type Manifest, programs, unscoped } from '../package-json.ts';
import type { ReleaseOptions } from '../release.ts';
import { readWorkspaces, type Workspace } from '../workspaces.ts';
import { derivedName } from './names.ts';
import type { Project } from './project.ts';
import type { ReleaseConfig } from './sarma-config.ts';

/** The release's name where nobody gave one, and its programs. */
export interface Programs {
  readonly name: string;
  readonly entries: Readonly<Record<string, Entry>>;
}

/** Which programs were asked for: one file, or several of `bin`. */
export interface ProgramChoice {
  readonly entry: Entry | undefined;
  readonly bin: readonly string[] | undefined;
}

/** What the command line names, else what the configuration does. Throws ReleaseError ENTRY_NOT_FOUND. */
export function programChoice(
  options: ReleaseOptions,
  config: ReleaseConfig,
  { directory, file }: Project,
  where: string,
): ProgramChoice {
  const { entry, bin } = options;
  if (file !== undefined) return { entry: { file, from: 'the file given' }, bin };
  if (entry !== undefined) return { entry: namedEntry(directory, entry), bin };
  if (bin !== undefined) return { entry: undefined, bin };
  return {
    entry: config.entry === undefined ? undefined : namedEntry(directory, config.entry, 'entry', where),
    bin: typeof config.bin === 'string' ? [config.bin] : config.bin,
  };
}

/**
 * The programs of a release: those asked for, else what `package.json` says. The only program of a release that the
 * configuration names is named like it. Throws ReleaseError.
 */
export async function choosePrograms(
  choice: ProgramChoice,
  project: Project,
  release: string | undefined,
): Promise<Programs> {
  const { name, entries } = await findPrograms(choice, project, release);
  for (const entry of Object.values(entries)) requireCode(entry);
  const [only, ...others] = Object.values(entries);
  const isRenamed = release !== undefined && only !== undefined && others.length === 0;
  return { name: release ?? name, entries: isRenamed ? { [release]: only } : entries };
}

async function findPrograms(
  { entry, bin }: ProgramChoice,
  project: Project,
  release: string | undefined,
): Promise<Programs> {
  const { directory, manifest } = project;
  const fallback = packageName(project);
  if (entry !== undefined) {
    const name = nameForEntry(manifest, fallback, entry, directory, bin);
    return { name, entries: { [name]: entry } };
  }
  if (bin !== undefined) return chosenBins(bin, project);
  const names = Object.keys(programs(manifest));
  const likely = [release, unscoped(manifest.name ?? '')].find((name) => names.includes(name ?? ''));
  const only = names.length === 1 ? names[0] : likely;
  if (only !== undefined) return chosenBins([only], project);
  if (names.length > 1) throw severalBins(directory, names);
  const plain = plainEntry(directory, manifest);
  if (plain === undefined) throw await noEntry(directory, manifest);
  return { name: fallback, entries: { [fallback]: plain } };
}

/** The release's name where nobody gives one and there is no program. */
export function packageName({ directory, manifest }: Project): string {
  return derivedName(unscoped(manifest.name ?? path.basename(directory)));
}

function chosenBins(names: readonly string[], project: Project): Programs {
  const entries = binEntries(project.directory, project.manifest, names);
  const named = Object.fromEntries(
    Object.entries(entries).map(([name, entry]) => [derivedName(name), entry]),
  );
  const first = Object.keys(named)[0]!;
  return { name: names.length === 1 ? first : packageName(project), entries: named };
}

/** An entry that is a program of `bin` keeps its name; any other is named as the release would be without it. */
function nameForEntry(
  manifest: Manifest,
  fallback: string,
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
  return all.length === 1 ? derivedName(all[0]![0]) : fallback;
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
    if (manifest.sarma?.application !== undefined) return true;
    return Object.keys(programs(manifest)).length > 0 || plainEntry(directory, manifest) !== undefined;
  } catch (error) {
    // It names one that is not built yet.
    if (error instanceof ReleaseError) return true;
    throw error;
  }
}
