import type { BuildCache } from '../build-cache.ts';
import type { OnEvent } from '../events.ts';
import { readLocked, updateLocked } from '../lockfile.ts';
import { createHttp } from '../runtimes/http.ts';
import { hostTarget, shippedTargets, type Target, UnknownTargetError } from '../targets.ts';
import type { TargetAddons } from './found.ts';
import { readLockFile } from './lock-files.ts';
import { type AddonTarget, optionalDependencies } from './optional-dependencies.ts';
import type { AddonPackages } from './packages.ts';
import { type Platform, platformsOf } from './platform.ts';
import { openRegistry, type Registry } from './registry.ts';

export interface AddonRequest {
  /** Where the lock files and `.npmrc` are. */
  readonly project: string;
  readonly cache: BuildCache;
  readonly offline?: boolean | undefined;
  readonly frozen?: boolean | undefined;
  readonly onEvent?: OnEvent | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/** Finds the addons of packages, target by target. Throws what its parts do. */
export type FindAddons = (packages: AddonPackages, target: Target) => Promise<TargetAddons>;

/** Reads nothing and asks nobody before the first call. */
export function addonFinder(request: AddonRequest): FindAddons {
  let registry: Promise<Registry> | undefined;
  const host = hostPlatform();
  return async (packages, target) => {
    registry ??= registryOf(request);
    const wanted: AddonTarget = { name: target.name, platforms: platformsOf(target), host };
    return await optionalDependencies(packages, wanted, await registry);
  };
}

async function registryOf(request: AddonRequest): Promise<Registry> {
  const { project, cache, offline = false, frozen = false, onEvent = () => {}, env = process.env } = request;
  const [lockFile, { packages }] = await Promise.all([readLockFile(project), readLocked(project)]);
  // Targets lock side by side, and the file is read and written for each.
  let writing: Promise<void> = Promise.resolve();
  const lock = (id: string, tarball: { readonly integrity: string }) => {
    writing = writing.then(() => updateLocked(project, { packages: { [id]: tarball } }));
    return writing;
  };
  const http = createHttp(project, env);
  return openRegistry({ http, cache, offline, frozen, onEvent, lockFile, locked: packages, lock });
}

/** Undefined on a machine that is no target. */
function hostPlatform(): Platform | undefined {
  try {
    return platformsOf(hostTarget(shippedTargets))[0];
  } catch (error) {
    if (error instanceof UnknownTargetError) return undefined;
    throw error;
  }
}
