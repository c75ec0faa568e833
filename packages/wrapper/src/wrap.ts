import { addonFinder, type FindAddons } from './addons/find-addons.ts';
import { toldAddons } from './addons/told-addons.ts';
import type { Artifact } from './artifact.ts';
import { readAssembledRelease } from './assembled-release.ts';
import { openBuildCache } from './build-cache.ts';
import type { Compression } from './compression.ts';
import { deliverTo } from './deliver.ts';
import { pkgEngine } from './engines/pkg-engine.ts';
import { mapLimited } from './map-limited.ts';
import { checkReplaceable, isNamedFile, outputPaths } from './outputs.ts';
import { lockedIntegrity } from './packages/package-lock.ts';
import { planPhases } from './phases.ts';
import { withProofs } from './proofs.ts';
import { pruneFrames } from './prune-frames.ts';
import { once } from './runtimes/once.ts';
import { fetchRuntimes, type RuntimeRequest, type Runtimes } from './runtimes/resolve.ts';
import type { ExecutableSettings } from './settings.ts';
import { startedTarget } from './start-check.ts';
import { type Builds, targetBuild } from './target-build.ts';
import type { Target } from './targets.ts';
import { sliceEvents } from './universal.ts';

export interface WrapOptions extends Omit<RuntimeRequest, 'cache' | 'env'> {
  /** The assembled release. */
  readonly directory: string;
  /** Default: `best`. */
  readonly compression?: Compression;
  /** A directory, or the file when one executable is built. */
  readonly output: string;
  /** Targets built at once. Default: 2. */
  readonly jobs?: number;
  /** Default: DEFAULT_SETTINGS. */
  readonly settings?: ExecutableSettings;
  /** Phase → `{ pre, post }`, lists of functions from context to context that run before and after ours. */
  readonly extraSteps?: Readonly<Record<string, unknown>>;
  /** Phase → the list that replaces ours: functions, and our steps by their names. */
  readonly phases?: Readonly<Record<string, unknown>>;
  /** What the executables are made of: our stub, or `@yao-pkg/pkg`. Default: `stub`. */
  readonly engine?: 'stub' | 'pkg';
  /** Starts the executables of this machine's target once they are made, with these arguments. */
  readonly verify?: boolean | readonly string[];
  /** Finds native addons, and tells of them. Default: searches for them. */
  readonly addons?: FindAddons;
  /** Ends commands that the settings name, and programs that are checked, while they run; their targets then fail. */
  readonly signal?: AbortSignal;
}

export type Outcome = { readonly target: string; readonly artifacts: readonly Artifact[] } | Failure;

interface Failure {
  readonly target: string;
  readonly error: Error & { readonly code?: string };
}

/**
 * Makes one executable per program and target of an assembled release. A target that fails does not take the others
 * with it: its outcome holds the error. Throws when nothing can be built at all (no release, no runtime, no output).
 */
export async function wrap(options: WrapOptions): Promise<readonly Outcome[]> {
  const { onEvent = () => {} } = options;
  const { builds, endedWith } = await prepare(options);
  const attempt = async <Value>({ name }: Target, work: () => Promise<Value>): Promise<Value | Failure> => {
    try {
      return await work();
    } catch (error) {
      if (endedWith(error)) throw error;
      const { code = 'UNEXPECTED', message } = error as NodeJS.ErrnoException;
      onEvent({ type: 'failure', target: name, code, message });
      return { target: name, error: error as Error };
    }
  };
  const fetched = await Promise.all(
    options.targets.map(async (target) => {
      const { fetch, finish } = targetBuild(target, builds);
      const contexts = await attempt(target, fetch);
      return 'error' in contexts ? contexts : { target, finish: () => finish(contexts) };
    }),
  );
  const outcomes = await mapLimited(fetched, options.jobs ?? 2, async (ready) =>
    'error' in ready ? ready : await attempt(ready.target, ready.finish),
  );
  await pruneFrames(builds.tools.cache).catch(({ message }: Error) =>
    onEvent({ type: 'notice', level: 'detail', message: `The build cache could not be pruned: ${message}` }),
  );
  return outcomes;
}

/** All that is checked before anything is made. `endedWith` says of an error that it is everybody's. */
async function prepare(options: WrapOptions) {
  const { project, targets, signal, onEvent = () => {} } = options;
  const plan = planPhases(options.extraSteps, options.phases);
  const release = await readAssembledRelease(options.directory);
  const { fileOf, named } = await outputsOf(options, Object.keys(release.entries));
  const cache = openBuildCache();
  // Every target is packed after all have been fetched, so nothing is locked any more.
  const integrity = once(lockedIntegrity);
  const engine = options.engine === 'pkg' ? await pkgEngine(options, fileOf, !named) : undefined;
  const { runtimes, endedWith } = fetchOnce(engine?.request ?? options);
  const delivery = deliverTo(fileOf, { directory: project, signal, onEvent });
  const tools = {
    cache,
    runtimes,
    addons: options.addons ?? toldAddons(addonFinder({ ...options, cache }), sliceEvents(targets, onEvent)),
    engine: engine?.steps,
    integrity: () => integrity(project),
    trial: { project, signal },
  };
  const builds: Builds = {
    options,
    plan,
    release,
    tools,
    fileOf,
    deliver: named ? delivery : withProofs(delivery, onEvent),
    started: startedTarget(options),
    onEvent,
  };
  return { builds, endedWith };
}

async function outputsOf({ output, targets }: WrapOptions, programs: readonly string[]) {
  const named = await isNamedFile(output, programs, targets);
  const fileOf = await outputPaths(output, programs, targets);
  for (const target of targets) {
    for (const program of programs) await checkReplaceable(fileOf(program, target));
  }
  return { fileOf, named };
}

/** The runtimes of all targets are one request: they get one version. A failure of the request ends everything. */
function fetchOnce(options: RuntimeRequest) {
  const onEvent = sliceEvents(options.targets, options.onEvent ?? (() => {}));
  let request: Promise<Runtimes> | undefined;
  let failure: { readonly error: unknown } | undefined;
  return {
    runtimes: () => {
      request ??= fetchRuntimes({ ...options, onEvent }).catch((error) => {
        failure = { error };
        throw error;
      });
      return request;
    },
    endedWith: (error: unknown) => failure !== undefined && failure.error === error,
  };
}
