import type { CommandContext } from '../context.ts';
import { connect } from '../control/client.ts';
import { isListening, readRecord, recordFile } from '../control/node-record.ts';

/** The PID of the node, as its own process sees it. */
export async function run({ boot, environment, stdout }: CommandContext): Promise<number> {
  const silent = readRecord(recordFile(environment));
  // A node that takes no commands cannot be asked; its record can, while it listens.
  if (silent?.distribution === 'none' && (await isListening(silent))) {
    stdout.write(`${silent.pid}\n`);
    return 0;
  }
  const client = await connect(boot, environment);
  const { pid } = (await client.call('info', {})) as { pid: number };
  client.close();
  stdout.write(`${pid}\n`);
  return 0;
}
