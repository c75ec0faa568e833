import path from 'node:path';
import type { Application } from '@sarma/app';
import { loadApplication, loadLifecycle, type RunningApplication } from '../applications.ts';
import type { BootApplication, BootFile } from '../boot-file.ts';
import { loadConfiguration } from '../configuration.ts';
import type { ReleaseEnvironment } from '../environment.ts';
import { BootError } from '../error.ts';
import { failureText } from '../error-text.ts';
import { setProcessEnvironment } from '../process-environment.ts';
import { stopApplications } from '../stop-applications.ts';
import { ReloadAborted } from './aborted.ts';
import {
  type ChangedStates,
  changeStates,
  type Lifecycles,
  noCodeChange,
  withoutCodeChange,
} from './code-change.ts';
import { tellDifferences } from './configuration.ts';
import { inTime } from './in-time.ts';
import type { ApplicationChange, ReloadPlan } from './plan.ts';
import type { ReloadableNode, RunningVersion } from './reloadable-node.ts';
import type { ReloadRequest } from './request.ts';

/** What a node goes on with. */
interface NextVersion {
  readonly plan: ReloadPlan;
  readonly changes: ReadonlyMap<string, ApplicationChange>;
  readonly version: Omit<RunningVersion, 'applications'>;
  readonly lifecycles: Lifecycles;
  /** Applications that are stopped and started. */
  readonly restarted: readonly string[];
}

/** Takes the version as planned; resolves to what failed when there was no way back. Rejects as `reload` does. */
export async function takeVersion(
  node: ReloadableNode,
  plan: ReloadPlan,
  boot: BootFile,
  request: ReloadRequest,
): Promise<readonly string[]> {
  const before = node.current;
  const next = await prepare(before, plan, boot, request);
  const states = await changeStates(before, changing(before, next), next.lifecycles, plan);
  if (node.state === 'stopping') {
    const name = before.environment.node;
    throw new BootError('STOPPING', `${name} was told to stop, and stays what it is.`);
  }
  // From here on to the last exchange nothing waits: no request is answered by half of each version.
  const failed = exchange(node, before, next, states);
  return [
    ...failed,
    ...(await stopLeaving(node, before, next)),
    ...(await startEntering(node, next)),
    ...(await tellDifferences(node.current, before.configuration, (name) => !isStarted(next, name))),
  ];
}

/** All that can fail before any application hears of it. */
async function prepare(
  before: RunningVersion,
  plan: ReloadPlan,
  boot: BootFile,
  request: ReloadRequest,
): Promise<NextVersion> {
  const environment = environmentIn(before, boot, request);
  const changes = new Map(plan.applications.map((one) => [one.name, one]));
  const loading = boot.applications.filter(({ name }) => isLoaded(changes.get(name)!));
  const lifecycles = await inTime('The import of the new code', loadAll(request.root, loading));
  const restarted = withoutCodeChange(before, lifecycles, plan);
  if (restarted.length > 0 && !request.restartChanged) throw noCodeChange(restarted, plan);
  const computing = loadConfiguration(boot, environment, { isReload: true });
  const configuration = await inTime('The configuration of the new version', computing);
  return { plan, changes, version: { boot, environment, configuration }, lifecycles, restarted };
}

function isLoaded({ change }: ApplicationChange): boolean {
  return change !== 'none' && change !== 'stop';
}

async function loadAll(root: string, applications: readonly BootApplication[]): Promise<Lifecycles> {
  const lifecycles = new Map<string, Application>();
  for (const application of applications)
    lifecycles.set(application.name, await loadLifecycle(root, application));
  return lifecycles;
}

/** Those whose state changes its code. */
function changing({ applications }: RunningVersion, { plan, restarted }: NextVersion) {
  return plan.applications.filter(
    ({ name, change }) =>
      ['reload', 'restart'].includes(change) &&
      !restarted.includes(name) &&
      applications.get(name)?.isRunning,
  );
}

/** Returns what failed of it. */
function exchange(
  node: ReloadableNode,
  before: RunningVersion,
  { changes, version, lifecycles, restarted }: NextVersion,
  { values, exchanges }: ChangedStates,
): readonly string[] {
  const applications = new Map<string, RunningApplication>();
  for (const application of version.boot.applications) {
    const { name } = application;
    const running = before.applications.get(name);
    if (running === undefined || ['start', 'stop'].includes(changes.get(name)!.change)) continue;
    applications.set(name, running);
    if (restarted.includes(name)) continue;
    const value = values.has(name) ? values.get(name) : running.value;
    running.exchange(application, lifecycles.get(name) ?? running.lifecycle, value);
  }
  node.exchange({ ...version, applications });
  setProcessEnvironment(version.boot, version.environment);
  return exchanges.flatMap(([name, call]) => {
    try {
      call();
      return [];
    } catch (error) {
      return [failureText(`Application ${name} failed to exchange its code`, error)];
    }
  });
}

/** Last started, first stopped. */
async function stopLeaving(
  node: ReloadableNode,
  { applications }: RunningVersion,
  { changes, restarted }: NextVersion,
): Promise<readonly string[]> {
  const failed: string[] = [];
  const leaving = [...applications.values()].filter(
    ({ name }) => restarted.includes(name) || changes.get(name)?.change === 'stop',
  );
  await stopApplications(
    leaving.reverse(),
    () => node.boot.shutdownTimeout,
    (text) => failed.push(text),
  );
  return failed;
}

/** Whether it starts with this version, and so with its configuration. */
function isStarted({ changes, restarted }: NextVersion, name: string): boolean {
  return restarted.includes(name) || changes.get(name)?.change === 'start';
}

async function startEntering(node: ReloadableNode, next: NextVersion): Promise<readonly string[]> {
  const { plan, version } = next;
  for (const application of version.boot.applications) {
    const { name } = application;
    if (!isStarted(next, name)) continue;
    if (node.state === 'stopping') break;
    await startAnew(node, application).catch((cause: unknown) => {
      throw new ReloadAborted(
        `Application ${name} of ${plan.to} could not start, and there is no way back to ${plan.from} in this process.`,
        { cause },
      );
    });
  }
  return [];
}

async function startAnew(node: ReloadableNode, application: BootApplication): Promise<void> {
  const { boot, environment, applications } = node.current;
  const entering = await loadApplication(environment.root, application);
  const loaded = new Map(applications).set(entering.name, entering);
  const inOrder = boot.applications.flatMap((one) => loaded.get(one.name) ?? []);
  node.exchange({ ...node.current, applications: new Map(inOrder.map((one) => [one.name, one])) });
  await node.begin(entering);
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
