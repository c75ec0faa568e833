import { readFile } from 'node:fs/promises';
import { fits, isForOtherNode, mismatch, otherNodeAdvice, type Wanted } from '../native/fit.ts';
import { isAddonFile, type PlacedFile } from '../native/native-files.ts';
import { liesWithOthers } from '../native/place.ts';
import type { namedBy } from '../packages/named-files.ts';
import type { InstalledPackage } from '../packages/package.ts';
import type { PackageLock } from '../packages/package-lock.ts';
import { isPlatformPackage } from '../packages/platform.ts';
import { isBuiltOnInstall } from './built-on-install.ts';
import type { AddonFile, FoundAddon, TargetAddons } from './found.ts';
import type { PackageFiles } from './package-files.ts';
import { isAddon, isBuilt, isPrebuild, uselessFiles } from './prebuilds.ts';
import type { Registry } from './registry.ts';
import type { PackedFile } from './tarball.ts';

/** Where a package's addon for another machine can come from, the best first. */
export interface AddonSource {
  readonly how: FoundAddon['how'];
  /** The files that make the addon, relative to the package; or in a sentence why there are none. */
  find(one: InstalledPackage, wanted: Wanted): Promise<AddonFiles | string | undefined>;
}

export interface AddonFiles {
  readonly files: readonly PackedFile[];
  readonly detail: string;
  /** False: it is known where the files are, and they were only looked for. */
  readonly downloaded?: false;
}

export interface NativeContext {
  readonly filesOf: PackageFiles;
  readonly registry: Registry;
  readonly packageLock: PackageLock;
  readonly sources: readonly AddonSource[];
  /** Whether the target is this machine: what was installed here was installed for it. */
  readonly isHost: boolean;
  /** Whether the user says that a file is right whatever it looks like. */
  readonly isSkipped: ReturnType<typeof namedBy>;
  /** Whether the user says that a file stays though it is for other targets. */
  readonly isKept: ReturnType<typeof namedBy>;
}

/**
 * What lies in a package itself: prebuilt addons are reduced to those of the target; what was built or downloaded for
 * this machine gives way to what the sources have for the target. Throws what the registry and the sources do.
 */
export async function nativeAddons(
  one: InstalledPackage,
  askWanted: () => Promise<Wanted>,
  context: NativeContext,
): Promise<TargetAddons> {
  const all = await context.filesOf(one);
  const files = all.filter(({ place }) => !context.isSkipped(`${one.place}/${place}`, one));
  const isBlocked =
    !all.some(isNodeAddon) && isBuiltOnInstall(one) && !context.isSkipped(`${one.place}/`, one);
  if (files.length === 0 && !isBlocked) return { without: [], files: [], found: [], left: [] };
  const wanted = await askWanted();
  const { name, version } = one;
  const useless = uselessFiles(files, one, wanted, (place) => context.isKept(`${one.place}/${place}`, one));
  const isKept = ({ place }: PlacedFile) =>
    !useless.some((one) => place === one || place.startsWith(`${one}/`));
  const kept = files.filter(isKept);
  const left = leftOf(
    one,
    files.filter((file) => !isKept(file) && !isBuilt(file.place)),
  );
  const restored = await restore(one, kept, wanted, context);
  if (restored === undefined) {
    const detail = `${name}@${version}`;
    return {
      without: [],
      files: [],
      found: [{ package: name, version, how: 'downloaded', detail, downloaded: false }],
      left,
    };
  }
  const addons = files.filter(isNodeAddon);
  const own = addons.filter((file) => isFitting(file, wanted) && isKept(file));
  const at = (place: string) => `${one.place}/${place}`;
  const without = [...useless, ...restored.gone].map(at);
  const laid = restored.files.map((file) => treeFile(one, file));
  if (restored.gone.length === 0 && !isBlocked && (own.length > 0 || !isNeeded(addons))) {
    const how = own.some(({ place }) => !isPrebuild(place)) ? 'installed' : 'prebuild';
    const detail = own.map(({ place }) => place).join(', ');
    // A package for one machine was found as somebody's optional dependency.
    const isTold = own.length > 0 && !isPlatformPackage(one.manifest.platform);
    return { without, files: laid, found: isTold ? [{ package: name, version, how, detail }] : [], left };
  }
  const { files: added, found } = await findElsewhere(one, whyNone(one, addons, wanted), wanted, context);
  return { without, files: [...laid, ...added.map((file) => treeFile(one, file))], found: [found], left };
}

