import type { AssembledRelease } from '../assembled-release.ts';
import { namedBy } from '../packages/named-files.ts';
import { type Package, placeInside } from '../packages/package.ts';
import { isPlatformPackage, platformsOf } from '../packages/platform.ts';
import type { Runtime } from '../runtimes/runtime.ts';
import type { Target } from '../targets.ts';
import type { Tree } from '../tree.ts';
import { type Families, familiesOf } from './family.ts';
import { findPackages } from './find-packages.ts';
import {
  fits,
  inWords,
  isForOtherNode,
  mismatch,
  otherNodeAdvice,
  type Wanted,
  wantedInWords,
} from './fit.ts';
import { modulesVersion } from './modules-version.ts';
import type { NativeFile } from './native-file.ts';
import { isAddonFile, nativeFiles, type PlacedFile } from './native-files.ts';
import { type Need, needsOf } from './needs.ts';
import { liesWithOthers } from './place.ts';

/** A release as it will be on a target. */
export interface HoldRequest {
  readonly release: AssembledRelease;
  readonly tree: Tree;
  readonly target: Target;
  readonly runtime: Pick<Runtime, 'file' | 'version'> | undefined;
  /** Patterns of files that are not held to the target. */
  readonly skip: readonly string[];
}

/** What was found of a release's native files. */
export interface Held {
  /** What cannot work on the target: a sentence each. */
  readonly wrong: readonly string[];
  /** The same of what the release can do without. */
  readonly doubtful: readonly string[];
  /** Names of the packages that `wrong` is about. */
  readonly packages: readonly string[];
  /** What the files that fit ask of the host. */
  readonly needs: readonly Need[];
  /** Bytes of files for other systems, by package, the largest first. */
  readonly foreign: readonly { readonly package: string; readonly bytes: number }[];
}

/**
 * Holds every native file of a release to the target: format, CPU, C library, and of addons the version of Node. What
 * lies in folders of other systems, among others that fit, is chosen when the program runs, and no mistake.
 */
export async function holdToTarget(request: HoldRequest): Promise<Held> {
  const { release, tree, target, runtime, skip } = request;
  const packages = findPackages(tree, release);
  const isSkipped = namedBy(skip);
  const owned: OwnedFile[] = [];
  for (const file of await nativeFiles(tree)) {
    const owner = await packages.ownerOf(file.place);
    if (!isSkipped(file.place, owner)) owned.push({ ...file, owner });
  }
  if (owned.length === 0) return NOTHING;

  const asksForNode = owned.some(({ native }) => native?.abi?.api === 'modules');
  const modules = asksForNode && runtime ? await modulesVersion(runtime.file) : null;
  const wanted: Wanted = { target, node: runtime?.version ?? 'any', modules };
  const groups = [...Map.groupBy(owned, ({ owner }) => owner.place).values()].map((files) =>
    judge(files, wanted),
  );
  const families = familiesOf(await packages.all());
  const findings = groups.flatMap((group) => findingsOf(group, groups, families, wanted));
  const [wrong, doubtful] = [true, false].map((isWrong) => findings.filter((one) => one.isWrong === isWrong));
  return {
    wrong: wrong!.map(({ message }) => message),
    doubtful: doubtful!.map(({ message }) => message),
    packages: [...new Set(wrong!.map(({ owner }) => owner.name))],
    needs: groups
      .filter(({ owner }) => owner.firstParty || families.isRequired(owner.name))
      .flatMap(({ fitting }) => needsOf(fitting)),
    foreign: foreignBytes(groups),
  };
}

const NOTHING: Held = { wrong: [], doubtful: [], packages: [], needs: [], foreign: [] };

interface OwnedFile extends PlacedFile {
  readonly owner: Package;
}

/** The native files of one package. */
interface Group {
  readonly owner: Package;
  readonly fitting: readonly OwnedFile[];
  /** Does not fit, and lies where it would have to. */
  readonly wrong: readonly OwnedFile[];
  /** Lies in the folder of another system, or of another version of Node. */
  readonly others: readonly OwnedFile[];
}

function judge(files: readonly OwnedFile[], wanted: Wanted): Group {
  const { owner } = files[0]!;
  const fitting = files.filter(({ native }) => native !== null && fits(native, wanted));
  const rest = files.filter((file) => !fitting.includes(file));
  const others = rest.filter(({ place, native }) =>
    liesWithOthers(placeInside(owner, place), owner, wanted.target, native),
  );
  return { owner, fitting, others, wrong: rest.filter((file) => !others.includes(file)) };
}

