import semver from 'semver';
import type { BuildCache } from '../build-cache.ts';
import type { OnEvent } from '../events.ts';
import {
  type LockedRuntime,
  type LockedRuntimes,
  LockfileError,
  readLockfile,
  updateLockfile,
} from '../lockfile.ts';
import type { Target } from '../targets.ts';
import { buildCacheSource } from './build-cache-source.ts';
import {
  type Choice,
  chooseVersions,
  emptyTargets,
  endedTargets,
  explainEnded,
  explainNoVersion,
  newerVersions,
  type Wish,
} from './choose.ts';
import {
  NoRuntimeError,
  OfflineError,
  RuntimeRangeError,
  SourcesUnreachableError,
  UnreachableError,
} from './errors.ts';
import { cachedRuntimes, fetchRuntime } from './fetch-runtime.ts';
import { givenRuntime, isPlace } from './given.ts';
import { createHttp, type Http } from './http.ts';
import { nodejsOrg } from './nodejs-org.ts';
import { npmRegistry } from './npm-registry.ts';
import type { Runtime } from './runtime.ts';
import type { RuntimeSource } from './source.ts';

export interface RuntimeRequest {
  readonly targets: readonly Target[];
  /**
   * A version, a range, or the place of a Node executable: a path or an address of the executable, of a tar.gz or
   * zip with one, or a directory with one. `{target}` in a place stands for the target's name.
   */
  readonly range: string;
  /** Where `sarma.lock.json` and `.npmrc` are looked for, and what paths are relative to. */
  readonly project: string;
  readonly cache: BuildCache;
  /** Opens no socket. */
  readonly offline?: boolean;
  /** Fails instead of changing the lock file. */
  readonly frozen?: boolean;
  /** Lets targets have different versions. */
  readonly perTarget?: boolean;
  readonly onEvent?: OnEvent;
  readonly env?: NodeJS.ProcessEnv;
}

/** What the steps below share. */
interface Context extends Required<RuntimeRequest> {
  readonly http: Http;
  readonly sources: readonly RuntimeSource[];
  /** What the lock file has for these targets and the range allows. */
  readonly locked: LockedRuntimes;
  /** Sources that gave no usable answer once. */
  readonly passedOver: Map<RuntimeSource, UnreachableError>;
}

/**
 * The runtime of each target, by the target's name: what the lock file says where it satisfies the range, else the
 * newest that all targets have, which is then locked. With everything locked and in the build cache, nobody is asked.
 *
 * Throws RuntimeRangeError, NoRuntimeError, OfflineError, SourcesUnreachableError, IntegrityError, NotARuntimeError,
 * LockfileError, BuildCacheError.
 */
export async function resolveRuntimes(request: RuntimeRequest): Promise<ReadonlyMap<string, Runtime>> {
  const context = await prepare(request);
  const runtimes = isPlace(context.range)
    ? await Promise.all(context.targets.map((target) => givenRuntime(target, context)))
    : await publishedRuntimes(context);
  await lock(runtimes, context);
  return new Map(runtimes.map((runtime) => [runtime.target, runtime]));
}

async function prepare(request: RuntimeRequest): Promise<Context> {
  const {
    offline = false,
    frozen = false,
    perTarget = false,
    onEvent = () => {},
    env = process.env,
  } = request;
  const range = request.range.trim();
  if (!isPlace(range) && (range === '' || semver.validRange(range) === null)) {
    throw new RuntimeRangeError(
      `"${range}" is no version of Node. Expected a version (24.21.0), a range (24, ^22.12), a path (./node) or an address.`,
    );
  }
  const all = await readLockfile(request.project);
  const obeyed = request.targets
    .map(({ name }) => [name, all[name]] as const)
    .filter((entry): entry is [string, LockedRuntime] => isObeyed(entry[1], range));
  const locked = Object.fromEntries(obeyed);
  const http = createHttp(request.project, env);
  const cached = buildCacheSource(request.cache);
  const sources = offline ? [cached] : [nodejsOrg(http, env), npmRegistry(http), cached];
  return {
    ...request,
    range,
    offline,
    frozen,
    perTarget,
    onEvent,
    env,
    http,
    sources,
    locked,
    passedOver: new Map(),
  };
}

function isObeyed(locked: LockedRuntime | undefined, range: string): boolean {
  if (locked === undefined) return false;
  if (isPlace(range) || isPlace(locked.range)) return locked.range === range;
  return semver.satisfies(locked.version, range);
}

