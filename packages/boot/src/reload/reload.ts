import { spawn } from 'node:child_process';
import { channel } from 'node:diagnostics_channel';
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Application, Configuration } from '@sarma/app';
import { loadLifecycle, type RunningApplication } from '../applications.ts';
import type { BootApplication, BootFile } from '../boot-file.ts';
import { loadConfiguration } from '../configuration.ts';
import type { ReleaseEnvironment } from '../environment.ts';
import { BootError } from '../error.ts';
import { errorText, failureText } from '../error-text.ts';
import { SECONDS, wholeNumber } from '../whole-number.ts';
import { costOf, measureHeap, type ReloadCost } from './cost.ts';
import { describeVersion } from './described-version.ts';
import { reloadLimit } from './limit.ts';
import { LoadedPackages } from './loaded-packages.ts';
import { type ApplicationChange, type DescribedVersion, planReload, type ReloadPlan } from './plan.ts';

/** What the control method `reload` is asked for. */
export interface ReloadRequest {
  readonly version: string;
  /** Absolute: holds `lib/` and `releases/<version>/`. */
  readonly root: string;
  /** The executable that it was unpacked from; null for a directory. */
  readonly executable: string | null;
  /** The Node that it comes with, as in `24.21.0`. */
  readonly runtime: string | null;
  /** Changed applications without `codeChange` are stopped and started. */
  readonly restartChanged: boolean;
  /** Whether plain starts are to start it, too. */
  readonly isPermanent: boolean;
  /** Only says what would be done. */
  readonly dryRun: boolean;
}

/** A reload that was done. */
export interface ReloadRecord {
  /** ISO 8601. */
  readonly at: string;
  readonly from: string;
  readonly to: string;
  readonly cost: ReloadCost;
}

export interface ReloadResult {
  readonly plan: ReloadPlan;
  /** Undefined where it was only asked what would be done. */
  readonly record?: ReloadRecord;
  /** What failed when the new version ran already. */
  readonly problems: readonly string[];
}

/** All that one version of a release is in a running node. */
export interface RunningVersion {
  readonly boot: BootFile;
  readonly environment: ReleaseEnvironment;
  readonly configuration: Configuration;
  /** In the order in which they start. */
  readonly applications: ReadonlyMap<string, RunningApplication>;
}

/** What a reload needs of the node. */
export interface ReloadableNode {
  readonly current: RunningVersion;
  /** Whether the node has been told to stop. */
  readonly isStopping: () => boolean;
  /** Packages of all versions that it has loaded, once there is a second. */
  loadedPackages: LoadedPackages | undefined;
  /** Puts another version into the place of the current one, at once. */
  exchange(next: RunningVersion): void;
  /** Loads and starts an application of the current version. Rejects with what went wrong. */
  start(name: string): Promise<void>;
  /** Stops applications within the release's limit. */
  stop(applications: readonly RunningApplication[], fail: (text: string) => void): Promise<void>;
  changeConfiguration(before: Configuration, after: Configuration): Promise<readonly string[]>;
}

/** An application could not start when the old version was gone already. */
export class ReloadAborted extends BootError {
  constructor(message: string, options: ErrorOptions) {
    super('RELOAD_ABORTED', message, options);
  }
}

/**
 * Takes the code of another version into the running node. Nothing has changed where it rejects, unless with
 * ReloadAborted. In this order: everything new is imported, the configuration computed, every `codeChange` called, and
 * only then, in one turn, all that is exchanged.
 */
export async function reload(node: ReloadableNode, request: ReloadRequest): Promise<ReloadResult> {
  const { boot, environment } = node.current;
  const before = describeVersion(environment.root, boot.version, process.versions.node);
  const after = describeVersion(request.root, request.version, request.runtime);
  const plan = planReload(before, after);
  if (request.dryRun) return { plan, problems: [] };
  refuseObstacles(plan);
  node.loadedPackages ??= new LoadedPackages(environment.root, before);
  const { loadedPackages } = node;
  const isNew = !loadedPackages.has(request.root);
  if (isNew) refuseBeyondLimit(loadedPackages, plan);
  const announce = announcer(plan, environment.node);
  announce('start');
  try {
    const heap = measureHeap();
    loadedPackages.add(plan, environment.root, request.root, after);
    const failed = await take(node, plan, after, request);
    if (isNew) holdInstall(request);
    const problems = [...failed, ...(await settle(node.current, environment, request))];
    const cost = costOf(isNew ? loadedPackages.filesOf(request.root) : new Set(), heap);
    announce('end', { problems });
    const record = { at: new Date().toISOString(), from: plan.from, to: plan.to, cost };
    return { plan, record, problems };
  } catch (error) {
    announce('error', { error });
    throw error;
  }
}

