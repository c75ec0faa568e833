import semver from 'semver';
import { type BuildCache, openBuildCache } from '../build-cache.ts';
import type { OnEvent } from '../events.ts';
import {
  type LockedRuntime,
  type LockedRuntimes,
  LockfileError,
  readLocked,
  updateLocked,
} from '../lockfile.ts';
import { singleTargets, type Target } from '../targets.ts';
import { buildCacheSource } from './build-cache-source.ts';
import {
  type Choice,
  chooseVersions,
  emptyTargets,
  endedTargets,
  explainEnded,
  explainNoVersion,
  newerVersions,
  type Offers,
  versionGroups,
  type Wish,
  without,
} from './choose.ts';
import { defaultRange } from './default-range.ts';
import {
  IntegrityError,
  NoRuntimeError,
  OfflineError,
  RuntimeRangeError,
  SourcesUnreachableError,
  UnreachableError,
} from './errors.ts';
import { cachedRuntime, cachedRuntimes, fetchRuntime } from './fetch-runtime.ts';
import { givenRuntime, isPlace } from './given.ts';
import { createHttp, type Http, withoutCredentials } from './http.ts';
import { nodejsOrg, rowMirrors } from './nodejs-org.ts';
import { npmRegistry } from './npm-registry.ts';
import type { Runtime } from './runtime.ts';
import type { RuntimeSource } from './source.ts';

export interface RuntimeRequest {
  /** A universal target stands for its slices. */
  readonly targets: readonly Target[];
  /**
   * A version, a range, or the place of a Node executable: a path or an address of the executable, of a tar.gz or
   * zip with one, or a directory with one. `{target}` in a place stands for the target's name. Default: that of
   * `defaultRange`.
   */
  readonly range?: string;
  /** Where `sarma.lock.json` and `.npmrc` are looked for, and what paths are relative to. */
  readonly project: string;
  /** Default: the user's. */
  readonly cache?: BuildCache;
  /** Opens no socket. */
  readonly offline?: boolean;
  /** Fails instead of changing the lock file. */
  readonly frozen?: boolean;
  /** Lets targets have different versions; the slices of a universal one have the same. */
  readonly perTarget?: boolean;
  readonly onEvent?: OnEvent;
  readonly env?: NodeJS.ProcessEnv;
}

/** By the targets' names. */
export interface Runtimes {
  readonly runtimes: ReadonlyMap<string, Runtime>;
  /** Why a target has none, while others have. */
  readonly failures: ReadonlyMap<string, Error>;
}

/** What the steps below share. */
interface Context extends Required<RuntimeRequest> {
  /** Targets of a group get one version. */
  readonly groups: readonly (readonly Target[])[];
  /** As it was asked for, but without the user and password of an address: it goes into the lock file and messages. */
  readonly range: string;
  /** As it was asked for. */
  readonly place: string;
  readonly http: Http;
  readonly sources: readonly RuntimeSource[];
  /** Those on the network, whether they are asked or not. */
  readonly publishers: readonly RuntimeSource[];
  /** The runtimes in the build cache, as they were at the first call. */
  readonly cached: () => Promise<readonly Runtime[]>;
  /** What the lock file has for these targets and the range allows. */
  readonly locked: LockedRuntimes;
  /** All that the lock file has. */
  readonly known: LockedRuntimes;
  /** Sources that gave no usable answer once. */
  readonly passedOver: Map<RuntimeSource, UnreachableError>;
}

/**
 * Brings the runtime of each target into the build cache: what the lock file says where it satisfies the range, else
 * the newest that all targets have, which is then locked. With everything locked and in the build cache, nobody is
 * asked. A target that has no version in the range does not take the others with it.
 *
 * Throws RuntimeRangeError, NoRuntimeError, OfflineError, SourcesUnreachableError, IntegrityError, NotARuntimeError,
 * LockfileError, BuildCacheError.
 */
export async function fetchRuntimes(request: RuntimeRequest): Promise<Runtimes> {
  const context = await prepare(request);
  const { runtimes, failures } = isPlace(context.range)
    ? { runtimes: await givenRuntimes(context), failures: new Map<string, Error>() }
    : await publishedRuntimes(context);
  await lock(runtimes, context);
  return { runtimes: new Map(runtimes.map((runtime) => [runtime.target, runtime])), failures };
}

