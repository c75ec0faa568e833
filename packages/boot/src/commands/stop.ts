import { setTimeout as wait } from 'node:timers/promises';
import type { BootFile } from '../boot-file.ts';
import type { CommandContext } from '../context.ts';
import { type ControlClient, connect } from '../control/client.ts';
import { isGone, type ProcessIdentity } from '../control/process-identity.ts';
import { BootError } from '../error.ts';

/** Stops the node and returns when its process is gone. */
export async function run({ boot, environment, stdout }: CommandContext): Promise<number> {
  const limit = stopLimit(boot, process.env);
  const client = await connect(boot, environment);
  const node = (await client.call('stop', {})) as ProcessIdentity;
  if (await hasEnded(client, node, limit)) {
    stdout.write(`${environment.node} has stopped (PID ${node.pid}).\n`);
    return 0;
  }
  const left = await whatRuns(client);
  client.close();
  throw new BootError(
    'NOT_STOPPED',
    `${environment.node} (PID ${node.pid}) has not ended within ${limit / 1000} s${left}. RELEASE_STOP_TIMEOUT gives it more seconds; kill -KILL ${node.pid} ends it at once.`,
  );
}

/** Milliseconds: what the applications may take, and a little for the rest. */
export function stopLimit(boot: BootFile, env: NodeJS.ProcessEnv): number {
  const text = env.RELEASE_STOP_TIMEOUT;
  if (!text) return boot.shutdownTimeout + 5000;
  if (/^\d{1,6}$/.test(text)) return Number(text) * 1000;
  throw new BootError(
    'INVALID_VARIABLE',
    `RELEASE_STOP_TIMEOUT is ${JSON.stringify(text)}; expected a whole number of seconds.`,
  );
}

/** Whether, within the limit, the node has hung up and its process is gone. */
async function hasEnded(client: ControlClient, node: ProcessIdentity, limit: number): Promise<boolean> {
  const latest = Date.now() + limit;
  const late = Symbol('late');
  const timer = new AbortController();
  const first = await Promise.race([client.closed, wait(limit, late, { signal: timer.signal })]);
  if (first === late) return false;
  timer.abort();
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
  const { applications = [] } = (info ?? {}) as { applications?: readonly { name: string; state: string }[] };
  const left = applications.filter(({ state }) => state !== 'stopped' && state !== 'loaded');
  return left.length === 0 ? '' : `: ${left.map(({ name, state }) => `${name} is ${state}`).join(', ')}`;
}
