import type { CommandContext } from '../context.ts';
import { ask } from '../control/client.ts';
import type { Evaluated } from '../control/evaluate.ts';
import { readRequest } from '../control/evaluation-request.ts';

/**
 * Evaluates in the running node and prints the value. An exception is printed as stack, exit code 1; the node lives on.
 * What takes long is not ended when this process is.
 */
export async function run({ boot, environment, args, stdout, stderr }: CommandContext): Promise<number> {
  const { evaluation } = readRequest('rpc', environment.prog, args, stdout);
  const { failed, text } = (await ask(boot, environment, 'evaluate', evaluation, (event) => {
    if (typeof event.stdout === 'string') stdout.write(event.stdout);
    if (typeof event.stderr === 'string') stderr.write(event.stderr);
  })) as Evaluated;
  (failed ? stderr : stdout).write(text);
  return failed ? 1 : 0;
}