async function prepare(request: RuntimeRequest): Promise<Context> {
  const {
    cache = openBuildCache(),
    offline = false,
    frozen = false,
    perTarget = false,
    onEvent = () => {},
    env = process.env,
  } = request;
  const place = (request.range ?? defaultRange()).trim();
  const range = withoutCredentials(place);
  if (!isPlace(range) && (range === '' || semver.validRange(range) === null)) {
    throw new RuntimeRangeError(
      `"${range}" is no version of Node. Expected a version (24.21.0), a range (24, ^22.12), a path (./node) or an address.`,
    );
  }
  const { runtimes: known } = await readLocked(request.project);
  const targets = singleTargets(request.targets);
  const obeyed = targets
    .map(({ name }) => [name, known[name]] as const)
    .filter((entry): entry is [string, LockedRuntime] => isObeyed(entry[1], range));
  const http = createHttp(request.project, env);
  let listed: Promise<readonly Runtime[]> | undefined;
  const cached = () => {
    listed ??= cachedRuntimes(cache);
    return listed;
  };
  const fromCache = buildCacheSource(cached);
  const publishers = publishersOf(targets, http, env);
  return {
    ...request,
    targets,
    groups: versionGroups(request.targets, perTarget),
    range,
    place,
    cache,
    offline,
    frozen,
    perTarget,
    onEvent,
    env,
    http,
    sources: offline ? [fromCache] : [...publishers, fromCache],
    publishers,
    cached,
    locked: Object.fromEntries(obeyed),
    known,
    passedOver: new Map(),
  };
}

function publishersOf(targets: readonly Target[], http: Http, env: NodeJS.ProcessEnv) {
  const sources = [nodejsOrg(http, env), ...rowMirrors(http, targets), npmRegistry(http)];
  return sources.filter((source) => targets.some((target) => source.serves(target)));
}

function isObeyed(locked: LockedRuntime | undefined, range: string): boolean {
  if (locked === undefined) return false;
  if (isPlace(range) || isPlace(locked.range)) return locked.range === range;
  return semver.satisfies(locked.version, range);
}

function givenRuntimes(context: Context): Promise<readonly Runtime[]> {
  return Promise.all(context.targets.map((target) => givenRuntime(target, context)));
}

async function publishedRuntimes(context: Context) {
  const versions = new Map(Object.entries(context.locked).map(([name, { version }]) => [name, version]));
  const wish: Wish = { ...context, locked: versions };
  const { choice, failures }: Chosen = isSettled(wish)
    ? { choice: versions, failures: new Map() }
    : await chooseFromSources(wish, context);
  const chosen = context.targets.filter(({ name }) => choice.has(name));
  const runtimes = await Promise.all(
    chosen.map((target) => {
      const version = choice.get(target.name)!;
      const locked = context.locked[target.name];
      return locked?.version === version
        ? lockedRuntime(target, locked, context)
        : fetchFromSources(target, version, context);
    }),
  );
  return { runtimes, failures };
}

/** The lock file has a version for every target, and they may stand together. */
function isSettled({ targets, groups, locked }: Wish): boolean {
  const isOne = (group: readonly Target[]) => new Set(group.map(({ name }) => locked.get(name))).size <= 1;
  return locked.size === targets.length && groups.every(isOne);
}

/** What the targets get, and why some of them get nothing. */
interface Chosen {
  readonly choice: Choice;
  readonly failures: ReadonlyMap<string, Error>;
}

/**
 * Asks the sources, one after the other, until there is a choice for all targets; in the end for those that have any
 * version in the range. Throws when that is none of them.
 */
