import type { AssembledRelease, Release, ReleaseOptions } from '@sarma/release';
import { assemble, includeRuntime, loadRelease, ReleaseError, runSteps } from '@sarma/release';
import {
  type Compression,
  defaultRange,
  fetchRuntimes,
  hostTarget,
  launcherPath,
  loadTargets,
  type Matrix,
  type Outcome,
  type Runtime,
  type Target,
  wrap,
} from '@sarma/wrapper';
import { chooseTargets, type TargetChoice } from './choose-targets.ts';
import type { OnBuildEvent } from './events.ts';
import { OWN_MODULE } from './own-module.ts';

export interface AssembleOptions extends ReleaseOptions {
  /** Version, range, path or URL of the runtime. Default: the release's, `engines.node` where it narrows, else the wrapper's. */
  readonly runtime?: string | undefined;
  /** Lets targets have different versions of the runtime. Default: what the release says. */
  readonly perTarget?: boolean | undefined;
  readonly offline?: boolean | undefined;
  readonly frozen?: boolean | undefined;
  readonly onEvent?: OnBuildEvent | undefined;
}

/** What decides a build. Every key but `project` has a default. */
export interface BuildOptions extends AssembleOptions, TargetChoice {
  /** Default: the release's; else `balanced` for this machine, else `best`. */
  readonly compression?: Compression | undefined;
  /** How many targets are built at once. Default: 2. */
  readonly jobs?: number | undefined;
}

/**
 * Project → release → assembled release → one executable per program and target: the release's steps, one after the
 * other, with `wrap` behind them if they lack it. A target that fails does not take the others with it: its outcome
 * holds the error, and the steps behind `wrap` are not done. Throws ReleaseError, UnknownTargetError, what `wrap` of
 * the wrapper throws, and what steps of the user throw.
 */
export async function build(options: BuildOptions): Promise<readonly Outcome[]> {
  const release = await loadReported(options);
  if (!release.options.runtime.include) throw noRuntimeToWrap(release);
  const steps = release.steps.includes('wrap') ? release.steps : [...release.steps, 'wrap' as const];
  const work = await openWork(options, release);
  await runSteps({ ...release, steps }, work.actions, work.onEvent);
  return work.outcomes;
}

/**
 * Project → release → assembled release, with the runtime of this machine in it: the release's steps but `wrap`.
 * Throws ReleaseError, what fetching the runtime throws, and what steps of the user throw.
 */
export async function assembleProject(options: AssembleOptions & TargetChoice): Promise<AssembledRelease> {
  const release = await loadReported(options);
  const steps = release.steps.filter((step) => step !== 'wrap');
  const work = await openWork(options, release);
  const done = await runSteps({ ...release, steps }, work.actions, work.onEvent);
  return done.assembled!;
}

/** `loadRelease`, told as an event. */
async function loadReported({ onEvent, ...options }: AssembleOptions): Promise<Release> {
  const release = await loadRelease({ sarma: OWN_MODULE, ...options });
  const { name, version, project, notes } = release;
  onEvent?.({ type: 'release', name, version, project, programs: Object.keys(release.entries), notes });
  return release;
}

function noRuntimeToWrap({ name, options }: Release): ReleaseError {
  const where = options.configFile ?? 'the configuration';
  return new ReleaseError(
    'RUNTIME_NOT_INCLUDED',
    `${name} has runtime.include: false in ${where}, and an executable needs a runtime. ` +
      'Take that away for this environment, or make only a directory: sarma assemble',
  );
}

