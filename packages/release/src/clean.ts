import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { readdir, rm, rmdir } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { ReleaseError } from './error.ts';
import { findProject, listReleases, loadRelease } from './load.ts';
import { isOwnOutput } from './own-outputs.ts';
import type { Release, ReleaseOptions } from './release.ts';

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

/** Throws what the file system throws. */
export async function clean({ items, folders }: CleanPlan): Promise<void> {
  for (const { path: file, keepsState } of items) {
    if (!keepsState || !existsSync(path.join(file, STATE))) await rm(file, { recursive: true, force: true });
    else
      for (const name of await readdir(file))
        if (name !== STATE) await rm(path.join(file, name), { recursive: true, force: true });
  }
  for (const folder of folders) await removeEmpty(folder);
}

const STATE = 'var';
const BUILD = '_build';

async function planRelease(options: CleanOptions): Promise<CleanPlan> {
  const release = await loadRelease(options);
  const outputs = await ownOutputs(release.output, options);
  return {
    items: [
      ...[release.path].filter(isAssembled).map((directory) => ({ path: directory, keepsState: true })),
      ...outputs.filter((file) => isOf(release, path.basename(file))).map(whole),
    ],
    folders: [...foldersAround(release.path, release.project), release.output],
    left: [],
  };
}

/** Its executables, whose names say no version, and the archives of this one: others are what upgrades lead from. */
function isOf({ name, version, entries }: Release, file: string): boolean {
  const programs = [name, ...Object.keys(entries)];
  const program = /^(.+)_(?:linux|darwin|win)-[a-z0-9-]+(?:\.exe|\.cdx\.json)?$/.exec(file)?.[1];
  // Not those of 1.0.0-rc.1 where 1.0.0 is meant.
  const archived = file.startsWith(`${name}-${version}-`) ? file.slice(`${name}-${version}-`.length) : '';
  return (
    (program !== undefined && programs.includes(program)) ||
    /^(?:linux|darwin|win)-[a-z0-9-]+\.tar\.gz$/.test(archived)
  );
}

async function planImplosion(options: CleanOptions): Promise<CleanPlan> {
  const { directory } = await findProject(options);
  const releases = await allReleases(options);
  const build = path.join(directory, BUILD);
  const inBuild = ['rel', 'run'].flatMap((kind) =>
    namesIn(build).flatMap((environment) => {
      const folder = path.join(build, environment, kind);
      return namesIn(folder).map((name) => path.join(folder, name));
    }),
  );
  const made = inBuild.filter((one) => isAssembled(one) || isUnfinished(one));
  const elsewhere = releases.map((release) => release.path).filter(isAssembled);
  const outputs = [
    ...new Set([path.join(directory, 'burrito_out'), ...releases.map(({ output }) => output)]),
  ];
  const own = (await Promise.all(outputs.map((output) => ownOutputs(output, options)))).flat();
  const all = [...new Set([...made, ...elsewhere, ...own])];
  return {
    items: all.map(whole),
    folders: [...all.flatMap((one) => foldersAround(one, directory)), ...outputs],
    left: [
      ...inBuild.filter((one) => !made.includes(one)),
      ...outputs
        .flatMap((output) => namesIn(output).map((name) => path.join(output, name)))
        .filter((file) => !own.includes(file) && path.basename(file) !== 'SHA256SUMS'),
    ],
  };
}

/** Those that can be read: what their directories are called may be the configuration's business. */
async function allReleases(options: CleanOptions): Promise<readonly Release[]> {
  const names = await listReleases(options);
  const first = await loadRelease({ ...options, name: options.name ?? names[0] }).catch(() => undefined);
  const environments = new Set([...(first?.options.environments ?? []), first?.environment]);
  const found: Release[] = [];
  for (const name of names.length === 0 ? [undefined] : names)
    for (const environment of environments) {
      const release = await loadRelease({ ...options, name, environment }).catch(() => undefined);
      if (release !== undefined) found.push(release);
    }
  return found;
}

function whole(file: string): CleanItem {
  return { path: file, keepsState: false };
}

function isAssembled(directory: string): boolean {
  return existsSync(path.join(directory, 'releases', 'start.json'));
}

/** What an assembly that was killed has left. */
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

function namesIn(folder: string): readonly string[] {
  return statSync(folder, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(folder) : [];
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
  const nodes = path.join(directory, STATE, 'nodes');
  for (const name of namesIn(nodes).filter((one) => one.endsWith('.json'))) {
    const { node, pid, socket } = recordIn(path.join(nodes, name));
    if (socket === undefined || !(await isListening(socket))) continue;
    throw new ReleaseError(
      'NODE_RUNS',
      `${node} runs from ${directory} (PID ${pid}), so nothing is removed. Stop it first: ${path.join(directory, 'bin', String(node))} stop`,
    );
  }
}

interface NodeRecord {
  readonly node?: string;
  readonly pid?: number;
  readonly socket?: string;
}

function recordIn(file: string): NodeRecord {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as NodeRecord;
  } catch {
    // Torn by a loss of power, or somebody else's: nobody runs by it who could be found.
    return {};
  }
}

function isListening(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket);
    connection.on('connect', () => {
      connection.destroy();
      resolve(true);
    });
    connection.on('error', () => resolve(false));
  });
}
