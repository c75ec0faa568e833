import { findProject } from '@sarma/release';
import { defaultRange, fetchRuntimes, loadTargets, type Outcome, singleTargets } from '@sarma/wrapper';
import type { BuildOptions } from './build.ts';
import { chooseTargets } from './choose-targets.ts';
import { OWN_MODULE } from './own-module.ts';

/** What decides which runtimes a build needs. */
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
  | 'onEvent'
>;

/**
 * Gets the runtimes that a build of the project would need into the build cache, and their versions into
 * `sarma.lock.json`; the project need not be ready to be built. Returns the targets that there is none for.
 * Throws ReleaseError, UnknownTargetError, and what `fetchRuntimes` of the wrapper throws.
 */
export async function fetchProjectRuntimes(options: FetchOptions): Promise<readonly Outcome[]> {
  const onEvent = options.onEvent ?? (() => {});
  const {
    directory,
    engines,
    targets: configured,
    runtime,
  } = await findProject({ sarma: OWN_MODULE, ...options });
  const matrix = await loadTargets(directory);
  const targets = singleTargets(chooseTargets(matrix, options, configured, process.env).targets);
  onEvent({ type: 'targets', targets: targets.map(({ name }) => name) });
  const { runtimes, failures } = await fetchRuntimes({
    targets,
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
  return [...failures].map(([target, error]) => {
    const { code = 'UNEXPECTED', message } = error as NodeJS.ErrnoException;
    onEvent({ type: 'failure', target, code, message });
    return { target, error };
  });
}
