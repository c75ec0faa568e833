import { type BuildCache, openBuildCache } from '../build-cache.ts';
import type { OnEvent } from '../events.ts';
import { type Locked, readLocked, updateLocked } from '../lockfile.ts';
import type { Wanted } from '../native/fit.ts';
import { modulesVersion } from '../native/modules-version.ts';
import { namedBy } from '../packages/named-files.ts';
import { readPackageLock } from '../packages/package-lock.ts';
import { type Platform, platformsOf, platformText } from '../packages/platform.ts';
import { createHttp } from '../runtimes/http.ts';
import type { ExecutableSettings } from '../settings.ts';
import { hostTarget, shippedTargets, type Target, UnknownTargetError } from '../targets.ts';
import { downloads } from './downloads.ts';
import type { TargetAddons } from './found.ts';
import { type NativeContext, nativeAddons } from './native-addons.ts';
import { markOptional } from './needed.ts';
import { type AddonTarget, optionalDependencies } from './optional-dependencies.ts';
import { packageFiles } from './package-files.ts';
import type { AddonPackages } from './packages.ts';
import { rebuilds } from './rebuild.ts';
import { openRegistry } from './registry.ts';

export interface AddonRequest {
  /** Where the lock files and `.npmrc` are. */
  readonly project: string;
  /** Default: the user's. */
  readonly cache?: BuildCache | undefined;
  readonly offline?: boolean | undefined;
  readonly frozen?: boolean | undefined;
  /** Looks only, opens no socket and changes nothing: what would have to be downloaded is marked. */
  readonly lookOnly?: boolean | undefined;
  /** Ends the command that rebuilds addons while it runs. */
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: OnEvent | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/** A target and the runtime it gets, as far as addons depend on it. */
export interface AddonQuestion {
  readonly target: Target;
  /** Undefined where none was fetched yet: then every addon for the machine will do. */
  readonly runtime: { readonly version: string; readonly file: string } | undefined;
  readonly settings: ExecutableSettings['addons'];
}

/**
 * Finds the addons of packages, target by target. What there is none for is `missing` in the result. Throws what the
 * registry, the downloads and the command of the user throw.
 */
export type FindAddons = (packages: AddonPackages, question: AddonQuestion) => Promise<TargetAddons>;

/** Reads nothing and asks nobody before the first call. */
export function addonFinder(options: AddonRequest): FindAddons {
  const request = { ...options, cache: options.cache ?? openBuildCache() };
  let opened: ReturnType<typeof open> | undefined;
  const host = hostPlatform();
  const filesOf = packageFiles();
  return async (packages, { target, runtime, settings }) => {
    opened ??= open(request);
    const { registry, packageLock, download } = await opened;
    const machine: AddonTarget = { name: target.name, platforms: platformsOf(target), host };
    const families = await optionalDependencies(packages, machine, registry);
    const { rebuild, skip, keep } = settings;
    const context: NativeContext = {
      filesOf,
      registry,
      packageLock,
      sources: [
        download,
        ...(rebuild === undefined ? [] : [rebuilds(rebuild, request.project, request.cache, request.signal)]),
      ],
      isSkipped: namedBy(skip),
      isKept: namedBy(keep),
      isHost:
        host !== undefined && machine.platforms.every((one) => platformText(one) === platformText(host)),
    };
    let asked: Promise<Wanted> | undefined;
    const wanted = () => {
      asked ??= wantedOf(target, runtime);
      return asked;
    };
    const left = new Set(families.without);
    const parts = [families];
    for (const one of packages.packages)
      if (!left.has(one.place)) parts.push(await nativeAddons(one, wanted, context));
    const found = joined(parts);
    return {
      ...found,
      found: markOptional(found.found, packages.packages, (one) => context.isSkipped(`${one.place}/`, one)),
    };
  };
}

/** Reads the whole runtime. */
async function wantedOf(target: Target, runtime: AddonQuestion['runtime']): Promise<Wanted> {
  const modules = runtime === undefined ? null : await modulesVersion(runtime.file);
  return { target, node: runtime?.version ?? '', modules };
}

function joined(parts: readonly TargetAddons[]): TargetAddons {
  return {
    without: parts.flatMap(({ without }) => without),
    files: parts.flatMap(({ files }) => files),
    found: parts.flatMap(({ found }) => found).toSorted((a, b) => (a.package < b.package ? -1 : 1)),
    left: parts.flatMap(({ left }) => left),
  };
}

async function open(request: AddonRequest & { readonly cache: BuildCache }) {
  const { project, cache, lookOnly = false, onEvent = () => {}, env = process.env } = request;
  const { offline = lookOnly, frozen = lookOnly } = request;
  const [packageLock, { packages, downloads: archives }] = await Promise.all([
    readPackageLock(project),
    readLocked(project),
  ]);
  const lock = (changes: Partial<Locked>) => updateLocked(project, changes);
  const shared = { http: createHttp(project, env), cache, offline, frozen, lookOnly, onEvent };
  return {
    packageLock,
    registry: openRegistry({
      ...shared,
      packageLock,
      locked: packages,
      lock: (id, tarball) => lock({ packages: { [id]: tarball } }),
    }),
    download: downloads({
      ...shared,
      locked: archives,
      lock: (url, archive) => lock({ downloads: { [url]: archive } }),
    }),
  };
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
