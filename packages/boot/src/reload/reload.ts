import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { ReleaseEnvironment } from '../environment.ts';
import { BootError } from '../error.ts';
import { errorText } from '../error-text.ts';
import { announcer } from '../upgrade/telemetry.ts';
import { ReloadAborted, restartAs } from './aborted.ts';
import { costOf, measureHeap } from './cost.ts';
import { describeVersion } from './described-version.ts';
import { reloadLimit } from './limit.ts';
import { LoadedPackages } from './loaded-packages.ts';
import { planReload, type ReloadPlan } from './plan.ts';
import type { ReloadableNode, RunningVersion } from './reloadable-node.ts';
import type { ReloadRequest, ReloadResult } from './request.ts';
import { takeVersion } from './take-version.ts';

/**
 * Takes the code of another version into the running node. Nothing has changed where it rejects, unless with
 * ReloadAborted: then the node restarts. In this order: everything new is imported, the configuration computed, every
 * `codeChange` called, and only then, in one turn, all that is exchanged.
 */
export async function reload(node: ReloadableNode, request: ReloadRequest): Promise<ReloadResult> {
  const before = node.current;
  try {
    return await take(node, request);
  } catch (error) {
    if (error instanceof ReloadAborted) throw await restartAs(node, before, error);
    const { name, version } = before.boot;
    const text = `${request.version} was not loaded, and ${version} runs on.\n${errorText(error)}`;
    // What it prints is its log.
    if (!request.dryRun) process.stderr.write(`${name}: ${text}\n`);
    throw error;
  }
}

async function take(node: ReloadableNode, request: ReloadRequest): Promise<ReloadResult> {
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
  const changed = plan.applications.filter(({ change }) => change !== 'none').map((one) => one.name);
  const announce = announcer(node, plan.to, { kind: 'reload', applications: changed });
  announce('start');
  try {
    const heap = measureHeap();
    loadedPackages.add(plan, environment.root, request.root, after);
    const failed = await takeVersion(node, plan, after.boot, request);
    if (isNew) holdInstall(request);
    const cost = costOf(isNew ? loadedPackages.filesOf(request.root) : new Set(), heap);
    const problems = [...failed, ...(await settle(node.current, environment, request))];
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