async function chooseFromSources(wish: Wish, context: Context): Promise<Chosen> {
  const { range } = wish;
  if (context.frozen) throw frozenError(wish.targets, wish.locked, range);
  const ended = endedTargets(wish.targets, range);
  const asked = without(wish, ended);
  if (asked.targets.length === 0) throw new NoRuntimeError(explainEnded(ended, range));
  const endings = ended.map(
    (target) => [target.name, new NoRuntimeError(explainEnded([target], range))] as const,
  );
  const offers = new Map<string, readonly string[]>();
  for (const source of context.sources) {
    await addOffers(offers, source, asked.targets, context);
    const choice = chooseVersions(asked, offers);
    if (choice.size < asked.targets.length) continue;
    tellOfChoice(asked, offers, choice, context);
    return { choice, failures: new Map(endings) };
  }
  if (isCutOff(context)) throw unreachable(context);
  const empty = emptyTargets(asked, offers);
  const rest = without(asked, empty);
  const choice = chooseVersions(rest, offers);
  if (choice.size === 0) throw noVersion(asked, offers, context);
  const apart = rest.groups.filter(([first]) => !choice.has(first!.name));
  tellOfChoice(without(rest, apart.flat()), offers, choice, context);
  const reasons = [...empty.map((one) => [one]), ...apart].flatMap((group) => {
    const error = noVersion({ ...asked, targets: group }, offers, context);
    return group.map(({ name }) => [name, error] as const);
  });
  return { choice, failures: new Map([...endings, ...reasons]) };
}

async function addOffers(
  offers: Map<string, readonly string[]>,
  source: RuntimeSource,
  targets: readonly Target[],
  context: Context,
): Promise<void> {
  try {
    const served = targets.filter((target) => source.serves(target));
    const found = await Promise.all(served.map((target) => source.versions(target)));
    for (const [at, { name }] of served.entries())
      offers.set(name, [...(offers.get(name) ?? []), ...found[at]!]);
  } catch (error) {
    passOver(source, error, context);
  }
}

function tellOfChoice(wish: Wish, offers: Offers, choice: Choice, context: Context): void {
  const newer = newerVersions(wish, offers, choice);
  if (newer !== undefined) context.onEvent({ type: 'notice', level: 'warning', message: newer });
  if (!isCutOff(context)) return;
  const message = `No source of runtimes gave a usable answer: ${reasons(context)}. What earlier builds downloaded is used.`;
  context.onEvent({ type: 'notice', level: 'info', message });
}

/** Nobody on the network gave a usable answer. */
function isCutOff({ offline, passedOver, sources }: Context): boolean {
  return !offline && sources.length > 1 && passedOver.size === sources.length - 1;
}

function noVersion(wish: Wish, offers: Offers, context: Context): Error {
  const message = explainNoVersion(wish, offers);
  if (context.offline)
    return new OfflineError(`Offline, and what is in the build cache does not do. ${message}`);
  if (context.passedOver.size === 0) return new NoRuntimeError(message);
  const answered = context.publishers.filter(
    (source) => !context.passedOver.has(source) && wish.targets.some((target) => source.serves(target)),
  );
  const others = answered.length === 0 ? '' : ` ${answered.map(({ title }) => title).join(', ')} answered.`;
  return new NoRuntimeError(`${message}\nNo usable answer came from ${reasons(context)}.${others}`);
}

/**
 * From the build cache if it is there, else from whoever has the locked version: its bytes decide. It keeps the name of
 * its locked source, which another one may stand in for, unless nobody publishes a runtime of the target by that name.
 */
async function lockedRuntime(target: Target, locked: LockedRuntime, context: Context): Promise<Runtime> {
  const { version, source, sha256, integrity } = locked;
  const runtime =
    (await cachedRuntime(target.name, locked, context.cache)) ??
    (await context.cached())
      .filter((one) => one.target === target.name && one.version === version && one.sha256 === sha256)
      .toSorted((a, b) => Number(b.source === source) - Number(a.source === source))[0] ??
    (await fetchFromSources(target, version, context, locked));
  if (runtime.source === source && integrity !== undefined && runtime.integrity !== integrity) {
    throw new IntegrityError(
      `What was downloaded for ${target.name} from ${source}`,
      `${integrity} (sarma.lock.json)`,
      runtime.integrity,
      `If you know why, remove "${target.name}" from sarma.lock.json and build again.`,
    );
  }
  const isPublished = context.publishers.some(
    (publisher) => publisher.serves(target) && publisher.names(target, version).includes(source),
  );
  return isPublished ? { ...runtime, source } : runtime;
}

