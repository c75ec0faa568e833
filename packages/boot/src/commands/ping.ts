import type { CommandContext } from '../context.ts';
import { connect } from '../control/client.ts';
import { BootError } from '../error.ts';

/** `pong` and 0 where the node lives and knows us, `pang`, 1 and the reason on stderr otherwise. */
export async function run({ boot, environment, stdout, stderr }: CommandContext): Promise<number> {
  try {
    const client = await connect(boot, environment);
    client.close();
    stdout.write('pong\n');
    return 0;
  } catch (error) {
    if (!(error instanceof BootError)) throw error;
    stdout.write('pang\n');
    stderr.write(`${boot.name}: ${error.message}\n`);
    return 1;
  }
}
