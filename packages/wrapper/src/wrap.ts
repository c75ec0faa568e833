import { readAssembledRelease } from './assembled-release.ts';
import { type Build, buildExecutable, type Executable, packTarget } from './build.ts';
import { openBuildCache } from './build-cache.ts';
import type { Compression } from './compression.ts';
import type { OnEvent } from './events.ts';
import { fetchRuntimes, type Runtime } from './fetch-runtimes.ts';
import { outputPaths, writeExecutable } from './outputs.ts';
import { NoRuntimeError } from './runtimes/errors.ts';
import type { Target } from './targets.ts';

export interface WrapOptions {
  /** The assembled release. */
  readonly directory: string;
  /** The programs to make executables of; all of the release's by default. */
  readonly programs?: readonly string[];
  readonly targets: readonly Target[];
  /** Version, range, path, URL or directory of the runtime. Default: the newest release of line 24. */
  readonly range?: string;
  /** Lets targets have different runtime versions. */
  readonly perTarget?: boolean;
  /** Default: `best`. */
  readonly compression?: Compression;
  /** Drop the runtime's symbol table on Linux. Default: true. */
  readonly strip?: boolean;
  /** Installed versions kept on the user's machine, the current one included. Default: 2. */
  readonly keep?: number;
  /** The word that reaches the stub as first argument; null for none. Default: `maintenance`. */
  readonly maintenance?: string | null;
  /** A directory, or the file when one executable is built. */
  readonly output: string;
  /** Where `sarma.lock.json` lies. */
  readonly project: string;
  readonly offline?: boolean;
  readonly frozen?: boolean;
  /** Targets built at once. Default: 2. */
  readonly jobs?: number;
  readonly onEvent?: OnEvent;
}

export interface Artifact {
  readonly target: string;
  readonly name: string;
  readonly file: string;
  readonly bytes: number;
  readonly replaced: boolean;
  readonly id: string;
  readonly parts: Executable['parts'];
  readonly milliseconds: number;
}

export type Outcome =
  | { readonly target: string; readonly artifacts: readonly Artifact[] }
  | { readonly target: string; readonly error: Error & { readonly code?: string } };

/**
 * Makes one executable per program and target of an assembled release. A target that fails does not take the others
 * with it: its outcome holds the error. Throws when nothing can be built at all (no release, no runtime, no output).
 */
export async function wrap(options: WrapOptions): Promise<readonly Outcome[]> {
  const onEvent = options.onEvent ?? (() => {});
  const release = await readAssembledRelease(options.directory);
  const programs = options.programs ?? Object.keys(release.entries);
  const fileOf = await outputPaths(options.output, programs, options.targets);
  const cache = openBuildCache();
  for (const target of options.targets) onEvent({ type: 'phase', target: target.name, phase: 'fetch' });
  const { runtimes, failures } = await runtimesFor(options.targets, options, saidOnce(onEvent));
  return await mapLimited(options.targets, options.jobs ?? 2, async (target) => {
    try {
      const runtime = runtimes.get(target.name);
      if (runtime === undefined) throw failures.get(target.name);
      const build: Build = {
        release,
        target,
        runtime,
        compression: options.compression ?? 'best',
        strip: options.strip ?? true,
        keep: options.keep ?? 2,
        maintenance: options.maintenance === undefined ? 'maintenance' : options.maintenance,
        cache,
        onEvent,
      };
      return { target: target.name, artifacts: await buildTarget(build, programs, fileOf) };
    } catch (error) {
      const { code = 'UNEXPECTED', message } = error as NodeJS.ErrnoException;
      onEvent({ type: 'failure', target: target.name, code, message });
      return { target: target.name, error: error as Error };
    }
  });
}

/** Sources are asked again for what is left of the targets; what is to be said of them is said the first time. */
function saidOnce(onEvent: OnEvent): OnEvent {
  const said = new Set<string>();
  return (event) => {
    if (event.type !== 'notice' || !said.has(event.message)) onEvent(event);
    if (event.type === 'notice') said.add(event.message);
  };
}

interface Runtimes {
  readonly runtimes: ReadonlyMap<string, Runtime>;
  readonly failures: ReadonlyMap<string, Error>;
}

/** The runtimes of the targets. A target that has none in the range is left out, with its own error, and the others go on. */
async function runtimesFor(
  targets: readonly Target[],
  options: WrapOptions,
  onEvent: OnEvent,
): Promise<Runtimes> {
  const fetch = async (some: readonly Target[]) =>
    await fetchRuntimes({
      targets: some,
      project: options.project,
      ...(options.range !== undefined && { range: options.range }),
      offline: options.offline ?? false,
      frozen: options.frozen ?? false,
      perTarget: options.perTarget ?? false,
      onEvent,
    });
  try {
    return { runtimes: await fetch(targets), failures: new Map() };
  } catch (error) {
    if (!(error instanceof NoRuntimeError) || targets.length === 1) throw error;
    const isMissing = ({ name }: Target) => error.targets.includes(name);
    if (targets.every(isMissing) || !targets.some(isMissing)) throw error;
    const rest = await runtimesFor(
      targets.filter((target) => !isMissing(target)),
      options,
      onEvent,
    );
    const failures = new Map(rest.failures);
    for (const target of targets.filter(isMissing)) {
      // Asked alone, it says what there is for it alone.
      await fetch([target]).catch((own) => failures.set(target.name, own));
    }
    return { runtimes: rest.runtimes, failures };
  }
}

async function buildTarget(
  build: Build,
  programs: readonly string[],
  fileOf: (program: string, target: Target) => string,
): Promise<Artifact[]> {
  const { target, onEvent } = build;
  const started = performance.now();
  onEvent({ type: 'phase', target: target.name, phase: 'patch' });
  const packed = await packTarget(build);
  onEvent({ type: 'phase', target: target.name, phase: 'build' });
  const artifacts: Artifact[] = [];
  for (const program of programs) {
    const executable = await buildExecutable(build, packed, program);
    const file = fileOf(program, target);
    const replaced = await writeExecutable(file, executable.bytes);
    const bytes = executable.bytes.length;
    onEvent({ type: 'artifact', target: target.name, file, bytes });
    artifacts.push({
      target: target.name,
      name: program,
      file,
      bytes,
      replaced,
      id: executable.id,
      parts: executable.parts,
      milliseconds: performance.now() - started,
    });
  }
  return artifacts;
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
