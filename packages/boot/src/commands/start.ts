import type { BootFile } from '../boot-file.ts';
import type { CommandContext } from '../context.ts';
import { type ReleaseEnvironment, releaseVariables } from '../environment.ts';
import { type RunningNode, startNode } from '../node.ts';

/** `start`: the node runs in this process, in the foreground, until it is stopped. */
export async function run({ boot, environment, args }: CommandContext): Promise<undefined> {
  await start(boot, environment, args);
}

/** Claims the node's name, opens its control socket, starts its applications. */
export async function start(
  boot: BootFile,
  environment: ReleaseEnvironment,
  args: readonly string[],
): Promise<RunningNode> {
  Object.assign(process.env, releaseVariables(environment));
  // A server is run in production; most packages know that only by this variable.
  if (!['dev', 'test'].includes(boot.environment)) process.env.NODE_ENV ??= 'production';
  return await startNode(boot, environment, args);
}
