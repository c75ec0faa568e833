import semver from 'semver';
import { singleTargets, type Target } from '../targets.ts';

/** The versions that there are for each target, by the target's name. */
export type Offers = ReadonlyMap<string, readonly string[]>;

/** The version that each target gets, by the target's name. */
export type Choice = ReadonlyMap<string, string>;

/** What decides between the versions that there are. */
export interface Wish {
  readonly targets: readonly Target[];
  /** The same targets: those of a group get one version. */
  readonly groups: readonly (readonly Target[])[];
  readonly range: string;
  /** Targets may get different versions; only the slices of a universal one may not. */
  readonly perTarget: boolean;
  /** What the lock file has and the range allows, by the target's name. */
  readonly locked: Choice;
}

/** Which of these targets get one version: all, or with `perTarget` the slices of each universal one. */
export function versionGroups(
  targets: readonly Target[],
  perTarget: boolean,
): readonly (readonly Target[])[] {
  if (!perTarget) return [singleTargets(targets)];
  const universal = targets.flatMap(({ slices }) => (slices === undefined ? [] : [slices]));
  const others = singleTargets(targets).filter((target) => !universal.flat().includes(target));
  return [...universal, ...others.map((target) => [target])];
}

/** Locked versions first, then the highest, one for each group. A group without a version that fits gets none. */
export function chooseVersions({ groups, range, locked }: Wish, offers: Offers): Choice {
  return new Map(
    groups.flatMap((group) => {
      const known = new Set(group.map(({ name }) => locked.get(name)));
      const common = commonVersions(
        group.map(({ name }) => [...inRange(offers.get(name) ?? [], range), locked.get(name) ?? '']),
      );
      const version = common.find((candidate) => known.has(candidate)) ?? common[0];
      return version === undefined ? [] : group.map(({ name }) => [name, version] as const);
    }),
  );
}

/**
 * A sentence that names the targets which have a newer version than they get, or undefined. What the lock file has
 * is old on purpose.
 */
export function newerVersions(
  { targets, range, locked, perTarget }: Wish,
  offers: Offers,
  choice: Choice,
): string | undefined {
  if (perTarget) return undefined;
  if ([...locked.values()].some((version) => [...choice.values()].includes(version))) return undefined;
  const newer = targets.flatMap(({ name }) => {
    const newest = inRange(offers.get(name) ?? [], range)[0];
    return newest !== undefined && semver.gt(newest, choice.get(name)!) ? [`${name} ${newest}`] : [];
  });
  if (newer.length === 0) return undefined;
  const chosen = [...new Set(choice.values())].join(', ');
  return `Node ${chosen} is the newest that all targets have. Newer for some: ${newer.join(', ')}; --per-target lets targets differ.`;
}

/** Why nothing was chosen: what there is for each target, and what would do. */
export function explainNoVersion({ targets, range, perTarget }: Wish, offers: Offers): string {
  const lines = targets.map(({ name }) => `  ${name}: ${describe(offers.get(name) ?? [], range)}`);
  const versions = targets
    .map(({ name }) => inRange(offers.get(name) ?? [], '*'))
    .filter((list) => list.length > 0);
  const isForSome = versions.some((list) => inRange(list, range).length > 0);
  const whole = perTarget ? 'all of these, which become one file' : 'all targets';
  const title = `No version of Node in the range "${range}"${isForSome ? ` is there for ${whole}` : ''}:`;
  const common = commonVersions(versions)[0];
  const whoHave = versions.length === targets.length ? 'all of them' : 'all the others';
  const advice = [
    ...(common === undefined ? [] : [`--runtime ${common} is the newest that ${whoHave} have`]),
    ...(isForSome && !perTarget ? ['--per-target lets targets differ'] : []),
    '--runtime also takes a path or an address of a Node executable',
  ];
  return [title, ...lines, `${advice.join('; ')}.`].join('\n');
}

/** The targets whose line ended before the range begins. Known without asking anybody. */
export function endedTargets(targets: readonly Target[], range: string): readonly Target[] {
  return targets.filter(
    ({ newest }) => newest !== undefined && !semver.intersects(range, `<${newest + 1}.0.0`),
  );
}

/** The targets that have no version in the range. */
export function emptyTargets({ targets, range }: Wish, offers: Offers): readonly Target[] {
  return targets.filter(({ name }) => inRange(offers.get(name) ?? [], range).length === 0);
}

export function without(wish: Wish, targets: readonly Target[]): Wish {
  const isKept = (target: Target) => !targets.includes(target);
  const groups = wish.groups.map((group) => group.filter(isKept)).filter((group) => group.length > 0);
  return { ...wish, targets: wish.targets.filter(isKept), groups };
}

/** A sentence for each target whose line has ended. */
export function explainEnded(ended: readonly Target[], range: string): string {
  return ended
    .map(
      ({ name, newest }) =>
        `Node is not built for ${name} after version ${newest}, and "${range}" asks for a later one. ` +
        `Build it with --runtime ${newest}, or give the path or address of a Node executable.`,
    )
    .join('\n');
}

/** Those in the range, each once, the highest first. */
function inRange(versions: readonly string[], range: string): string[] {
  return [...new Set(versions)]
    .filter((version) => semver.satisfies(version, range))
    .toSorted(semver.rcompare);
}

/** Those that are in every list, in the order of the first. */
function commonVersions(lists: readonly (readonly string[])[]): string[] {
  const [first = [], ...others] = lists;
  return first.filter((version) => version !== '' && others.every((list) => list.includes(version)));
}

/** The newest few in the range, or of each line the newest. */
function describe(versions: readonly string[], range: string): string {
  const fitting = inRange(versions, range);
  if (fitting.length > 0) return fitting.slice(0, 6).join(', ') + (fitting.length > 6 ? ', …' : '');
  const all = inRange(versions, '*');
  const lines = all.filter((version, at) => at === 0 || semver.major(all[at - 1]!) !== semver.major(version));
  return lines.length === 0 ? 'none' : `none; there are ${lines.slice(0, 6).join(', ')}`;
}
