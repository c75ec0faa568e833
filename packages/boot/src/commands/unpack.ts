import { parseArgs } from 'node:util';
import type { CommandContext } from '../context.ts';
import { BootError } from '../error.ts';
import { unpackVersion } from '../versions/prepare.ts';
import { versionsInUse } from '../versions/running.ts';

/** Puts a version beside the others, verified; what runs and what a start starts stay what they are. */
export async function run(context: CommandContext): Promise<number> {
  const { boot, environment, args, stdout } = context;
  const { positionals } = parseArgs({ args: [...args], allowPositionals: true });
  if (positionals.length > 1)
    throw new BootError('USAGE', 'unpack wants one .tar.gz, directory or executable.');
  const { info } = await versionsInUse(context);
  const { version } = await unpackVersion(context, info ?? environment, positionals[0]);
  stdout.write(`${boot.name} ${version} is there.\n`);
  return 0;
}
