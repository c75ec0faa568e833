import { readAssembledRelease } from './assembled-release.ts';
import { type Build, buildExecutable, type Executable, packTarget } from './build.ts';
import { openBuildCache } from './build-cache.ts';
import type { Compression } from './compression.ts';
import { checkReplaceable, outputPaths, writeExecutable } from './outputs.ts';
import { fetchRuntimes, type RuntimeRequest } from './runtimes/resolve.ts';
import type { Target } from './targets.ts';

export interface WrapOptions extends Omit<RuntimeRequest, 'cache' | 'env'> {
  /** The assembled release. */
  readonly directory: string;
  /** Default: `best`. */
  readonly compression?: Compression;
  /** A directory, or the file when one executable is built. */
  readonly output: string;
  /** Targets built at once. Default: 2. */
  readonly jobs?: number;
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
  const programs = Object.keys(release.entries);
  const fileOf = await outputPaths(options.output, programs, options.targets);
  for (const target of options.targets) {
    for (const program of programs) await checkReplaceable(fileOf(program, target));
  }
  const cache = openBuildCache();
  for (const target of options.targets) onEvent({ type: 'phase', target: target.name, phase: 'fetch' });
  const { runtimes, failures } = await fetchRuntimes(options);
  return await mapLimited(options.targets, options.jobs ?? 2, async (target) => {
    try {
      const runtime = runtimes.get(target.name);
      if (runtime === undefined) throw failures.get(target.name);
      const build: Build = {
        release,
        target,
        runtime,
        compression: options.compression ?? 'best',
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