/** What an upgrade does when the new version has taken over; resolves to what failed of it. */
async function settle(
  { boot, environment }: RunningVersion,
  { version: from, executable }: ReleaseEnvironment,
  { isPermanent }: ReloadRequest,
): Promise<readonly string[]> {
  const problems: string[] = [];
  const fail = (error: unknown) => void problems.push(errorText(error));
  if (isPermanent) {
    const { makePermanent } = await import('../versions/permanent.ts');
    await makePermanent(boot, environment, { from: { version: from, executable } }).catch(fail);
  }
  if (boot.hooks.post_upgrade !== undefined) {
    const { runHooks } = await import('../hooks.ts');
    process.env.RELEASE_UPGRADE_FROM = from;
    await runHooks(boot, environment, 'post_upgrade').catch(fail);
    delete process.env.RELEASE_UPGRADE_FROM;
  }
  return problems;
}

/** Milliseconds that imports, and a `codeChange`, may take: those of an upgrade. */
function timeLimit(env: NodeJS.ProcessEnv): number {
  return (wholeNumber(env, 'RELEASE_UPGRADE_TIMEOUT', SECONDS) ?? 60) * 1000;
}

function refuseObstacles({ to, obstacles }: ReloadPlan): void {
  if (obstacles.length === 0) return;
  const [first] = obstacles;
  const reasons = obstacles.map(({ message }) => `  ${message}`).join('\n');
  const advice = ['SAME_VERSION', 'OTHER_RELEASE'].includes(first!.code)
    ? ''
    : '\nupgrade starts the new version in a process of its own.';
  throw new BootError('NOT_RELOADABLE', `${to} cannot be loaded into the running node:\n${reasons}${advice}`);
}

function refuseBeyondLimit(loaded: LoadedPackages, { to }: ReloadPlan): void {
  const limit = reloadLimit(process.env);
  if (loaded.count < limit) return;
  throw new BootError(
    'RELOAD_LIMIT',
    `This process has loaded ${loaded.count} versions behind its first, and RELEASE_RELOADS allows ${limit}: Node never frees the code of the older ones. upgrade ${to} starts a process of its own.`,
  );
}

/** Resolves to what failed when there was no way back. */
async function take(
  node: ReloadableNode,
  plan: ReloadPlan,
  after: DescribedVersion,
  request: ReloadRequest,
): Promise<readonly string[]> {
  const { root, restartChanged } = request;
  const { current } = node;
  const { boot } = after;
  const environment = environmentIn(current, boot, request);
  const changes = new Map(plan.applications.map((one) => [one.name, one]));
  const loading = boot.applications.filter(({ name }) =>
    ['load', 'reload', 'restart', 'start'].includes(changes.get(name)!.change),
  );
  const lifecycles = await inTime('The import of the new code', loadAll(root, loading));
  const restarted = withoutCodeChange(current, lifecycles, plan);
  if (restarted.length > 0 && !restartChanged) throw noCodeChange(restarted, plan);
  const computing = loadConfiguration(boot, environment, { isReload: true });
  const configuration = await inTime('The configuration of the new version', computing);
  const changed = plan.applications.filter(
    ({ name, change }) =>
      ['reload', 'restart'].includes(change) &&
      !restarted.includes(name) &&
      current.applications.get(name)?.isRunning,
  );
  const { values, exchanges } = await changeStates(current, changed, lifecycles, plan);
  if (node.isStopping())
    throw new BootError('STOPPING', `${environment.node} was told to stop, and stays what it is.`);
  // From here on to the last exchange nothing waits: no request is answered by half of each version.
  const applications = new Map<string, RunningApplication>();
  for (const application of boot.applications) {
    const running = current.applications.get(application.name);
    const { change } = changes.get(application.name)!;
    if (running === undefined || change === 'stop' || change === 'start') continue;
    applications.set(application.name, running);
    if (restarted.includes(application.name)) continue;
    const lifecycle = lifecycles.get(application.name) ?? running.lifecycle;
    const value = values.has(application.name) ? values.get(application.name) : running.value;
    running.exchange(application, lifecycle, value);
  }
  node.exchange({ boot, environment, configuration, applications });
  const problems: string[] = [];
  for (const [name, exchange] of exchanges) {
    try {
      exchange();
    } catch (error) {
      problems.push(failureText(`Application ${name} failed to exchange its code`, error));
    }
  }
  const leaving = [...current.applications.values()]
    .reverse()
    .filter(({ name }) => restarted.includes(name) || changes.get(name)?.change === 'stop');
  await node.stop(leaving, (text) => problems.push(text));
  for (const { name } of boot.applications) {
    if (!restarted.includes(name) && changes.get(name)!.change !== 'start') continue;
    await node.start(name).catch((cause: unknown) => {
      throw new ReloadAborted(
        `Application ${name} of ${plan.to} could not start, and the applications of ${plan.from} have ended.`,
        { cause },
      );
    });
  }
  problems.push(...(await node.changeConfiguration(current.configuration, configuration)));
  return problems;
}

/** That of the node, with the files of another version. What the user has set stays. */
function environmentIn(
  { boot, environment }: RunningVersion,
  next: BootFile,
  { root, executable }: ReloadRequest,
): ReleaseEnvironment {
  const bootFile = (at: string, { version }: BootFile) => path.join(at, 'releases', version, 'boot.json');
  const sysConfig = (at: string, { configuration }: BootFile) => path.join(at, configuration.sys);
  const own = (file: string, place: (at: string, boot: BootFile) => string) =>
    file === place(environment.root, boot) ? place(root, next) : file;
  return {
    ...environment,
    root,
    version: next.version,
    executable: executable ?? undefined,
    bootFile: own(environment.bootFile, bootFile),
    sysConfig: own(environment.sysConfig, sysConfig),
  };
}

