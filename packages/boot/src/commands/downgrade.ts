import type { CommandContext } from '../context.ts';
import { previousVersion } from '../versions/previous.ts';
import { readArguments, runningNode, upgrade } from './upgrade.ts';

/** `upgrade` to an older version: the one before, or the one that is named. */
export async function run(context: CommandContext): Promise<number> {
  const { what, ...options } = readArguments(context);
  const running = await runningNode(context);
  const older = what ?? (await previousVersion(context.environment, running));
  return await upgrade(context, running, older, options);
}
