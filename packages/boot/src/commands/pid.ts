import type { CommandContext } from '../context.ts';
import { ask } from '../control/client.ts';
import { isListening, readNodeRecord } from '../control/node-record.ts';
import type { NodeInfo } from '../node-info.ts';

/** The PID of the node, as its own process sees it. */
export async function run({ boot, environment, stdout }: CommandContext): Promise<number> {
  const silent = readNodeRecord(environment);
  // A node that takes no commands cannot be asked; its record can, while it listens.
  if (silent?.distribution === 'none' && (await isListening(silent))) {
    stdout.write(`${silent.pid}\n`);
    return 0;
  }
  const { pid } = (await ask(boot, environment, 'info')) as NodeInfo;
  stdout.write(`${pid}\n`);
  return 0;
}