type Lifecycles = ReadonlyMap<string, Application>;

async function loadAll(root: string, applications: readonly BootApplication[]): Promise<Lifecycles> {
  const lifecycles = new Map<string, Application>();
  for (const application of applications)
    lifecycles.set(application.name, await loadLifecycle(root, application));
  return lifecycles;
}

/** What the modules export, rather than what the release says of them, decides. */
function withoutCodeChange(
  { applications }: RunningVersion,
  lifecycles: Lifecycles,
  plan: ReloadPlan,
): readonly string[] {
  return plan.applications.flatMap(({ name, change }) => {
    const running = applications.get(name);
    if (!['reload', 'restart'].includes(change) || !running?.isRunning) return [];
    return asked(running, lifecycles, plan).some((one) => one.codeChange === undefined) ? [name] : [];
  });
}

/** Whose `codeChange` is called, in order: going down, the newer code alone knows how the state looked before. */
function asked({ name, lifecycle }: RunningApplication, lifecycles: Lifecycles, { direction }: ReloadPlan) {
  const entering = lifecycles.get(name)!;
  return direction === 'upgrade' ? [entering] : [lifecycle, entering];
}

function noCodeChange(names: readonly string[], { from, to, direction }: ReloadPlan): BootError {
  const isOne = names.length === 1;
  const who = `${isOne ? 'Application' : 'The applications'} ${names.join(', ')} ${isOne ? 'has' : 'have'}`;
  const where = direction === 'upgrade' ? `in ${to}` : `in both ${from} and ${to}`;
  return new BootError(
    'NO_CODE_CHANGE',
    `${who} changed and ${isOne ? 'exports' : 'export'} no codeChange ${where}. ` +
      'reload --restart-changed stops and starts what has none; upgrade starts the new version in a process of its own.',
  );
}

interface Changed {
  readonly values: ReadonlyMap<string, unknown>;
  /** Application → what it wants called at the exchange, in order. */
  readonly exchanges: readonly (readonly [string, () => void])[];
}

/** Where no `codeChange` waits for anything, neither does this. */
async function changeStates(
  { applications }: RunningVersion,
  changes: readonly ApplicationChange[],
  lifecycles: Lifecycles,
  plan: ReloadPlan,
): Promise<Changed> {
  const values = new Map<string, unknown>();
  const exchanges: [string, () => void][] = [];
  for (const { name, from, to } of changes) {
    const running = applications.get(name)!;
    let { value } = running;
    try {
      for (const lifecycle of asked(running, lifecycles, plan)) {
        const next = lifecycle.codeChange!(value, {
          from: from!,
          to: to!,
          direction: plan.direction,
          step: lifecycle === running.lifecycle ? 'leave' : 'enter',
          onExchange: (exchange) => void exchanges.push([name, exchange]),
        });
        value = isPromise(next) ? await inTime(`codeChange of application ${name}`, next) : next;
      }
    } catch (cause) {
      throw new BootError(
        'CODE_CHANGE_FAILED',
        `codeChange of application ${name} failed. Everything stays as it was, in version ${plan.from}.`,
        { cause },
      );
    }
    values.set(name, value);
  }
  return { values, exchanges };
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === 'function';
}

async function inTime<Value>(what: string, value: Promise<Value>): Promise<Value> {
  const limit = timeLimit(process.env);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new BootError(
      'RELOAD_TIMEOUT',
      `${what} has not ended after ${limit / 1000} s (RELEASE_UPGRADE_TIMEOUT).`,
    );
    timer = setTimeout(reject, limit, error);
  });
  try {
    return await Promise.race([value, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** `sarma.upgrade`, for telemetry: docs/guide/3-services.md says what is told. */
function announcer({ name, from, to, direction, applications }: ReloadPlan, node: string) {
  const begin = performance.now();
  const changed = applications.filter(({ change }) => change !== 'none').map((one) => one.name);
  return (event: 'start' | 'end' | 'error', more: object = {}) =>
    channel('sarma.upgrade').publish({
      kind: 'reload',
      event,
      name,
      node,
      from,
      to,
      direction,
      applications: changed,
      milliseconds: performance.now() - begin,
      ...more,
    });
}

/**
 * An executable's install is removed by those of later versions when no process runs anything in it
 * (docs/decisions/0016): one does, until this process ends and with it the pipe.
 */
function holdInstall({ root, version }: ReloadRequest): void {
  const launcher = path.join(root, 'releases', version, 'launcher');
  if (!existsSync(path.join(root, '.sarma', 'marker')) || !existsSync(launcher)) return;
  const holder = spawn(launcher, ['log', '/dev/null'], { stdio: ['pipe', 'ignore', 'ignore'] });
  holder.on('error', () => {}); // Then the install is as safe as any that nobody runs.
  holder.unref();
  (holder.stdin as unknown as { unref(): void }).unref();
}
