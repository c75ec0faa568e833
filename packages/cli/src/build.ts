import path from 'node:path';
import {
  type AssembledRelease,
  assemble,
  includeLauncher,
  includeRuntime,
  loadRelease,
  type Release,
  ReleaseError,
  type ReleaseOptions,
  runSteps,
  type StepActions,
  tryVmArgs,
} from '@sarma/release';
import type { FoundVersion } from '@sarma/release/appup';
import {
  addonFinder,
  type Compression,
  defaultRange,
  type FindAddons,
  fetchRuntimes,
  hostTarget,
  isNamedFile,
  launcherPath,
  loadTargets,
  type Matrix,
  type Outcome,
  outputPaths,
  singleTargets,
  stubTarget,
  type Target,
  toldAddons,
  warnOfNatives,
  wrap,
} from '@sarma/wrapper';
import {
  type ChosenTargets,
  chooseTargets,
  knownHost,
  namedTargets,
  type TargetChoice,
} from './choose-targets.ts';
import type { OnBuildEvent } from './events.ts';
import { executableSettings, startArguments } from './executable-settings.ts';
import { OWN_MODULE } from './own-module.ts';
import { type Runtimes, runtimeFor, tarTargets } from './tar-targets.ts';

export interface AssembleOptions extends ReleaseOptions {
  /** Version, range, path or URL of the runtime. Default: the release's, `engines.node` where it narrows, else the wrapper's. */
  readonly runtime?: string | undefined;
  /** Lets targets have different versions of the runtime. Default: what the release says. */
  readonly perTarget?: boolean | undefined;
  readonly offline?: boolean | undefined;
  readonly frozen?: boolean | undefined;
  /** Patterns of native files that are not held to the target, besides those of the release. */
  readonly skipAddons?: readonly string[] | undefined;
  /** Versions, directories and tars that the steps `appup` and `relup` lead from. Default: what the release says. */
  readonly upgradeFrom?: readonly string[] | undefined;
  /** Ends commands of the configuration, and programs that are checked, while they run; their targets then fail. */
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: OnBuildEvent | undefined;
}

/** What decides a build. Every key but `project` has a default. */
export interface BuildOptions extends AssembleOptions, TargetChoice {
  /** Default: the release's; else `balanced` for this machine, else `best`. */
  readonly compression?: Compression | undefined;
  /** What the executables are made of. Default: what the release says, else `stub`. */
  readonly engine?: 'stub' | 'pkg' | undefined;
  /** How many targets are built at once. Default: 2. */
  readonly jobs?: number | undefined;
  /**
   * Starts the executables of this machine's target, with these arguments; true: with those that the release names, if it
   * does. Default: what the release says, else not.
   */
  readonly verify?: boolean | readonly string[] | undefined;
}

/**
 * Project → release → assembled release → one executable per program and target: the release's steps, one after the
 * other, with `wrap` behind them if they lack it. A target that fails in `tar` or `wrap` does not take the others with
 * it: its outcome holds the error, and of the steps behind only `wrap` is done, for the others. Throws ReleaseError, UnknownTargetError, what `wrap` of
 * the wrapper throws, and what steps of the user throw.
 */
export async function build(options: BuildOptions): Promise<readonly Outcome[]> {
  const release = await loadReported(options);
  if (!release.options.runtime.include) throw noRuntimeToWrap(release);
  const steps = release.steps.includes('wrap') ? release.steps : [...release.steps, 'wrap' as const];
  const outcomes: Outcome[] = [];
  await doSteps({ ...release, steps }, options, outcomes);
  return outcomes;
}

/** A directory, and the targets that the step `tar` failed for. */
export interface Assembly {
  readonly assembled: AssembledRelease;
  readonly failures: readonly Outcome[];
}

/**
 * Project → release → assembled release, with the runtime of this machine in it: the release's steps but `wrap`.
 * Throws ReleaseError, what fetching the runtime throws, and what steps of the user throw.
 */
export async function assembleProject(options: AssembleOptions & TargetChoice): Promise<Assembly> {
  const release = await loadReported(options);
  const steps = release.steps.filter((step) => step !== 'wrap');
  const failures: Outcome[] = [];
  const { assembled } = await doSteps({ ...release, steps }, options, failures);
  return { assembled: assembled!, failures };
}

