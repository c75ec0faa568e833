import { stat } from 'node:fs/promises';
import path from 'node:path';
import {
  type AssembledRelease,
  assemble,
  includeRuntime,
  loadRelease,
  type Release,
  ReleaseError,
  type ReleaseOptions,
  runSteps,
  type StepActions,
  tarRelease,
  tryVmArgs,
} from '@sarma/release';
import {
  type About,
  addChecksums,
  addonFinder,
  assembledPackages,
  type Compression,
  checkDirectory,
  defaultRange,
  type ExecutableSettings,
  fetchRuntimes,
  hostTarget,
  isNamedFile,
  launcherPath,
  loadTargets,
  type Matrix,
  type Outcome,
  outputPaths,
  type Runtime,
  reportMissing,
  singleTargets,
  type Target,
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
import { OWN_MODULE } from './own-module.ts';

export interface AssembleOptions extends ReleaseOptions {
  /** Version, range, path or URL of the runtime. Default: the release's, `engines.node` where it narrows, else the wrapper's. */
  readonly runtime?: string | undefined;
  /** Lets targets have different versions of the runtime. Default: what the release says. */
  readonly perTarget?: boolean | undefined;
  readonly offline?: boolean | undefined;
  readonly frozen?: boolean | undefined;
  /** Patterns of native files that are not held to the target, besides those of the release. */
  readonly skipAddons?: readonly string[] | undefined;
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
  /** Starts the executables of this machine's target, with these arguments. Default: what the release says, else not. */
  readonly verify?: boolean | readonly string[] | undefined;
  /** Ends commands of the configuration (`wrap.macos.sign`) while they run; their targets then fail. */
  readonly signal?: AbortSignal | undefined;
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
  const outcomes: Outcome[] = [];
  await doSteps({ ...release, steps }, options, outcomes);
  return outcomes;
}

/**
 * Project → release → assembled release, with the runtime of this machine in it: the release's steps but `wrap`.
 * Throws ReleaseError, what fetching the runtime throws, and what steps of the user throw.
 */
export async function assembleProject(options: AssembleOptions & TargetChoice): Promise<AssembledRelease> {
  const release = await loadReported(options);
  const steps = release.steps.filter((step) => step !== 'wrap');
  const done = await doSteps({ ...release, steps }, options, []);
  return done.assembled!;
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
}

async function doSteps(release: Release, options: BuildOptions, outcomes: Outcome[]): Promise<Release> {
  const onEvent = options.onEvent ?? (() => {});
  const work: Work = { options, onEvent, matrix: await loadTargets(release.project) };
  checkTargets(release, work);
  const actions: StepActions = {
    assemble: (before) => assembleStep(before, work),
    tar: (before) => tarStep(before, work),
    wrap: (before) => wrapStep(before, work, outcomes),
  };
  return await runSteps(release, actions, onEvent);
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
      const settings = executableSettings(release);
      await warnOfNatives(directory, { target: own, runtime, settings }, work.onEvent);
    }
  }
  work.onEvent({ type: 'assembled', directory, files, bytes, milliseconds: performance.now() - started });
  return { ...release, assembled };
}

async function tarStep(release: Release, work: Work): Promise<Release> {
  const { targets } = chosenTargets(release, work);
  const folder = await tarFolder(release, work, targets);
  const found = release.options.runtime.include ? await runtimes(release, work, targets) : undefined;
  const find = addonFinder(runtimeRequest(release, work));
  const packages = await assembledPackages(release.assembled!.path);
  const proven = await hasChecksums(release, work, targets);
  for (const target of singleTargets(targets)) {
    const started = performance.now();
    const runtime = found && runtimeFor(target, found);
    const settings = release.options.wrap.addons;
    const addons = await find(packages, { target, runtime, settings });
    if (addons.found.length > 0) work.onEvent({ type: 'addons', target: target.name, found: addons.found });
    reportMissing(addons.found, target.name, work.onEvent);
    const { without, files } = addons;
    const checked = { target, runtime, without, files, settings: { addons: settings } };
    await checkDirectory(release.assembled!.path, checked, work.onEvent);
    const file = await tarRelease(release.assembled!, {
      target: target.name,
      windows: target.os === 'win',
      runtime,
      without: addons.without,
      files: addons.files.map(({ content, ...file }) => ({ ...file, from: content })),
      launcher: launcherPath(target.name),
      output: folder,
    });
    if (proven) await addChecksums(folder, [file]);
    const { size } = await stat(file);
    const milliseconds = performance.now() - started;
    work.onEvent({ type: 'tar', target: target.name, file, bytes: size, milliseconds });
  }
  return release;
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
  const { targets, isHost, byDefault } = chosenTargets(release, work);
  const names = targets.map(({ name }) => name);
  if (byDefault) {
    const message = `For this machine (${names[0]}); --target all is for all ${singleTargets([...matrix.values()]).length} targets.`;
    onEvent({ type: 'notice', level: 'info', message });
  }
  onEvent({ type: 'targets', targets: names });
  const settings = release.options.wrap;
  outcomes.push(
    ...(await wrap({
      ...runtimeRequest(release, work),
      directory: release.assembled!.path,
      targets,
      compression: options.compression ?? settings.compression ?? (isHost ? 'balanced' : 'best'),
      engine: options.engine ?? settings.engine ?? 'stub',
      output: outputOf(release, work),
      ...(options.jobs !== undefined && { jobs: options.jobs }),
      ...(options.signal !== undefined && { signal: options.signal }),
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

/** Where the option says only that, it is the release that says with which arguments. */
function startArguments(
  option: BuildOptions['verify'],
  setting: Release['options']['wrap']['verify'],
): boolean | readonly string[] {
  if (option === undefined || (option === true && Array.isArray(setting))) return setting ?? false;
  return option;
}

function executableSettings({ manifest, options: { runtime, wrap: settings } }: Release): ExecutableSettings {
  const { locales, addons, macos, windows } = settings;
  return { strip: runtime.strip, locales, addons, macos, windows, about: about(manifest) };
}

/** npm's `author` is a line (`Ann <ann@example.org> (https://…)`) or an object. */
function about({ description, author, license, homepage }: Release['manifest']): About {
  const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);
  const name = text(author) ?? text((author as { name?: unknown } | null | undefined)?.name);
  return {
    description: text(description),
    author: text(name?.replace(/\s*[<(].*$/, '')),
    license: text(license),
    homepage: text(homepage),
  };
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
  return await fetchRuntimes({ ...runtimeRequest(release, work), targets: all });
}

function isPacked({ steps }: Release): boolean {
  return steps.includes('tar') || steps.includes('wrap');
}

type Runtimes = Awaited<ReturnType<typeof fetchRuntimes>>;

function runtimeRequest({ project, manifest, options: { runtime } }: Release, { options, onEvent }: Work) {
  return {
    project,
    range: runtime.version ?? defaultRange(manifest.engines?.node),
    offline: options.offline ?? false,
    frozen: options.frozen ?? false,
    perTarget: runtime.perTarget,
    onEvent,
  };
}

function runtimeFor({ name }: Target, { runtimes, failures }: Runtimes): Runtime {
  const runtime = runtimes.get(name);
  if (runtime === undefined) throw failures.get(name)!;
  return runtime;
}