/** The steps that have names, and what they leave. */
async function openWork(options: BuildOptions, first: Release) {
  const onEvent = options.onEvent ?? (() => {});
  const matrix = await loadTargets(first.project);
  const outcomes: Outcome[] = [];
  const chosen = (release: Release) => chooseTargets(matrix, options, release.options.targets, process.env);
  const runtimesFor = (release: Release, targets: readonly Target[]) => runtimes(options, release, targets);
  return {
    onEvent,
    outcomes,
    actions: {
      assemble: async (release: Release): Promise<Release> => {
        const started = performance.now();
        const assembled = await assemble(release, onEvent);
        const { path: directory, files, bytes } = assembled;
        const host = ownTarget(matrix, release, chosen(release).targets);
        if (host !== undefined) {
          const { version, file } = theRuntime(await runtimesFor(release, [host]), host);
          await includeRuntime(directory, { version, file, windows: host.os === 'win' });
        }
        onEvent({ type: 'assembled', directory, files, bytes, milliseconds: performance.now() - started });
        return { ...release, assembled };
      },
      tar: async (release: Release): Promise<Release> => {
        const { tarRelease } = await import('@sarma/release');
        const { targets } = chosen(release);
        const found = release.options.runtime.include ? await runtimesFor(release, targets) : undefined;
        for (const target of targets) {
          const started = performance.now();
          const file = await tarRelease(release.assembled!, {
            target: target.name,
            windows: target.os === 'win',
            runtime: found === undefined ? undefined : theRuntime(found, target),
            launcher: launcherPath(target.name),
            output: release.output,
          });
          const { size } = await import('node:fs/promises').then(({ stat }) => stat(file));
          const milliseconds = performance.now() - started;
          onEvent({ type: 'tar', target: target.name, file, bytes: size, milliseconds });
        }
        return release;
      },
      wrap: async (release: Release): Promise<Release> => {
        const started = performance.now();
        const { targets, isHost, byDefault } = chosen(release);
        const names = targets.map(({ name }) => name);
        if (byDefault) {
          const message = `For this machine (${names[0]}); --target all is for all ${matrix.size} targets.`;
          onEvent({ type: 'notice', level: 'info', message });
        }
        onEvent({ type: 'targets', targets: names });
        const settings = release.options.wrap;
        outcomes.push(
          ...(await wrap({
            ...runtimeRequest(options, release),
            directory: release.assembled!.path,
            targets,
            compression: options.compression ?? settings.compression ?? (isHost ? 'balanced' : 'best'),
            output: options.output ?? release.output,
            ...(options.jobs !== undefined && { jobs: options.jobs }),
            extraSteps: settings.extraSteps,
            phases: settings.phases,
          })),
        );
        const artifacts = outcomes.flatMap((outcome) => ('error' in outcome ? [] : outcome.artifacts));
        onEvent({ type: 'finished', artifacts, milliseconds: performance.now() - started });
        return outcomes.some((outcome) => 'error' in outcome) ? { ...release, steps: [] } : release;
      },
    },
  };
}

/**
 * This machine, when the directory is to run where it lies: it is all that is made, or a service that is also wrapped
 * for this machine. The runtime then costs no copy.
 */
function ownTarget(matrix: Matrix, { kind, options, steps }: Release, targets: readonly Target[]) {
  if (!options.runtime.include) return undefined;
  const host = hostTarget(matrix);
  return !steps.includes('wrap') || (kind === 'service' && targets.includes(host)) ? host : undefined;
}

function runtimeRequest(options: BuildOptions, { project, manifest, options: settings }: Release) {
  return {
    project,
    range: options.runtime ?? settings.runtime.version ?? defaultRange(manifest.engines?.node),
    offline: options.offline ?? false,
    frozen: options.frozen ?? false,
    perTarget: options.perTarget ?? settings.runtime.perTarget,
    ...(options.onEvent !== undefined && { onEvent: options.onEvent }),
  };
}

async function runtimes(options: BuildOptions, release: Release, targets: readonly Target[]) {
  return await fetchRuntimes({ ...runtimeRequest(options, release), targets });
}

function theRuntime(
  { runtimes, failures }: Awaited<ReturnType<typeof fetchRuntimes>>,
  { name }: Target,
): Runtime {
  const runtime = runtimes.get(name);
  if (runtime === undefined) throw failures.get(name)!;
  return runtime;
}
