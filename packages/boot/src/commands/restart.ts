import { statSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { comesUp, endOfLog, startLimit } from '../coming-up.ts';
import type { CommandContext } from '../context.ts';
import { connect } from '../control/client.ts';
import { isGone, type ProcessIdentity } from '../control/process-identity.ts';
import { BootError } from '../error.ts';
import { logFile } from '../log/settings.ts';
import type { NodeInfo } from '../node-info.ts';
import { hasHungUp, notStopped, stopLimit } from './stop.ts';

type Restarting = ProcessIdentity & { readonly keepsProcess: boolean };

/** Stops the applications, starts the release again in the same process, and returns when everything runs. */
export async function run(context: CommandContext): Promise<number> {
  const { boot, environment, stdout } = context;
  const limits = { stop: stopLimit(boot, process.env), start: startLimit(process.env) };
  const { values } = parseArgs({
    args: [...context.args],
    options: { now: { type: 'boolean', default: false } },
  });
  const say = ({ progress }: { readonly progress?: unknown }) => void stdout.write(`${progress}.\n`);
  const client = await connect(boot, environment);
  const before = (await client.call('info', {})) as NodeInfo;
  const logBefore = statSync(logFile(environment), { throwIfNoEntry: false })?.size ?? 0;
  const node = (await client.call('restart', { isNow: values.now }, say)) as Restarting;
  if (!(await hasHungUp(client, limits.stop)))
    throw await notStopped(client, environment, node.pid, limits.stop);
  const end = () =>
    node.keepsProcess && isGone(node) ? 'has stopped and did not come up again.' : undefined;
  const outcome = await comesUp(context, { end, latest: Date.now() + limits.start, before: before.run });
  if (outcome.pid !== undefined) {
    stdout.write(`${environment.node} has restarted (PID ${outcome.pid}).\n`);
    return 0;
  }
  const said = endOfLog(context, logBefore) ?? "What it printed says why; a daemon's is in its log.";
  throw new BootError('NOT_RESTARTED', `${environment.node} ${outcome.problem} ${said}`);
}
