import { constants, existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Artifact } from './artifact.ts';
import type { AssembledRelease } from './assembled-release.ts';
import { type BuildCache, cacheFailure } from './build-cache.ts';
import type { OnEvent } from './events.ts';
import { type Isolation, isolation } from './isolation.ts';
import { type Ended, howItEnded, runAlone, whatItSaid } from './run-alone.ts';
import { hostAmong, type Target } from './targets.ts';

/** What of a build decides whether and how what it made is started. */
interface Starts {
  readonly targets: readonly Target[];
  /** True, or arguments of the program. Default: nothing is started. */
  readonly verify?: boolean | readonly string[];
  readonly project: string;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: OnEvent;
}

/** This machine's target, if its executables are to be started. */
export function startedTarget({ targets, verify = false, onEvent = () => {} }: Starts): Target | undefined {
  if (verify === false) return undefined;
  const host = hostAmong(targets);
  if (host !== undefined) return host;
  const message =
    'None of the targets is that of this machine: no executable was started to see whether it does.';
  onEvent({ type: 'notice', level: 'info', message });
  return undefined;
}

/** Starts each, and says how it went. Throws StartCheckError. */
export async function checkStarts(
  artifacts: readonly Artifact[],
  { kind }: Pick<AssembledRelease, 'kind'>,
  cache: StartCheck['cache'],
  { project, verify, signal, onEvent = () => {} }: Starts,
): Promise<void> {
  const given = typeof verify === 'object' ? verify : true;
  for (const artifact of artifacts) {
    const message = await checkStart({ artifact, kind, arguments: given, project, cache, signal });
    onEvent({ type: 'notice', level: 'info', target: artifact.target, message });
  }
}

/** A start as a machine would make it that has never seen the project. */
export interface StartCheck {
  readonly artifact: Pick<Artifact, 'file' | 'name' | 'target'>;
  readonly kind: 'cli' | 'service';
  /** Of the program; true: what every program and service is likely to answer. */
  readonly arguments: true | readonly string[];
  readonly project: string;
  readonly cache: Pick<BuildCache, 'directory'>;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds. Whatever runs longer has started. Default: 30,000. */
  readonly limit?: number;
}

/** An executable of this machine's does not start, or not as it should, where nothing of the project is. */
export class StartCheckError extends Error {
  override readonly name = 'StartCheckError';
  readonly code = 'START_FAILED';
}

const LIMIT = 30_000;

/** Commands of a service that start nothing: the second loads all of its configuration. */
const SERVICE_STARTS = [['version'], ['eval', '1']];

/**
 * Starts a copy of the executable in an empty directory: no environment, HOME and cache empty and thrown away afterwards,
 * nothing on stdin, the project out of sight where the system allows. Returns a sentence on how it went. Throws
 * StartCheckError when it does not end with status 0; what is still running after the limit has started, and is ended.
 */
export async function checkStart(check: StartCheck): Promise<string> {
  const { limit = LIMIT, signal } = check;
  const work = await makeWorkplace(check.cache.directory, check.artifact.file);
  try {
    const hidden = await hiddenDirectories(check.project);
    const isolated = isolation(work, hidden);
    for (const args of startsOf(check)) {
      const copy = path.basename(check.artifact.file);
      const ended = await runAlone(copy, args, { work, isolated, limit, signal });
      if (!ended.running && ended.status !== 0) throw failure(check, args, ended, hidden, isolated);
    }
    const started = startsOf(check).map((args) => [check.artifact.name, ...args].join(' '));
    return `started in an empty directory, ${surroundings(isolated)}: ${started.join(', ')}.`;
  } finally {
    await rm(work, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** In the build cache, since what lies there may be executed. Throws BuildCacheError where nothing can be written. */
async function makeWorkplace(cache: string, executable: string): Promise<string> {
  const folder = path.join(cache, 'tmp');
  let work: string | undefined;
  try {
    await mkdir(folder, { recursive: true });
    work = await realpath(await mkdtemp(path.join(folder, 'start-')));
    for (const name of ['empty', 'home', 'root']) await mkdir(path.join(work, name), { mode: 0o700 });
    await copyFile(executable, path.join(work, path.basename(executable)), constants.COPYFILE_FICLONE);
    return work;
  } catch (error) {
    if (work !== undefined) await rm(work, { recursive: true, force: true });
    throw cacheFailure(error, cache);
  }
}

function startsOf({ kind, arguments: given }: StartCheck): readonly (readonly string[])[] {
  if (given !== true) return [given];
  return kind === 'service' ? SERVICE_STARTS : [['--version']];
}

/** The project, and the outermost directory around it that packages are installed in: a workspace's root. */
async function hiddenDirectories(project: string): Promise<readonly string[]> {
  const own = await realpath(project);
  let outermost = own;
  for (let at = own; at !== path.dirname(at); at = path.dirname(at)) {
    if (existsSync(path.join(at, 'node_modules'))) outermost = at;
  }
  // More than the project's: the packages that somebody has installed in a home, say.
  const isRoot = outermost === own || existsSync(path.join(outermost, 'package.json'));
  return isRoot ? [outermost] : [own, path.join(outermost, 'node_modules')];
}

function surroundings(isolated: Isolation | undefined): string {
  return isolated
    ? 'with the project hidden'
    : 'with the project in sight (this system hides no directory for this user)';
}

function failure(
  { artifact }: StartCheck,
  args: readonly string[],
  ended: Ended,
  hidden: readonly string[],
  isolated: Isolation | undefined,
): StartCheckError {
  return new StartCheckError(
    [
      `${[artifact.name, ...args].join(' ')} ${howItEnded(ended)} in an empty directory, ${surroundings(isolated)}${whatItSaid(ended)}`,
      advice(ended.errors, hidden),
      `${artifact.file} was written, and is not proven to start.`,
    ].join('\n'),
  );
}

/** What a program lacks that does not start away from its project. */
function advice(errors: string, hidden: readonly string[]): string {
  const reached = hidden.map((directory) => reachedFor(errors, directory)).find((file) => file !== undefined);
  if (reached !== undefined) {
    return `It reaches for ${reached}, which is not in the release: let it read files beside its own modules, and have "files" or an overlay take them in.`;
  }
  const module = /Cannot find (?:module|package) '([^']+)'/.exec(errors)?.[1];
  if (module !== undefined) {
    return `${module} is not in the release: a package has to be among the "dependencies" of package.json and installed, a file among those that are taken in.`;
  }
  const file = /no such file or directory[^']*'[^']*node_modules\/([^']+)'/.exec(errors)?.[1];
  if (file !== undefined) {
    return `${file} is not in the release. If the project has it, it was left out, as what no program seems to need: strip: { keep: [${JSON.stringify(file)}] }`;
  }
  return 'If it is to end like this, name arguments with which it ends with 0: wrap.verify: ["--help"]';
}

function reachedFor(errors: string, directory: string): string | undefined {
  const at = errors.indexOf(directory + path.sep);
  return at === -1 ? undefined : /^[^'"`\s)]+/.exec(errors.slice(at))?.[0];
}