async function publishedRuntimes(context: Context): Promise<readonly Runtime[]> {
  const versions = new Map(Object.entries(context.locked).map(([name, { version }]) => [name, version]));
  const wish: Wish = { ...context, locked: versions };
  const choice = isSettled(wish) ? versions : await chooseFromSources(wish, context);
  return await Promise.all(
    context.targets.map((target) => {
      const version = choice.get(target.name)!;
      const locked = context.locked[target.name];
      return locked?.version === version
        ? lockedRuntime(target, locked, context)
        : fetchFromSources(target, version, context);
    }),
  );
}

/** The lock file has a version for every target, and they may stand together. */
function isSettled({ targets, locked, perTarget }: Wish): boolean {
  return locked.size === targets.length && (perTarget || new Set(locked.values()).size <= 1);
}

/** Asks the sources, one after the other, until there is a choice. */
async function chooseFromSources(wish: Wish, context: Context): Promise<Choice> {
  const { targets, range, onEvent } = context;
  if (context.frozen) throw frozenError(targets, wish.locked, range);
  const ended = endedTargets(targets, range);
  if (ended.length > 0) throw new NoRuntimeError(explainEnded(ended, range), names(ended));
  const offers = new Map<string, readonly string[]>();
  for (const source of context.sources) {
    try {
      const found = await Promise.all(targets.map((target) => source.versions(target)));
      for (const [at, { name }] of targets.entries())
        offers.set(name, [...(offers.get(name) ?? []), ...found[at]!]);
    } catch (error) {
      passOver(source, error, context);
    }
    const choice = chooseVersions(wish, offers);
    if (choice === undefined) continue;
    const newer = newerVersions(wish, offers, choice);
    if (newer !== undefined) onEvent({ type: 'notice', level: 'warning', message: newer });
    return choice;
  }
  if (!context.offline && context.passedOver.size === context.sources.length - 1) throw unreachable(context);
  const message = explainNoVersion(wish, offers);
  if (context.offline) {
    throw new OfflineError(`Offline, and what is in the build cache does not do. ${message}`);
  }
  const silent = context.passedOver.size > 0 ? `\nNo usable answer came from ${reasons(context)}.` : '';
  throw new NoRuntimeError(message + silent, names(emptyTargets(wish, offers)));
}

function names(targets: readonly Target[]): string[] {
  return targets.map(({ name }) => name);
}

/** From the build cache if it is there, else from whoever has the locked version: its bytes decide. */
async function lockedRuntime(target: Target, locked: LockedRuntime, context: Context): Promise<Runtime> {
  const { version, source, sha256 } = locked;
  const cached = (await cachedRuntimes(context.cache)).find(
    (runtime) => runtime.target === target.name && runtime.version === version && runtime.sha256 === sha256,
  );
  const runtime = cached ?? (await fetchFromSources(target, version, context, locked));
  return { ...runtime, source };
}

async function fetchFromSources(
  target: Target,
  version: string,
  context: Context,
  locked?: LockedRuntime,
): Promise<Runtime> {
  const isFirst = ({ prefix }: RuntimeSource) => locked?.source.startsWith(prefix) ?? false;
  const sources = context.sources.toSorted((a, b) => Number(isFirst(b)) - Number(isFirst(a)));
  for (const source of sources) {
    try {
      if (!(await source.versions(target)).includes(version)) continue;
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
  throw context.passedOver.size === 0
    ? new NoRuntimeError(`No source has Node ${version} for ${target.name}. Choose another with --runtime.`, [
        target.name,
      ])
    : unreachable(context);
}

/** A source without a usable answer is one line, said once; everything else is an error. */
function passOver(source: RuntimeSource, error: unknown, { passedOver, onEvent }: Context): void {
  if (!(error instanceof UnreachableError)) throw error;
  if (!passedOver.has(source)) {
    const message = `${source.title} gave no usable answer (${error.reason}); the next source is asked.`;
    onEvent({ type: 'notice', level: 'info', message });
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
  { project, range, locked, frozen, targets, onEvent }: Context,
): Promise<void> {
  const changes = runtimes.filter(
    ({ target, version, sha256 }) => locked[target]?.version !== version || locked[target]?.sha256 !== sha256,
  );
  if (changes.length === 0) return;
  if (frozen) throw frozenError(targets, new Map(Object.keys(locked).map((name) => [name, ''])), range);
  const entries = changes.map(({ target, version, source, sha256, integrity }) => {
    const entry: LockedRuntime = { version, source, sha256, integrity, range };
    return [target, entry] as const;
  });
  await updateLockfile(project, Object.fromEntries(entries));
  const replaced = changes.filter(({ target }) => locked[target] !== undefined);
  if (replaced.length === 0) return;
  const list = replaced.map(
    ({ target, version }) => `${target} ${locked[target]!.version} became ${version}`,
  );
  onEvent({ type: 'notice', level: 'info', message: `sarma.lock.json: ${list.join(', ')}.` });
}
