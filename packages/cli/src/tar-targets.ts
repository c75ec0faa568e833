import { stat } from 'node:fs/promises';
import { type AssembledRelease, tarRelease } from '@sarma/release';
import {
  addChecksums,
  assembledPackages,
  checkDirectory,
  type ExecutableSettings,
  type FindAddons,
  type fetchRuntimes,
  launcherPath,
  type Outcome,
  type Runtime,
  singleTargets,
  stubTarget,
  type Target,
} from '@sarma/wrapper';
import type { OnBuildEvent } from './events.ts';

export type Runtimes = Awaited<ReturnType<typeof fetchRuntimes>>;

/** What the archives are made of. */
export interface TarRequest {
  readonly assembled: AssembledRelease;
  /** A universal target stands for its slices. */
  readonly targets: readonly Target[];
  /** Undefined where the release carries none. */
  readonly runtimes: Runtimes | undefined;
  readonly addons: FindAddons;
  readonly settings: Pick<ExecutableSettings, 'addons'>;
  readonly folder: string;
  /** Whether `SHA256SUMS` is written beside them. */
  readonly withChecksums: boolean;
  readonly onEvent: OnBuildEvent;
}

/** Makes an archive per target. A target that fails does not take the others with it: returns those that did. */
export async function tarTargets(request: TarRequest): Promise<readonly Outcome[]> {
  const packages = await assembledPackages(request.assembled.path);
  const errors = new Map<string, Error>();
  for (const target of singleTargets(request.targets)) {
    try {
      await tarTarget(target, packages, request);
    } catch (error) {
      errors.set(target.name, error as Error);
    }
  }
  return request.targets.flatMap((one) => {
    const error = singleTargets([one])
      .map(({ name }) => errors.get(name))
      .find((found) => found !== undefined);
    if (error === undefined) return [];
    const { code = 'UNEXPECTED', message } = error as NodeJS.ErrnoException;
    request.onEvent({ type: 'failure', target: one.name, code, message });
    return [{ target: one.name, error }];
  });
}

async function tarTarget(
  target: Target,
  packages: Parameters<FindAddons>[0],
  { assembled, runtimes, addons, settings, folder, withChecksums, onEvent }: TarRequest,
): Promise<void> {
  const started = performance.now();
  const runtime = runtimes && runtimeFor(target, runtimes);
  const { without, files } = await addons(packages, { target, runtime, settings: settings.addons });
  const tree = await checkDirectory(assembled.path, { target, runtime, without, files, settings }, onEvent);
  const file = await tarRelease(assembled, {
    target: target.name,
    windows: target.os === 'win',
    runtime,
    tree,
    launcher: launcherPath(stubTarget(target)),
    output: folder,
  });
  if (withChecksums) await addChecksums(folder, [file]);
  const { size } = await stat(file);
  const milliseconds = performance.now() - started;
  onEvent({ type: 'tar', target: target.name, file, bytes: size, milliseconds });
}

/** Throws why there is none. */
export function runtimeFor({ name }: Target, { runtimes, failures }: Runtimes): Runtime {
  const runtime = runtimes.get(name);
  if (runtime === undefined) throw failures.get(name)!;
  return runtime;
}
