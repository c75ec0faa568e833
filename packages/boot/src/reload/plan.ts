import type { CodeChange } from '@sarma/app';
import { compareVersions } from '@sarma/app/version-order';
import type { BootApplication, BootFile } from '../boot-file.ts';
import type { PackageFacts, ReleaseFile } from './release-file.ts';
import { samePackages } from './same-packages.ts';

/** A version of a release, as its files describe it. */
export interface DescribedVersion {
  /** `releases/<version>/release.json`. */
  readonly release: ReleaseFile;
  /** `releases/<version>/boot.json`. */
  readonly boot: BootFile;
  /** The Node it runs on, as in `24.21.0`; null where that is not known. */
  readonly runtime: string | null;
}

/** What becomes of a running node of one version when it takes the code of another. Plain JSON. */
export interface ReloadPlan {
  readonly name: string;
  /** Versions of the release. */
  readonly from: string;
  readonly to: string;
  readonly direction: CodeChange['direction'];
  /** Why a running node cannot take it; none: it can. */
  readonly obstacles: readonly ReloadObstacle[];
  /** Packages whose code differs, by the name and in the order of the new release; those that are gone behind them. */
  readonly packages: readonly PackageChange[];
  /** Path in the new release → path in the old one of each package that stays: its loaded modules are used again. */
  readonly same: Readonly<Record<string, string>>;
  /** In the order in which the new version starts them; those that are gone behind them, in the order of stopping. */
  readonly applications: readonly ApplicationChange[];
}

export interface ReloadObstacle {
  readonly code:
    | 'OTHER_RELEASE'
    | 'SAME_VERSION'
    | 'NO_DIGESTS'
    | 'RUNTIME'
    | 'VM_ARGS'
    | 'BOOT'
    | 'PRELOAD'
    | 'COOKIE'
    | 'SCRIPT';
  /** A sentence. */
  readonly message: string;
}

export interface PackageChange {
  readonly name: string;
  /** Versions; null where there is none. */
  readonly from: string | null;
  readonly to: string | null;
  /** Its place in the new release; null for one that is gone. */
  readonly path: string | null;
  /** Its own files differ; or only what it imports: the names of those of its dependencies that changed. */
  readonly because: 'content' | readonly string[];
}

export interface ApplicationChange {
  readonly name: string;
  /** Versions of the application; null where there is none. */
  readonly from: string | null;
  readonly to: string | null;
  /**
   * `none`: its code stays. `load`: new code, and nothing runs. `reload`: new code, state by `codeChange`. `restart`: new
   * code, and it exports no `codeChange`: stopped and started. `start`: it did not run before. `stop`: it does not run
   * any more.
   */
  readonly change: 'none' | 'load' | 'reload' | 'restart' | 'start' | 'stop';
}

/** What it takes to get from one version to the other in the process. Pure. */
export function planReload(before: DescribedVersion, after: DescribedVersion): ReloadPlan {
  const { name, version: from } = before.release;
  const { version: to } = after.release;
  // Up as well where the versions say nothing of an order.
  const direction = (compareVersions(from, to) ?? 0) > 0 ? 'downgrade' : 'upgrade';
  const same = samePackages(before.release.packages, after.release.packages);
  return {
    name,
    from,
    to,
    direction,
    obstacles: obstacles(before, after, same),
    packages: packageChanges(before.release, after.release, same),
    same: Object.fromEntries(same),
    applications: applicationChanges(before, after, same, direction),
  };
}

type Same = ReadonlyMap<string, string>;

function packageChanges(before: ReleaseFile, after: ReleaseFile, same: Same): readonly PackageChange[] {
  const byPath = new Map(after.packages.map((one) => [one.path, one]));
  const changed = after.packages.filter(({ path }) => !same.has(path));
  const kept = new Set(same.values());
  const left = before.packages.filter(({ path }) => !kept.has(path));
  const changes = changed.map((one): PackageChange => {
    const old =
      left.find(({ name, path }) => name === one.name && path === one.path) ??
      left.find(({ name }) => name === one.name);
    if (old !== undefined) left.splice(left.indexOf(old), 1);
    const because = old?.digest === one.digest ? changedImports(one, byPath, same) : 'content';
    return { name: one.name, from: old?.version ?? null, to: one.version, path: one.path, because };
  });
  const names = new Set(after.packages.map(({ name }) => name));
  const gone = left.filter(({ name }) => !names.has(name));
  return [
    ...changes,
    ...gone.map(
      ({ name, version }): PackageChange => ({
        name,
        from: version,
        to: null,
        path: null,
        because: 'content',
      }),
    ),
  ];
}