async function fetchFromSources(
  target: Target,
  version: string,
  context: Context,
  locked?: LockedRuntime,
): Promise<Runtime> {
  const isFirst = ({ prefix }: RuntimeSource) => locked?.source.startsWith(prefix) ?? false;
  const sources = context.sources.toSorted((a, b) => Number(isFirst(b)) - Number(isFirst(a)));
  const lacking: string[] = [];
  for (const source of sources) {
    try {
      if (!source.serves(target)) continue;
      if (!(await source.versions(target)).includes(version)) {
        const names = source.names(target, version);
        if (names.length > 0) lacking.push(`${source.title} (it has no ${names.join(', ')})`);
        continue;
      }
      return await fetchRuntime(
        await source.locate(target, version),
        target,
        version,
        locked?.sha256,
        context,
      );
    } catch (error) {
      passOver(source, error, context);
    }
  }
  if (context.offline) {
    throw new OfflineError(
      `Node ${version} for ${target.name} is not in the build cache, and --offline forbids to download it. Run "sarma fetch" first.`,
    );
  }
  if (lacking.length === 0 && context.passedOver.size > 0) throw unreachable(context);
  const asked = lacking.length > 0 ? `: ${lacking.join(', ')}` : '';
  const silent = context.passedOver.size > 0 ? ` No usable answer came from ${reasons(context)}.` : '';
  throw new NoRuntimeError(
    `Nobody who answered has Node ${version} for ${target.name}${asked}.${silent} Choose another version with --runtime.`,
  );
}

/** A source without a usable answer is a detail, as long as another one has one; everything else is an error. */
function passOver(source: RuntimeSource, error: unknown, { passedOver, onEvent }: Context): void {
  if (!(error instanceof UnreachableError)) throw error;
  if (!passedOver.has(source)) {
    const message = `${source.title} gave no usable answer (${error.reason}); the next source is asked.`;
    onEvent({ type: 'notice', level: 'detail', message });
  }
  passedOver.set(source, error);
}

function unreachable(context: Context): SourcesUnreachableError {
  return new SourcesUnreachableError(
    `No source of runtimes gave a usable answer: ${reasons(context)}. Is there a network, and does it need a proxy ` +
      '(HTTPS_PROXY, .npmrc)? NODEJS_ORG_MIRROR names another source, and --runtime takes a path.',
    { cause: [...context.passedOver.values()].at(-1) },
  );
}

function reasons({ passedOver }: Context): string {
  return [...passedOver].map(([{ title }, { reason }]) => `${title} (${reason})`).join(', ');
}

function frozenError(targets: readonly Target[], locked: Choice, range: string): LockfileError {
  const missing = targets.filter(({ name }) => !locked.has(name)).map(({ name }) => name);
  const what =
    missing.length > 0
      ? `has no runtime in the range "${range}" for ${missing.join(', ')}`
      : `has different versions (${[...locked].map(([name, version]) => `${name} ${version}`).join(', ')})`;
  const advice = 'Build once without --frozen and commit the file.';
  return new LockfileError(
    'LOCKFILE_FROZEN',
    `sarma.lock.json ${what}, and --frozen forbids to change it. ${advice}`,
  );
}

/** Writes what is new; a lock file that says the same already stays untouched. */
async function lock(
  runtimes: readonly Runtime[],
  { project, range, locked, known, frozen, targets, onEvent }: Context,
): Promise<void> {
  const isSame = (entry: LockedRuntime | undefined, { version, sha256 }: Runtime) =>
    entry?.version === version && entry.sha256 === sha256;
  const changes = runtimes.filter((runtime) => {
    const before = known[runtime.target];
    const isCopy = before?.source === runtime.source && isSame(before, runtime);
    return !isCopy && !isSame(locked[runtime.target], runtime);
  });
  if (changes.length === 0) return;
  if (frozen) throw frozenError(targets, new Map(Object.keys(locked).map((name) => [name, ''])), range);
  const entries = changes.map(({ target, version, source, sha256, integrity }) => {
    const entry: LockedRuntime = { version, source, sha256, integrity, range };
    return [target, entry] as const;
  });
  await updateLocked(project, { runtimes: Object.fromEntries(entries) });
  const replaced = changes.filter(({ target, version }) => (known[target]?.version ?? version) !== version);
  if (replaced.length === 0) return;
  const list = replaced.map(({ target, version }) => `${target} ${known[target]!.version} became ${version}`);
  onEvent({ type: 'notice', level: 'info', message: `sarma.lock.json: ${list.join(', ')}.` });
}
