import { addonFinder } from './addons/find-addons.ts';
import type { Artifact } from './artifact.ts';
import { type AssembledRelease, readAssembledRelease } from './assembled-release.ts';
import { openBuildCache } from './build-cache.ts';
import type { Compression } from './compression.ts';
import { type Deliver, deliverTo } from './deliver.ts';
import { type PkgTools, pkgSteps, refuseUniversal } from './engines/pkg.ts';
import type { OnEvent } from './events.ts';
import { checkReplaceable, isNamedFile, outputPaths } from './outputs.ts';
import { ownSteps } from './own-steps.ts';
import { type BuildContext, type BuildPlan, type Phase, planPhases, runPhase } from './phases.ts';
import { privateCopy } from './private-copy.ts';
import { withProofs } from './proofs.ts';
import { fetchRuntimes, type RuntimeRequest, type Runtimes } from './runtimes/resolve.ts';
import { lockedIntegrity } from './sbom/locked-integrity.ts';
import { DEFAULT_SETTINGS, type ExecutableSettings } from './settings.ts';
import { checkStarts, startedTarget } from './start-check.ts';
import { hostTarget, loadTargets, singleTargets, type Target } from './targets.ts';
import { checkOneRuntime, runtimeEvents, sliceJoiner } from './universal.ts';

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
  const { targets, onEvent = () => {} } = options;
  const plan = planPhases(options.extraSteps, options.phases);
  const release = await readAssembledRelease(options.directory);
  const programs = Object.keys(release.entries);
  const named = await isNamedFile(options.output, programs, targets);
  const fileOf = await outputPaths(options.output, programs, targets);
  for (const target of targets) {
    for (const program of programs) await checkReplaceable(fileOf(program, target));
  }
  const cache = openBuildCache();
  const integrity = () => lockedIntegrity(options.project);
  const addons = addonFinder({ ...options, cache, onEvent });
  const engine = options.engine === 'pkg' ? await pkgEngine(options, fileOf, !named) : undefined;
  const fetching = fetchOnce(engine?.request ?? options);
  const runWith = (deliver: Deliver, onEvent: OnEvent): RunPhase => {
    const tools = {
      cache,
      onEvent,
      runtimes: fetching.runtimes,
      addons,
      deliver,
      engine: engine?.steps,
      integrity,
    };
    const own = ownSteps(tools);
    return async (phase, context) => {
      onEvent({ type: 'phase', target: context.target.name, phase });
      return await runPhase(phase, plan[phase], own, context);
    };
  };
  const { project, signal, settings = DEFAULT_SETTINGS } = options;
  const delivery = deliverTo(fileOf, { directory: project, signal, onEvent });
  const deliver = named ? delivery : withProofs(delivery, onEvent);
  const started = startedTarget(options);
  const builds = targets.map((target) => {
    const slices = target.slices && sliceJoiner(target, release, settings, fileOf, deliver, onEvent);
    const run = runWith(slices?.keep ?? deliver, slices?.onEvent ?? onEvent);
    const fetch = async () => {
      if (engine !== undefined) refuseUniversal(target);
      const singles = singleTargets([target]);
      const contexts = await Promise.all(
        singles.map((one) => run('fetch', firstContext(release, one, options))),
      );
      checkOneRuntime(target, contexts);
      return contexts;
    };
    const finish = async (contexts: readonly BuildContext[]) => {
      const artifacts: Artifact[] = [];
      for (const context of contexts) {
        artifacts.push(...(await patchAndBuild(context, run, hasUserStep(plan.patch))));
      }
      const finished = (await slices?.join(artifacts)) ?? artifacts;
      if (target === started) await checkStarts(finished, release, cache, options);
      return { target: target.name, artifacts: finished };
    };
    return { target, fetch, finish };
  });
  const attempt = async <Value>({ name }: Target, work: () => Promise<Value>): Promise<Value | Failure> => {
    try {
      return await work();
    } catch (error) {
      if (fetching.endedWith(error)) throw error;
      const { code = 'UNEXPECTED', message } = error as NodeJS.ErrnoException;
      onEvent({ type: 'failure', target: name, code, message });
      return { target: name, error: error as Error };
    }
  };
  const fetched = await Promise.all(
    builds.map(async ({ target, fetch, finish }) => {
      const contexts = await attempt(target, fetch);
      return 'error' in contexts ? contexts : { target, finish: () => finish(contexts) };
    }),
  );
  return await mapLimited(fetched, options.jobs ?? 2, async (ready) =>
    'error' in ready ? ready : await attempt(ready.target, ready.finish),
  );
}

/** What the engine pkg needs; it also needs a runtime of this machine, of the targets' version. */
async function pkgEngine(
  options: WrapOptions,
  fileOf: PkgTools['fileOf'],
  withChecksums: boolean,
): Promise<{ readonly steps: ReturnType<typeof pkgSteps>; readonly request: RuntimeRequest }> {
  const { project, targets, perTarget = false, onEvent = () => {} } = options;
  const host = hostTarget(await loadTargets(project));
  const hasHost = targets.some(({ name }) => name === host.name);
  const request = perTarget || hasHost ? options : { ...options, targets: [...targets, host] };
  const hostRuntime = async (version: string) => {
    const { runtimes, failures } = await fetchRuntimes({ ...options, targets: [host], range: version });
    const runtime = runtimes.get(host.name);
    if (runtime === undefined) throw failures.get(host.name);
    return runtime;
  };
  return { steps: pkgSteps({ project, fileOf, hostRuntime, withChecksums, onEvent }), request };
}

type RunPhase = (phase: Phase, context: BuildContext) => Promise<BuildContext>;

function firstContext(
  release: AssembledRelease,
  target: Target,
  { compression = 'best', settings = DEFAULT_SETTINGS }: WrapOptions,
): BuildContext {
  return {
    target,
    release,
    directory: release.directory,
    files: [],
    without: [],
    settings,
    runtime: undefined,
    needs: [],
    tree: undefined,
    compression,
    resources: undefined,
    packed: undefined,
    artifacts: [],
    halted: false,
  };
}

/** What a step of the user changes in the directory is for this target alone. */
async function patchAndBuild(
  context: BuildContext,
  run: RunPhase,
  changesDirectory: boolean,
): Promise<readonly Artifact[]> {
  const copy = changesDirectory ? await privateCopy(context.release) : undefined;
  try {
    const patched = await run('patch', { ...context, directory: copy?.directory ?? context.directory });
    const { artifacts } = await run('build', patched);
    return artifacts;
  } finally {
    await copy?.remove();
  }
}

function hasUserStep(steps: BuildPlan[Phase]): boolean {
  return steps.some((step) => typeof step === 'function');
}

/** The runtimes of all targets are one request: they get one version. A failure of the request ends everything. */
function fetchOnce(options: RuntimeRequest) {
  const onEvent = runtimeEvents(options.targets, options.onEvent ?? (() => {}));
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

/** `Promise.all` of a mapping with at most `limit` at work at once; results in the order of the items. */
async function mapLimited<Item, Result>(
  items: readonly Item[],
  limit: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results = new Array<Result>(items.length);
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const index = next++;
      results[index] = await work(items[index]!);
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}
