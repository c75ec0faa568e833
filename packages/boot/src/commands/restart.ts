import { setTimeout as wait } from 'node:timers/promises';
import type { BootFile } from '../boot-file.ts';
import type { CommandContext } from '../context.ts';
import { connect } from '../control/client.ts';
import { isGone, type ProcessIdentity } from '../control/process-identity.ts';
import type { ReleaseEnvironment } from '../environment.ts';
import { BootError } from '../error.ts';
import { type NodeInfo, nodeInfo } from '../node-info.ts';
import { hasHungUp, notStopped, stopLimit } from './stop.ts';

/** Milliseconds that the new start may take. */
const START_TIME = 30_000;

/** Stops the applications, starts the release again in the same process, and returns when it answers. */
export async function run({ boot, environment, stdout }: CommandContext): Promise<number> {
  const limit = stopLimit(boot, process.env);
  const client = await connect(boot, environment);
  const before = (await client.call('info', {})) as NodeInfo;
  const node = (await client.call('restart', {})) as ProcessIdentity & { readonly keepsProcess: boolean };
  if (!(await hasHungUp(client, limit))) throw await notStopped(client, environment, node.pid, limit);
  const latest = Date.now() + START_TIME;
  for (let pause = 20; Date.now() < latest; pause = Math.min(pause * 1.5, 250)) {
    await wait(pause);
    const now = await answer(boot, environment);
    if (now !== undefined && now.run !== before.run && isUp(now)) {
      stdout.write(`${environment.node} has restarted (PID ${now.pid}).\n`);
      return 0;
    }
    if (node.keepsProcess && isGone(node)) break;
  }
  throw new BootError(
    'NOT_RESTARTED',
    `${environment.node} has stopped and did not come up again. What it printed says why; a daemon's is in its log.`,
  );
}

function isUp({ applications }: NodeInfo): boolean {
  return applications.every(({ state }) => state !== 'starting');
}

/** Undefined while there is nobody, or nobody who answers yet. */
async function answer(boot: BootFile, environment: ReleaseEnvironment): Promise<NodeInfo | undefined> {
  return await nodeInfo(boot, environment).catch((error: unknown) => {
    if (error instanceof BootError && ['NOT_ANSWERING', 'HUNG_UP'].includes(error.code)) return undefined;
    throw error;
  });
}
