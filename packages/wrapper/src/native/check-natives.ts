import { readAssembledRelease } from '../assembled-release.ts';
import { type Build, treeOf } from '../build.ts';
import type { OnEvent } from '../events.ts';
import type { ExecutableSettings } from '../settings.ts';
import type { Tree } from '../tree.ts';
import { inMegabytes, largest, WORTH_A_LINE } from './foreign-bytes.ts';
import { type Held, type HoldRequest, holdToTarget } from './hold.ts';
import type { Need } from './needs.ts';

/** Native files of a release cannot work on the target. */
export class NativeFileError extends Error {
  override readonly name = 'NativeFileError';
  readonly code = 'NATIVE_FILE_WRONG';
}

/** What of a build decides the native files on its target. */
export interface CheckedBuild extends Pick<Build, 'release' | 'directory' | 'files' | 'without' | 'target'> {
  /** Undefined where the release carries none: then any version of Node will do. */
  readonly runtime: HoldRequest['runtime'];
  readonly settings: Pick<ExecutableSettings, 'addons'>;
}

/** What packing goes on with. */
export interface Checked {
  readonly needs: readonly Need[];
  /** The release as it is on the target. */
  readonly tree: Tree;
}

/**
 * Holds the native files of a release to its target, and returns what they ask of the host, with the tree that was read.
 * Throws NativeFileError, which names all that cannot work; what the release can do without is a warning.
 */
export async function checkNatives(build: CheckedBuild, onEvent: OnEvent): Promise<Checked> {
  const { name } = build.target;
  const { held, tree } = await hold(build);
  if (held.wrong.length > 0) throw wrongFiles(name, held);
  warn(held.doubtful, name, onEvent);
  const foreign = foreignNotice(name, held);
  if (foreign !== undefined) onEvent({ type: 'notice', level: 'info', target: name, message: foreign });
  return { needs: held.needs, tree };
}

/**
 * The same for an assembled release that is packed in another way, as a tar. Returns it as it is on the target. Throws
 * NativeFileError.
 */
export async function checkDirectory(
  directory: string,
  build: Omit<CheckedBuild, 'release' | 'directory'>,
  onEvent: OnEvent,
): Promise<Tree> {
  const release = await readAssembledRelease(directory);
  return (await checkNatives({ ...build, release, directory }, onEvent)).tree;
}

/**
 * Says in warnings what of an assembled release's native files cannot work on a target; for the directory as it lies
 * there, to be run in place.
 */
export async function warnOfNatives(
  directory: string,
  build: Pick<CheckedBuild, 'target' | 'runtime' | 'settings'>,
  onEvent: OnEvent,
): Promise<void> {
  const release = await readAssembledRelease(directory);
  const { held } = await hold({ ...build, release, directory, files: [], without: [] });
  warn([...held.wrong, ...held.doubtful], build.target.name, onEvent);
}

async function hold(build: CheckedBuild): Promise<{ readonly held: Held; readonly tree: Tree }> {
  const tree = await treeOf(build);
  return { held: await holdToTarget({ ...build, tree, skip: build.settings.addons.skip }), tree };
}

function warn(messages: readonly string[], target: string, onEvent: OnEvent): void {
  for (const message of messages) onEvent({ type: 'notice', level: 'warning', target, message });
}

function wrongFiles(target: string, { wrong, packages }: Held): NativeFileError {
  const count = wrong.length === 1 ? 'A native file' : `${wrong.length} native files`;
  const lines = wrong.map((sentence) => `  ${sentence}`).join('\n');
  const flags = packages.map((name) => `--skip-addons '${name}'`).join(' ');
  return new NativeFileError(
    `${count} of the release cannot work in ${target}:\n${lines}\n  If the program does without on ${target}: ${flags}`,
  );
}

function foreignNotice(target: string, { foreign }: Held): string | undefined {
  const all = foreign.reduce((sum, { bytes }) => sum + bytes, 0);
  if (all < WORTH_A_LINE) return undefined;
  return (
    `${target} carries ${inMegabytes(all)} of native files for other systems (${largest(foreign)}), ` +
    'unpacked; a step in wrap.extraSteps.patch can add their paths to `without` of its context.'
  );
}
