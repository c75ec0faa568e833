import { loadRelease, ReleaseError, type ReleaseOptions, releaseInstallation } from '@sarma/release';
import { addonFinder, type FoundAddon, installedPackages, type Runtime, type Target } from '@sarma/wrapper';
import { OWN_MODULE } from './own-module.ts';

/** The addons of a project's packages, before anything is assembled. */
export interface ProjectAddons {
  /** Throws what the wrapper's search throws. */
  find(target: Target, runtime: Runtime | undefined): Promise<readonly FoundAddon[]>;
}

/**
 * Looks through the packages that a project's release would have; a command of the user's is not run. A sentence where
 * the project is not ready to be released.
 */
export async function projectAddons(
  { skipAddons = [], ...options }: ReleaseOptions & { readonly skipAddons?: readonly string[] | undefined },
  request: Omit<Parameters<typeof addonFinder>[0], 'project'>,
): Promise<ProjectAddons | string> {
  try {
    const release = await loadRelease({ sarma: OWN_MODULE, ...options });
    const { packages } = await releaseInstallation(release);
    const found = installedPackages([...packages.values()]);
    const find = addonFinder({ ...request, project: release.project });
    const { rebuild, skip, keep } = release.options.wrap.addons;
    return {
      find: async (target, runtime) => {
        const settings = { rebuild: undefined, skip: [...skip, ...skipAddons], keep };
        const addons = (await find(found, { target, runtime, settings })).found;
        return rebuild === undefined ? addons : addons.map(withRebuild);
      },
    };
  } catch (error) {
    if (!(error instanceof ReleaseError)) throw error;
    return error.message;
  }
}

function withRebuild(one: FoundAddon): FoundAddon {
  return one.how === 'missing'
    ? { ...one, how: 'rebuilt', detail: 'by wrap.addons.rebuild, when it is wrapped' }
    : one;
}