/** Where the same content leads to other packages than before, without any of them having changed, all are named. */
function changedImports(
  { dependencies = {} }: PackageFacts,
  packages: ReadonlyMap<string, PackageFacts>,
  same: Same,
): readonly string[] {
  const names = Object.keys(dependencies);
  const changed = names.filter((name) => {
    const place = dependencies[name]!;
    return packages.has(place) && !same.has(place);
  });
  return changed.length > 0 ? changed : names;
}

function applicationChanges(
  before: DescribedVersion,
  after: DescribedVersion,
  same: Same,
  direction: CodeChange['direction'],
): readonly ApplicationChange[] {
  const old = new Map(before.boot.applications.map((one) => [one.name, one]));
  const packages = after.release.packages;
  const known = after.boot.applications.map(
    (one): ApplicationChange => ({
      name: one.name,
      from: old.get(one.name)?.version ?? null,
      to: one.version,
      change: changeOf(old.get(one.name), one, same.has(packageAt(one, packages)), direction),
    }),
  );
  const names = new Set(known.map(({ name }) => name));
  const gone = [...before.boot.applications].reverse().filter(({ name }) => !names.has(name));
  return [
    ...known,
    ...gone.map(
      (one): ApplicationChange => ({
        name: one.name,
        from: one.version,
        to: null,
        change: runs(one) ? 'stop' : 'none',
      }),
    ),
  ];
}

function changeOf(
  old: BootApplication | undefined,
  now: BootApplication,
  isSame: boolean,
  direction: CodeChange['direction'],
): ApplicationChange['change'] {
  const [ran, willRun] = [old !== undefined && runs(old), runs(now)];
  if (ran && !willRun) return 'stop';
  if (!ran && willRun) return 'start';
  if (isSame && old !== undefined) return 'none';
  if (!willRun) return now.mode === 'load' ? 'load' : 'none';
  const asked = direction === 'upgrade' ? [now] : [old!, now];
  return asked.some(({ codeChange }) => codeChange === false) ? 'restart' : 'reload';
}

function runs({ mode, module }: BootApplication): boolean {
  return module !== null && mode !== 'load' && mode !== 'none';
}

/** The package that the lifecycle module lies in: the innermost one. */
function packageAt({ module, path }: BootApplication, packages: readonly PackageFacts[]): string {
  const holders = packages.filter((one) => module?.startsWith(`${one.path}/`));
  return holders.reduce((found, one) => (one.path.length > found.length ? one.path : found), '') || path;
}

function obstacles(before: DescribedVersion, after: DescribedVersion, same: Same): readonly ReloadObstacle[] {
  const [old, now] = [before.release, after.release];
  const found: ReloadObstacle[] = [];
  const add = (isThere: boolean, code: ReloadObstacle['code'], message: string) => {
    if (isThere) found.push({ code, message });
  };
  add(old.name !== now.name, 'OTHER_RELEASE', `${now.name} is another release than ${old.name}.`);
  add(old.version === now.version, 'SAME_VERSION', `${old.version} is the version that runs.`);
  const undescribed = [old, now].filter(({ fixed }) => fixed === undefined);
  add(
    undescribed.length > 0,
    'NO_DIGESTS',
    `The release.json of ${undescribed.map(({ version }) => version).join(' and ')} says nothing of the content of its packages: it was made by an older Sarma.`,
  );
  add(
    old.nodeLine !== now.nodeLine || differ(before.runtime, after.runtime),
    'RUNTIME',
    `It needs another Node: ${after.runtime ?? now.nodeLine ?? 'any'} instead of ${before.runtime ?? old.nodeLine ?? 'any'}.`,
  );
  add(!equal(old.vmArgs ?? [], now.vmArgs ?? []), 'VM_ARGS', 'Node gets other options (vm.args).');
  add(
    differ(old.fixed?.boot, now.fixed?.boot),
    'BOOT',
    'It was made by another Sarma, whose own code in the node differs.',
  );
  add(
    preloadDiffers(old, now, same),
    'PRELOAD',
    'A preloaded module has changed, which has to run before all others.',
  );
  add(before.boot.cookie !== after.boot.cookie, 'COOKIE', 'It has another cookie in its configuration.');
  add(
    [before, after].some(({ boot }) => boot.instructions.some((one) => one.do === 'run')),
    'SCRIPT',
    'It is a program, not applications: there is nothing that could be exchanged.',
  );
  return found;
}

function preloadDiffers({ fixed: old }: ReleaseFile, { fixed: now }: ReleaseFile, same: Same): boolean {
  if (old === undefined || now === undefined) return false;
  const digests = [old, now].map(({ preload }) => preload.map(({ digest }) => digest));
  return (
    !equal(digests[0]!, digests[1]!) ||
    now.preload.some(({ packages }) => packages.some((place) => !same.has(place)))
  );
}

/** Of values that are known. */
function differ(one: string | null | undefined, other: string | null | undefined): boolean {
  return one != null && other != null && one !== other;
}

function equal(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((item, at) => item === other[at]);
}