interface Finding {
  readonly owner: Package;
  readonly isWrong: boolean;
  readonly message: string;
}

function findingsOf(
  group: Group,
  groups: readonly Group[],
  families: Families,
  wanted: Wanted,
): readonly Finding[] {
  const { owner, wrong, fitting, others } = group;
  const isNeeded = owner.firstParty || families.isRequired(owner.name);
  const found = wrong.map((file) => ({
    owner,
    isWrong: isNeeded && isLoaded(file),
    message: sentence(file, families, wanted),
  }));
  if (found.some(({ isWrong }) => isWrong) || fitting.some(isAddonFile)) return found;
  const needed = others.filter((file) => isAddonFile(file) || isForOthers(group));
  if (needed.length === 0) return found;
  const relatives = families.relativesOf(owner.name).map(({ place }) => place);
  const hasRelative = groups.some(
    (one) => one !== group && relatives.includes(one.owner.place) && one.fitting.length > 0,
  );
  if (hasRelative) return found;
  return [...found, { owner, isWrong: isNeeded, message: noneSentence(needed, families, wanted) }];
}

/** A package for other systems by its own manifest, as `@esbuild/darwin-arm64` is; it may hold programs alone. */
function isForOthers({ owner, fitting }: Group): boolean {
  return fitting.length === 0 && isPlatformPackage(owner.manifest.platform);
}

/**
 * Whether the package cannot work without the file. Programs that a package carries along for some systems are called
 * on those only, and often only when the system has none of its own; those that its install script put there, and those
 * that npm makes commands of, are what the package is about.
 */
function isLoaded({ native, owner, place }: OwnedFile): boolean {
  if (native?.kind !== 'executable') return true;
  const { programs, installScript } = owner.manifest;
  return installScript !== '' || programs.includes(placeInside(owner, place));
}

function sentence({ owner, place, native }: OwnedFile, families: Families, wanted: Wanted): string {
  const what =
    native === null
      ? `is cut off or damaged; ${wanted.target.name} needs ${wantedInWords(null, wanted)}`
      : mismatch(native, wanted);
  const file = placeInside(owner, place);
  return `${owner.name}@${owner.version}: ${file} ${what}. ${mendOf(owner, native, families, wanted)}`;
}

function noneSentence(files: readonly OwnedFile[], families: Families, wanted: Wanted): string {
  const { owner, place, native } = files[0]!;
  const file = placeInside(owner, place);
  const count =
    files.length === 1
      ? 'its one native file is'
      : `none of its ${files.length} native files is for it, the first is`;
  const what = native === null ? 'damaged' : inWords(native, wanted);
  return `${owner.name}@${owner.version}: ${wanted.target.name} needs ${wantedInWords(native, wanted)}, and ${count} ${what} (${file}). ${mendOf(owner, null, families, wanted)}`;
}

/** What a person does about it. */
function mendOf(owner: Package, native: NativeFile | null, families: Families, wanted: Wanted): string {
  const { target } = wanted;
  const { name, version, firstParty } = owner;
  if (firstParty)
    return 'Take it out with `exclude` of the configuration, or put the one for the target in its place.';
  if (native !== null && isForOtherNode(native, wanted)) return otherNodeAdvice(owner, native, wanted);
  const parent = families.parentOf(name);
  if (parent !== undefined || isPlatformPackage(owner.manifest.platform)) {
    const { name: chosen, version: at } = parent ?? owner;
    return `Run: npm install ${npmFlags(target)} ${chosen}@${at}`;
  }
  return `Build it for the target with wrap.addons.rebuild, or take a version of ${name} that brings one (this is ${version}).`;
}

function npmFlags(target: Target): string {
  const { os, cpu, libc } = platformsOf(target)[0]!;
  return [`--os=${os}`, `--cpu=${cpu}`, ...(libc === undefined ? [] : [`--libc=${libc}`])].join(' ');
}

function foreignBytes(groups: readonly Group[]): Held['foreign'] {
  return groups
    .map(({ owner, others }) => ({
      package: owner.name,
      bytes: others.reduce((sum, { size }) => sum + size, 0),
    }))
    .filter(({ bytes }) => bytes > 0)
    .sort((a, b) => b.bytes - a.bytes);
}
