import { findProject } from '@sarma/release';
import {
  defaultRange,
  fetchRuntimes,
  loadTargets,
  type Outcome,
  type Runtime,
  reportMissing,
  singleTargets,
  type Target,
} from '@sarma/wrapper';
import { projectAddons } from './addons.ts';
import type { BuildOptions } from './build.ts';
import { chooseTargets } from './choose-targets.ts';
import type { OnBuildEvent } from './events.ts';
import { OWN_MODULE } from './own-module.ts';

/** What decides which runtimes and addons a build needs. */
export type FetchOptions = Pick<
  BuildOptions,
  | 'project'
  | 'workspace'
  | 'name'
  | 'environment'
  | 'targets'
  | 'current'
  | 'runtime'
  | 'perTarget'
  | 'offline'
  | 'frozen'
  | 'skipAddons'
  | 'onEvent'
>;

/**
 * Gets the runtimes and native addons that a build of the project would need into the build cache, and their versions
 * into `sarma.lock.json`; the project need not be ready to be built. Returns the targets that something is missing for.
 * Throws ReleaseError, UnknownTargetError, and what `fetchRuntimes` of the wrapper throws.
 */
export async function fetchProject(options: FetchOptions): Promise<readonly Outcome[]> {
  const onEvent = options.onEvent ?? (() => {});
  const {
    directory,
    engines,
    targets: configured,
    runtime,
  } = await findProject({ sarma: OWN_MODULE, ...options });
  const matrix = await loadTargets(directory);
  const { targets: chosen } = chooseTargets(matrix, options, configured, process.env);
  const targets = singleTargets(chosen);
  onEvent({ type: 'targets', targets: targets.map(({ name }) => name) });
  const { runtimes, failures } = await fetchRuntimes({
    targets: chosen,
    range: options.runtime ?? runtime.version ?? defaultRange(engines),
    project: directory,
    offline: options.offline ?? false,
    frozen: options.frozen ?? false,
    perTarget: options.perTarget ?? runtime.perTarget,
    onEvent,
  });
  for (const [target, { version, source, sha256 }] of runtimes) {
    onEvent({ type: 'fetched', target, version, source, sha256 });
  }
  const without = await fetchAddons(
    options,
    targets.filter(({ name }) => runtimes.has(name)),
    runtimes,
    onEvent,
  );
  return [...failures, ...without].map(([target, error]) => {
    const { code = 'UNEXPECTED', message } = error as NodeJS.ErrnoException;
    onEvent({ type: 'failure', target, code, message });
    return { target, error };
  });
}

/** Returns why a target's addons cannot be had. */
async function fetchAddons(
  options: FetchOptions,
  targets: readonly Target[],
  runtimes: ReadonlyMap<string, Runtime>,
  onEvent: OnBuildEvent,
): Promise<readonly (readonly [target: string, error: Error])[]> {
  const { offline = false, frozen = false } = options;
  const addons = await projectAddons(options, { offline, frozen, onEvent });
  if (typeof addons === 'string') {
    const message = `Native addons were not looked for: ${addons}`;
    onEvent({ type: 'notice', level: 'info', message });
    return [];
  }
  const failed: (readonly [string, Error])[] = [];
  for (const target of targets) {
    try {
      const found = await addons.find(target, runtimes.get(target.name));
      if (found.length > 0) onEvent({ type: 'addons', target: target.name, found });
      reportMissing(found, target.name, onEvent);
    } catch (error) {
      failed.push([target.name, error as Error]);
    }
  }
  return failed;
}