/** `loadRelease`, told as an event. What the options say of runtime and addons is what the release says from here on. */
async function loadReported({
  onEvent,
  runtime,
  perTarget,
  skipAddons = [],
  ...options
}: AssembleOptions): Promise<Release> {
  const release = await loadRelease({ sarma: OWN_MODULE, ...options });
  const { name, version, project, notes, options: settings } = release;
  onEvent?.({ type: 'release', name, version, project, programs: Object.keys(release.entries), notes });
  const chosen = {
    ...settings.runtime,
    ...(runtime !== undefined && { version: runtime }),
    ...(perTarget !== undefined && { perTarget }),
  };
  const { addons } = settings.wrap;
  const wrapSettings = { ...settings.wrap, addons: { ...addons, skip: [...addons.skip, ...skipAddons] } };
  return { ...release, options: { ...settings, runtime: chosen, wrap: wrapSettings } };
}

function noRuntimeToWrap({ name, options }: Release): ReleaseError {
  const where = options.configFile ?? 'the configuration';
  return new ReleaseError(
    'RUNTIME_NOT_INCLUDED',
    `${name} has runtime.include: false in ${where}, and an executable needs a runtime. ` +
      'Take that away for this environment, or make only a directory: sarma assemble',
  );
}

/** What the steps that have names are done with. */
interface Work {
  readonly options: BuildOptions;
  readonly matrix: Matrix;
  readonly onEvent: OnBuildEvent;
  /** Shared by `tar` and `wrap`. */
  readonly addons: FindAddons;
}

async function doSteps(release: Release, options: BuildOptions, outcomes: Outcome[]): Promise<Release> {
  const onEvent = options.onEvent ?? (() => {});
  const addons = toldAddons(addonFinder(runtimeRequest(release, options)), onEvent);
  const matrix = await loadTargets(release.project);
  const earlier = await earlierOf(release, options);
  const work: Work = { options, onEvent, addons, matrix };
  checkTargets(release, work);
  const actions: StepActions = {
    assemble: (before) => assembleStep(before, work),
    appup: async (before) => (await import('./upgrade-steps.ts')).appupStep(before, earlier, onEvent),
    relup: async (before) => (await import('./upgrade-steps.ts')).relupStep(before, earlier, onEvent),
    tar: (before) => tarStep(before, work, outcomes),
    wrap: (before) => wrapStep(before, work, outcomes),
  };
  return await runSteps(release, actions, onEvent);
}

/**
 * What the steps `appup` and `relup` lead from, read before `assemble` replaces what lies there. A release without them does
 * not even load what can read it.
 */
async function earlierOf(release: Release, { upgradeFrom }: BuildOptions): Promise<readonly FoundVersion[]> {
  if (!release.steps.includes('appup') && !release.steps.includes('relup')) return [];
  const { earlierVersions } = await import('@sarma/release/appup');
  return await earlierVersions(release, upgradeFrom);
}

/** Before anything is made or replaced: what does not exist stops the build now, not when its turn has come. */
function checkTargets(release: Release, work: Work): void {
  ownTarget(release, work);
  if (isPacked(release)) chosenTargets(release, work);
  else namedTargets(work.matrix, work.options, release.options.targets, process.env);
}

async function assembleStep(release: Release, work: Work): Promise<Release> {
  const started = performance.now();
  const assembled = await assemble(release, work.onEvent);
  const { path: directory, files, bytes } = assembled;
  const own = ownTarget(release, work);
  if (own !== undefined && (isRunInPlace(release) || release.options.vmArgs !== undefined)) {
    const runtime = runtimeFor(own, await runtimes(release, work, [own]));
    const { version, file } = runtime;
    await tryVmArgs(release, file);
    if (isRunInPlace(release)) {
      await includeRuntime(directory, { version, file, windows: own.os === 'win' });
      if (release.kind === 'service' && own.os !== 'win')
        await includeLauncher(directory, release.version, launcherPath(stubTarget(own)));
      const settings = executableSettings(release);
      await warnOfNatives(directory, { target: own, runtime, settings }, work.onEvent);
    }
  }
  work.onEvent({ type: 'assembled', directory, files, bytes, milliseconds: performance.now() - started });
  return { ...release, assembled };
}

async function tarStep(release: Release, work: Work, outcomes: Outcome[]): Promise<Release> {
  const { targets } = chosenTargets(release, work);
  const failures = await tarTargets({
    assembled: release.assembled!,
    targets,
    runtimes: release.options.runtime.include ? await runtimes(release, work, targets) : undefined,
    addons: work.addons,
    settings: release.options.wrap,
    folder: await tarFolder(release, work, targets),
    withChecksums: await hasChecksums(release, work, targets),
    onEvent: work.onEvent,
  });
  outcomes.push(...failures);
  if (failures.length === 0) return release;
  const isRest = failures.length < targets.length;
  return { ...release, steps: release.steps.filter((step) => step === 'wrap' && isRest) };
}

