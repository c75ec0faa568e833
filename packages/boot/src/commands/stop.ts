import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { BootFile } from '../boot-file.ts';
import type { CommandContext } from '../context.ts';
import { type ControlClient, connect, notRunning } from '../control/client.ts';
import { isListening, markForced, readNodeRecord } from '../control/node-record.ts';
import { isGone, type ProcessIdentity } from '../control/process-identity.ts';
import type { ReleaseEnvironment } from '../environment.ts';
import { BootError } from '../error.ts';
import type { NodeInfo } from '../node-info.ts';
import { SECONDS, wholeNumber } from '../whole-number.ts';

/** Stops the node and returns when its process is gone. */
export async function run(context: CommandContext): Promise<number> {
  const { values } = parseArgs({ args: [...context.args], options: { force: { type: 'boolean' } } });
  return values.force ? await end(context) : await stop(context);
}

async function stop({ boot, environment, stdout }: CommandContext): Promise<number> {
  const limit = stopLimit(boot, process.env);
  const client = await connect(boot, environment);
  const node = (await client.call('stop', {})) as ProcessIdentity;
  const latest = Date.now() + limit;
  if (!(await hasHungUp(client, limit)) || !(await hasEnded(node, latest)))
    throw await notStopped(client, environment, node.pid, limit);
  const { exitCode = 0 } = client;
  if (exitCode !== 0) throw stoppedBadly(environment, node.pid, exitCode);
  stdout.write(`${environment.node} has stopped (PID ${node.pid}).\n`);
  return 0;
}

function stoppedBadly({ node }: ReleaseEnvironment, pid: number, exitCode: number): BootError {
  return new BootError(
    'STOPPED_BADLY',
    `${node} has stopped (PID ${pid}), with exit code ${exitCode}: not everything ended in order. What it printed says why; a daemon's is in its log.`,
  );
}

/** For a node that nothing else reaches. Its applications are told nothing. */
async function end({ environment, stdout }: CommandContext): Promise<number> {
  const record = readNodeRecord(environment);
  // A process that is blocked still has its socket, and the system lets callers in.
  if (record === undefined || !(await isListening(record))) throw notRunning(environment);
  const { node, pid } = record;
  if (isGone(record) !== false) {
    throw new BootError(
      'OTHER_PLACE',
      `${node} runs in another container or on another machine, where its PID is ${pid}: end it there.`,
    );
  }
  try {
    markForced(environment, record);
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    throw new BootError(
      'NOT_PERMITTED',
      `${node} (PID ${pid}) cannot be ended: ${(error as Error).message}.`,
    );
  }
  const latest = Date.now() + KILL_TIME;
  if (!(await hasEnded(record, latest)))
    throw new BootError('NOT_STOPPED', `${node} (PID ${pid}) has not ended: the system keeps it.`);
  // After an upgrade it may still have what the next start needs: ports.
  const { place, holder = pid } = record;
  if (!(await hasEnded({ place, pid: holder }, latest)))
    throw new BootError(
      'NOT_STOPPED',
      `${node} was ended (PID ${pid}), and PID ${holder}, which held it after an upgrade, has not ended: kill -9 ${holder}.`,
    );
  stdout.write(`${node} was ended (PID ${pid}). Its applications were not stopped.\n`);
  return 0;
}

/** Milliseconds in which the system ends a process; one that waits for a disk may take longer. */
const KILL_TIME = 10_000;

export async function notStopped(
  client: ControlClient,
  { node, prog }: ReleaseEnvironment,
  pid: number,
  limit: number,
): Promise<BootError> {
  const left = await whatRuns(client);
  client.close();
  return new BootError(
    'NOT_STOPPED',
    `${node} (PID ${pid}) has not ended within ${limit / 1000} s${left}. RELEASE_STOP_TIMEOUT gives it more seconds; ${prog} stop --force ends it at once (kill -9 ${pid}).`,
  );
}

/** Milliseconds: what the applications may take, and a little for the rest. */
export function stopLimit(boot: BootFile, env: NodeJS.ProcessEnv): number {
  const seconds = wholeNumber(env, 'RELEASE_STOP_TIMEOUT', SECONDS);
  return seconds === undefined ? boot.shutdownTimeout + 5000 : seconds * 1000;
}

/** Whether the node has hung up within so many milliseconds: it does when its applications are stopped. */
export async function hasHungUp(client: ControlClient, limit: number): Promise<boolean> {
  const timer = new AbortController();
  const late = wait(limit, false, { signal: timer.signal }).catch(() => false);
  const hungUp = await Promise.race([client.closed.then(() => true), late]);
  timer.abort();
  return hungUp;
}

async function hasEnded(node: ProcessIdentity, latest: number): Promise<boolean> {
  for (let pause = 5; isGone(node) === false; pause = Math.min(pause * 2, 100)) {
    if (Date.now() > latest) return false;
    await wait(pause);
  }
  return true;
}

/** The applications that are not stopped, when the node still says. */
async function whatRuns(client: ControlClient): Promise<string> {
  const info = await Promise.race([
    client.call('info', {}).catch(() => undefined),
    wait(1000, undefined, { ref: false }),
  ]);
  const { applications = [] } = (info ?? {}) as Partial<NodeInfo>;
  const left = applications.filter(({ state }) => state !== 'stopped' && state !== 'loaded');
  return left.length === 0 ? '' : `: ${left.map(({ name, state }) => `${name} is ${state}`).join(', ')}`;
}
