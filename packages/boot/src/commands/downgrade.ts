import type { CommandContext } from '../context.ts';
import { previousVersion } from '../versions/previous.ts';
import { readArguments, upgrade } from './upgrade.ts';

/** `upgrade` to an older version: the one before, or the one that is named. */
export async function run(context: CommandContext): Promise<number> {
  const { what = await previousVersion(context), ...options } = readArguments(context);
  return await upgrade(context, what, options);
}