function leftOf({ name }: InstalledPackage, files: readonly PlacedFile[]): TargetAddons['left'] {
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  return bytes === 0 ? [] : [{ package: name, bytes }];
}

function isNodeAddon(file: PlacedFile): boolean {
  return isAddon(file.place) && isAddonFile(file);
}

function isFitting({ native }: PlacedFile, wanted: Wanted): boolean {
  return native !== null && fits(native, wanted);
}

/** Addons for one system alone, and not this one, bring what others do without. */
function isNeeded(addons: readonly PlacedFile[]): boolean {
  const systems = new Set(addons.flatMap(({ native }) => native?.os ?? []));
  return systems.size > 1 || systems.has(HOST_SYSTEM) || addons.some(({ place }) => isBuilt(place));
}

const HOST_SYSTEM = ({ linux: 'linux', darwin: 'darwin', win32: 'win' } as const)[
  process.platform as 'linux' | 'darwin' | 'win32'
];

interface Reason {
  readonly detail: string;
  readonly advice?: string;
}

/** Of an addon that was built on this machine, for another version of Node. */
function whyNone(one: InstalledPackage, addons: readonly PlacedFile[], wanted: Wanted): Reason {
  for (const { place, native } of addons) {
    if (native === null || !isForOtherNode(native, wanted)) continue;
    return {
      detail: `${place} ${mismatch(native, wanted)}`,
      advice: otherNodeAdvice(one, native, wanted),
    };
  }
  return {
    detail:
      addons.length === 0
        ? 'there is no .node file in it, for its install script did not run'
        : 'it has no addon that works there',
  };
}

async function findElsewhere(
  one: InstalledPackage,
  reason: Reason,
  wanted: Wanted,
  { sources }: NativeContext,
): Promise<{ readonly files: readonly PackedFile[]; readonly found: FoundAddon }> {
  const { name, version } = one;
  const reasons: string[] = [];
  for (const source of sources) {
    const found = await source.find(one, wanted);
    if (typeof found === 'object') {
      const { files, ...told } = found;
      return { files, found: { package: name, version, how: source.how, ...told } };
    }
    if (found !== undefined) reasons.push(found);
  }
  const detail = [reason.detail, ...reasons].join('; ');
  return { files: [], found: { package: name, version, how: 'missing', ...reason, detail } };
}

/**
 * An install script may have put a program for this machine over one of the package's files (esbuild does) or beside
 * them. Other machines get the file that was published. Undefined where that is only looked for and not there.
 */
async function restore(
  one: InstalledPackage,
  kept: readonly PlacedFile[],
  wanted: Wanted,
  { registry, packageLock, isHost }: NativeContext,
): Promise<{ readonly files: readonly PackedFile[]; readonly gone: readonly string[] } | undefined> {
  const nothing = { files: [], gone: [] };
  const { name, version, firstParty, manifest, directory } = one;
  if (isHost || firstParty || manifest.installScript === '') return nothing;
  const strange = kept.filter(
    ({ place, native }) =>
      native !== null && !fits(native, wanted) && !liesWithOthers(place, one, wanted.target, native),
  );
  // What is in no lock file may come from anywhere.
  if (strange.length === 0 || packageLock.find(name, version) === undefined) return nothing;
  const pinned = await registry.choose(name, version);
  if (pinned === undefined) return nothing;
  const published = (await registry.fetch(pinned, wanted.target.name))?.files;
  if (published === undefined) return undefined;
  const changed: PackedFile[] = [];
  const gone: string[] = [];
  for (const { place } of strange) {
    const original = published.find((file) => file.path === place);
    if (original === undefined) gone.push(place);
    else if (!(await isSame(original.file, `${directory}/${place}`))) changed.push(original);
  }
  return { files: changed, gone };
}

async function isSame(a: string, b: string): Promise<boolean> {
  const [left, right] = await Promise.all([readFile(a), readFile(b)]);
  return left.equals(right);
}

function treeFile({ place }: InstalledPackage, { path, mode, size, file }: PackedFile): AddonFile {
  return { path: `${place}/${path}`, mode, size, content: file };
}
