import { findProject } from '@sarma/release';
import {
  defaultRange,
  type FoundAddon,
  fetchRuntimes,
  loadTargets,
  missingError,
  type Runtime,
  singleTargets,
  type Target,
} from '@sarma/wrapper';
import { type ProjectAddons, projectAddons } from './addons.ts';
import { knownHost } from './choose-targets.ts';
import type { FetchOptions } from './fetch.ts';
import { OWN_MODULE } from './own-module.ts';
import { codeOf } from './show/errors.ts';

/** What is known of a target without asking anybody on the network. */
export interface TargetState {
  readonly target: string;
  /** Whether it is this machine's. */
  readonly host: boolean;
  /** The newest line of Node there is for it, where that is not the newest of all. */
  readonly newest?: number;
  /** The runtime that `sarma.lock.json` names and the build cache has. */
  readonly runtime?: { readonly version: string; readonly source: string };
  /** What there is of the packages' native addons; undefined where the project is not ready to be released. */
  readonly addons?: readonly FoundAddon[];
  /** Why it cannot be built offline now. */
  readonly missing?: { readonly code: string; readonly message: string };
}

/**
 * Every target of the project's matrix, as a build of the project with these options would find it. Opens no socket
 * and changes no file. Throws ReleaseError, TargetsFileError, and RuntimeRangeError for a `runtime` that is none.
 */
export async function targetStates(
  options: Pick<FetchOptions, 'project' | 'workspace' | 'name' | 'environment' | 'runtime'>,
): Promise<readonly TargetState[]> {
  const { directory, engines, runtime } = await findProject({ sarma: OWN_MODULE, ...options });
  const range = options.runtime ?? runtime.version ?? defaultRange(engines);
  const matrix = await loadTargets(directory);
  const host = knownHost(matrix);
  const addons = await projectAddons(options, { lookOnly: true });
  return await Promise.all(
    [...matrix.values()].map(async (target) => {
      const { runtimes, ...state } = await runtimeState(target, range, directory);
      return {
        target: target.name,
        host: target === host,
        ...(target.newest !== undefined && { newest: target.newest }),
        ...state,
        ...(typeof addons === 'object' && (await addonState(target, addons, runtimes))),
      };
    }),
  );
}

/** Of a universal target, what its slices have. */
async function addonState(
  target: Target,
  addons: ProjectAddons,
  runtimes: ReadonlyMap<string, Runtime>,
): Promise<Pick<TargetState, 'addons' | 'missing'>> {
  try {
    const slices = singleTargets([target]);
    const found = await Promise.all(slices.map((slice) => addons.find(slice, runtimes.get(slice.name))));
    const flat = found.flat();
    const error = missingError(flat, target.name);
    if (error !== undefined) return { addons: flat, missing: { code: error.code, message: error.message } };
    const absent = flat.filter(({ downloaded }) => downloaded === false).map((one) => one.detail);
    if (absent.length === 0) return { addons: flat };
    const message = `${absent.join(', ')}: not in the build cache yet.`;
    return { addons: flat, missing: { code: 'OFFLINE', message } };
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined) throw error;
    return { missing: { code, message: (error as Error).message } };
  }
}

async function runtimeState(
  target: Target,
  range: string,
  project: string,
): Promise<Pick<TargetState, 'runtime' | 'missing'> & { readonly runtimes: ReadonlyMap<string, Runtime> }> {
  try {
    const { runtimes } = await fetchRuntimes({
      targets: [target],
      range,
      project,
      offline: true,
      frozen: true,
    });
    const found = [...runtimes.values()];
    return {
      runtimes,
      runtime: { version: found[0]!.version, source: found.map(({ source }) => source).join(', ') },
    };
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined || code === 'RUNTIME_RANGE_INVALID') throw error;
    return { runtimes: new Map(), missing: { code, message: (error as Error).message } };
  }
}