/** Beside the executables: the output may name the file of the one that is made. */
async function tarFolder(release: Release, work: Work, targets: readonly Target[]): Promise<string> {
  if (!release.steps.includes('wrap')) return release.output;
  const fileOf = await outputPaths(outputOf(release, work), Object.keys(release.assembled!.entries), targets);
  return path.dirname(fileOf(release.name, targets[0]!));
}

/** A folder where the user named one file is not ours to put anything else into. */
async function hasChecksums(release: Release, work: Work, targets: readonly Target[]): Promise<boolean> {
  if (!release.steps.includes('wrap')) return true;
  const programs = Object.keys(release.assembled!.entries);
  return !(await isNamedFile(outputOf(release, work), programs, targets));
}

/** As it was given, for a slash at its end says that it is a folder. */
function outputOf({ output }: Release, { options }: Work): string {
  return options.output ?? output;
}

async function wrapStep(release: Release, work: Work, outcomes: Outcome[]): Promise<Release> {
  const { options, matrix, onEvent } = work;
  const started = performance.now();
  const { targets: chosen, isHost, byDefault } = chosenTargets(release, work);
  const targets = chosen.filter(({ name }) => !outcomes.some(({ target }) => target === name));
  const names = targets.map(({ name }) => name);
  if (byDefault) {
    const message = `For this machine (${names[0]}); --target all is for all ${singleTargets([...matrix.values()]).length} targets.`;
    onEvent({ type: 'notice', level: 'info', message });
  }
  onEvent({ type: 'targets', targets: names });
  await warnOfEnding(release, work, targets);
  const settings = release.options.wrap;
  outcomes.push(
    ...(await wrap({
      ...runtimeRequest(release, options),
      addons: work.addons,
      directory: release.assembled!.path,
      targets,
      compression: options.compression ?? settings.compression ?? (isHost ? 'balanced' : 'best'),
      engine: options.engine ?? settings.engine ?? 'stub',
      output: outputOf(release, work),
      ...(options.jobs !== undefined && { jobs: options.jobs }),
      settings: executableSettings(release),
      verify: startArguments(options.verify, settings.verify),
      extraSteps: settings.extraSteps,
      phases: settings.phases,
    })),
  );
  const artifacts = outcomes.flatMap((outcome) => ('error' in outcome ? [] : outcome.artifacts));
  onEvent({ type: 'finished', artifacts, milliseconds: performance.now() - started });
  return outcomes.some((outcome) => 'error' in outcome) ? { ...release, steps: [] } : release;
}

/** Whoever names the file gets that file. */
async function warnOfEnding(release: Release, work: Work, targets: readonly Target[]): Promise<void> {
  const output = outputOf(release, work);
  const isForWindows = targets.some(({ os }) => os === 'win');
  if (!isForWindows || /\.exe$/i.test(output)) return;
  if (!(await isNamedFile(output, Object.keys(release.assembled!.entries), targets))) return;
  const message = `${output} is for Windows, which starts programs that end in .exe only; name it ${output}.exe.`;
  work.onEvent({ type: 'notice', level: 'warning', message });
}

function chosenTargets({ options: settings }: Release, { matrix, options }: Work): ChosenTargets {
  return chooseTargets(matrix, options, settings.targets, process.env);
}

/** This machine, when the release is made for it. */
function ownTarget(release: Release, work: Work): Target | undefined {
  if (!release.options.runtime.include) return undefined;
  if (!release.steps.includes('wrap')) return hostTarget(work.matrix);
  const host = knownHost(work.matrix);
  return chosenTargets(release, work).targets.find((target) => target === host);
}

/**
 * Whether the directory is to run where it lies: it is all that is made, or a service that is also wrapped for this
 * machine. The runtime then costs no copy.
 */
function isRunInPlace({ steps, kind }: Release): boolean {
  return kind === 'service' || !steps.includes('wrap');
}

/**
 * The runtimes of these targets and of all that come later: asked for together, they get one version, and the lock
 * file is written once.
 */
async function runtimes(release: Release, work: Work, targets: readonly Target[]): Promise<Runtimes> {
  const later = isPacked(release) ? chosenTargets(release, work).targets : [];
  const all = [...new Set([...targets, ...later])];
  return await fetchRuntimes({ ...runtimeRequest(release, work.options), targets: all });
}

function isPacked({ steps }: Release): boolean {
  return steps.includes('tar') || steps.includes('wrap');
}

/** What decides runtimes and addons. */
function runtimeRequest(
  { project, manifest, options: { runtime } }: Release,
  { offline = false, frozen = false, signal, onEvent = () => {} }: AssembleOptions,
) {
  return {
    project,
    range: runtime.version ?? defaultRange(manifest.engines?.node),
    offline,
    frozen,
    perTarget: runtime.perTarget,
    ...(signal !== undefined && { signal }),
    onEvent,
  };
}
