import type { CommandContext } from '../context.ts';
import { ask } from '../control/client.ts';
import { BootError } from '../error.ts';
import { type NodeInfo, notStarted } from '../node-info.ts';

/** `pong` and 0 where every application runs, `pang`, 1 and the reason on stderr otherwise. */
export async function run(context: CommandContext): Promise<number> {
  const { boot, stdout, stderr } = context;
  const reason = await whyNot(context);
  stdout.write(reason === undefined ? 'pong\n' : 'pang\n');
  if (reason === undefined) return 0;
  stderr.write(`${boot.name}: ${reason}\n`);
  return 1;
}

async function whyNot({ boot, environment }: CommandContext): Promise<string | undefined> {
  try {
    return unready((await ask(boot, environment, 'info')) as NodeInfo);
  } catch (error) {
    if (error instanceof BootError) return error.message;
    throw error;
  }
}

function unready(info: NodeInfo): string | undefined {
  const { node, pid, state } = info;
  if (state === 'stopping') return `${node} (PID ${pid}) is stopping.`;
  return state === 'starting' ? `${node} (PID ${pid}) is starting${notStarted(info)}.` : undefined;
}
