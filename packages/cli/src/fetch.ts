import { statSync } from 'node:fs';
import path from 'node:path';
import { loadRelease, ReleaseError } from '@sarma/release';
import { defaultRange, fetchRuntimes, loadTargets } from '@sarma/wrapper';
import type { BuildOptions } from './build.ts';
import { chooseTargets } from './choose-targets.ts';

/**
 * Gets the runtimes that a build of the project would need into the build cache, and their versions into
 * `sarma.lock.json`. Throws what `fetchRuntimes` of the wrapper throws.
 */
export async function fetchProjectRuntimes(options: BuildOptions): Promise<void> {
  const onEvent = options.onEvent ?? (() => {});
  const { project, engines } = await runtimeWish(options.project);
  const matrix = await loadTargets(project);
  const { targets } = chooseTargets(matrix, options, process.env);
  onEvent({ type: 'targets', targets: targets.map(({ name }) => name) });
  const range = options.runtime ?? defaultRange(engines);
  const runtimes = await fetchRuntimes({
    targets,
    range,
    project,
    offline: options.offline ?? false,
    frozen: options.frozen ?? false,
    perTarget: options.perTarget ?? false,
    onEvent,
  });
  for (const [target, { version, source, sha256 }] of runtimes) {
    onEvent({ type: 'fetched', target, version, source, sha256 });
  }
}

/** `engines.node` of a project; one that is no release yet (a workspace root, say) has no wish. */
async function runtimeWish(project: string): Promise<{ project: string; engines: string | undefined }> {
  try {
    return await loadRelease({ project });
  } catch (error) {
    if (!(error instanceof ReleaseError) || error.code === 'NO_PROJECT') throw error;
    const directory = statSync(project).isDirectory() ? project : path.dirname(project);
    return { project: path.resolve(directory), engines: undefined };
  }
}
