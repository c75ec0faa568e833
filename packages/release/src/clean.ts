import { existsSync, statSync } from 'node:fs';
import { readdir, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { archivedVersion } from './archive-name.ts';
import { ReleaseError, reasonOf } from './error.ts';
import { findProject, listReleases, loadRelease } from './load.ts';
import { namesIn } from './names-in.ts';
import { isOwnOutput } from './own-outputs.ts';
import { isFolderOf, readFeed } from './published-files.ts';
import type { Release, ReleaseOptions } from './release.ts';
import { isAssembled, isStateAlone, runningNodes, stateOf } from './release-directory.ts';

export interface CleanOptions extends ReleaseOptions {
  /** Everything that was made for the project, of every release, version and environment, with the state of its nodes. */
  readonly implode?: boolean | undefined;
  /** Whether a file is an executable of a kind that this package does not know. */
  readonly isExecutable?: ((file: string) => Promise<boolean>) | undefined;
}

/** Something that a build has made. */
export interface CleanItem {
  /** An absolute path. */
  readonly path: string;
  /** Its `var/` stays: the state of the node that ran there, which no build can make again. */
  readonly keepsState: boolean;
}

/** What is to be removed. */
export interface CleanPlan {
  readonly items: readonly CleanItem[];
  /** Folders of ours that go when nothing is left in them, the innermost first. */
  readonly folders: readonly string[];
  /** What lies among it and was not made by Sarma. */
  readonly left: readonly string[];
  /** Why what a release has made elsewhere than in `_build` and `burrito_out` is not known: sentences. */
  readonly unknown: readonly string[];
}

/**
 * What Sarma has made of a project, and nothing else: assembled directories, executables, archives, bills of materials.
 * Without `implode` that of one release and version. Nothing is removed yet. Throws ReleaseError, NODE_RUNS where a
 * node runs from one of the directories.
 */
export async function planClean(options: CleanOptions): Promise<CleanPlan> {
  const plan = options.implode === true ? await planImplosion(options) : await planRelease(options);
  for (const item of plan.items) await refuseRunning(item.path);
  return plan;
}

/** Removes what is planned, but for the folders around it. Throws what the file system throws. */
export async function removeItems({ items }: CleanPlan): Promise<void> {
  for (const { path: file, keepsState } of items) {
    if (!keepsState || !existsSync(stateOf(file))) await rm(file, { recursive: true, force: true });
    else
      for (const one of (await readdir(file)).map((name) => path.join(file, name)))
        if (one !== stateOf(file)) await rm(one, { recursive: true, force: true });
  }
}

/** Throws what the file system throws. */
export async function removeEmptyFolders({ folders }: CleanPlan): Promise<void> {
  for (const folder of folders) await removeEmpty(folder);
}

const BUILD = '_build';
/** In a folder of outputs: what `sarma publish` stages. */
const PUBLISHED = 'publish';
/** In that: what it writes for package managers, a folder for each release. */
const PACKAGERS = 'packagers';

async function planRelease(options: CleanOptions): Promise<CleanPlan> {
  const release = await loadRelease(options);
  const outputs = await ownOutputs(release.output, options);
  return {
    items: [
      ...[release.path].filter(isAssembled).map((directory) => ({ path: directory, keepsState: true })),
      ...outputs.filter((file) => isOf(release, path.basename(file))).map(whole),
      ...staged(release.output, release).map(whole),
    ],
    folders: [
      ...foldersAround(release.path, release.project),
      path.join(release.output, PUBLISHED, PACKAGERS),
      path.join(release.output, PUBLISHED),
      release.output,
    ],
    left: [],
    unknown: [],
  };
}

/** Its executables, whose names say no version, and the archives of this one: others are what upgrades lead from. */
function isOf({ name, version, entries }: Release, file: string): boolean {
  const programs = [name, ...Object.keys(entries)];
  const program = /^(.+)_(?:linux|darwin|win)-[a-z0-9-]+(?:\.exe|\.cdx\.json)?$/.exec(file)?.[1];
  return (program !== undefined && programs.includes(program)) || archivedVersion(name, file) === version;
}

async function planImplosion(options: CleanOptions): Promise<CleanPlan> {
  const { directory } = await findProject(options);
  const { releases, unknown } = await allReleases(options);
  const build = path.join(directory, BUILD);
  const inBuild = ['rel', 'run'].flatMap((kind) =>
    namesIn(build).flatMap((environment) => {
      const folder = path.join(build, environment, kind);
      return namesIn(folder).map((name) => path.join(folder, name));
    }),
  );
  const made = inBuild.filter((one) => isAssembled(one) || isStateAlone(one) || isUnfinished(one));
  const elsewhere = releases
    .map((release) => release.path)
    .filter((one) => isAssembled(one) || isStateAlone(one));
  const outputs = [
    ...new Set([path.join(directory, 'burrito_out'), ...releases.map(({ output }) => output)]),
  ];
  const own = (await Promise.all(outputs.map((output) => ownOutputs(output, options)))).flat();
  own.push(...outputs.flatMap((output) => staged(output)));
  const all = [...new Set([...made, ...elsewhere, ...own])];
  return {
    items: all.map(whole),
    folders: [
      ...all.flatMap((one) => foldersAround(one, directory)),
      ...outputs.flatMap((output) => [path.join(output, PUBLISHED), output]),
    ],
    left: [
      ...inBuild.filter((one) => !made.includes(one)),
      ...outputs
        .flatMap((output) => [output, path.join(output, PUBLISHED)])
        .flatMap((folder) => namesIn(folder).map((name) => path.join(folder, name)))
        .filter((file) => !own.includes(file) && !['SHA256SUMS', PUBLISHED].includes(path.basename(file))),
    ],
    unknown,
  };
}

/** Those that can be read, and of the others why not: what their directories are called may be the configuration's business. */
async function allReleases(options: CleanOptions) {
  const unknown = new Set<string>();
  const load = async (choice: Pick<ReleaseOptions, 'name' | 'environment'>) =>
    await loadRelease({ ...options, ...choice }).catch((error: unknown) => {
      unknown.add(
        `Of what was made elsewhere than in ${BUILD} and burrito_out nothing is known: ${reasonOf(error)}`,
      );
      return undefined;
    });
  const names = await listReleases(options);
  const first = await load({ name: options.name ?? names[0] });
  const environments = new Set([...(first?.options.environments ?? []), first?.environment]);
  const releases: Release[] = [];
  for (const name of names.length === 0 ? [undefined] : names)
    for (const environment of environments) {
      const release = await load({ name, environment });
      if (release !== undefined) releases.push(release);
    }
  return { releases, unknown: [...unknown] };
}

function whole(file: string): CleanItem {
  return { path: file, keepsState: false };
}

/** What an assembly, or a publication, that was killed has left. */
function isUnfinished(directory: string): boolean {
  return /^\..+\.[0-9a-f]{12}\.(tmp|old(\.old)*)$/.test(path.basename(directory));
}

async function ownOutputs(folder: string, { isExecutable }: CleanOptions): Promise<readonly string[]> {
  const own: string[] = [];
  for (const name of namesIn(folder)) {
    const file = path.join(folder, name);
    if (!statSync(file, { throwIfNoEntry: false })?.isFile()) continue;
    if (isOwnOutput(file) || (await isExecutable?.(file))) own.push(file);
  }
  return own;
}

/** What `sarma publish` has staged among outputs, of all versions or of one, and what it wrote for package managers. */
function staged(output: string, only?: Release): readonly string[] {
  const folder = path.join(output, PUBLISHED);
  if (only === undefined)
    return namesIn(folder)
      .map((name) => path.join(folder, name))
      .filter((one) => path.basename(one) === PACKAGERS || isStaged(one));
  const version = path.join(folder, `${only.name}-${only.version}`);
  return [...[version].filter(isStaged), path.join(folder, PACKAGERS, only.name)].filter((one) =>
    existsSync(one),
  );
}

/** Or what a run that was killed has left of one. */
function isStaged(folder: string): boolean {
  const feed = readFeed(path.join(folder, 'latest.json'));
  return isUnfinished(folder) || (feed !== undefined && isFolderOf(feed, path.basename(folder)));
}

/** The folders of `_build` that lead to it. */
function foldersAround(file: string, project: string): readonly string[] {
  const build = path.join(project, BUILD);
  if (!file.startsWith(build + path.sep)) return [];
  const folders: string[] = [];
  for (let folder = path.dirname(file); folder.startsWith(build); folder = path.dirname(folder))
    folders.push(folder);
  return folders;
}

async function removeEmpty(folder: string): Promise<void> {
  try {
    await rmdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!['ENOTEMPTY', 'EEXIST', 'ENOENT', 'ENOTDIR'].includes(code!)) throw error;
  }
}

/** Throws ReleaseError NODE_RUNS where a node says that it does, with its state in the directory. */
async function refuseRunning(directory: string): Promise<void> {
  const [running] = await runningNodes(directory);
  if (running === undefined) return;
  const { node, pid } = running;
  throw new ReleaseError(
    'NODE_RUNS',
    `${node} runs from ${directory} (PID ${pid}), so nothing is removed. Stop it first: ${path.join(directory, 'bin', node)} stop`,
  );
}
