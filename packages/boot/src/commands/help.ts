import { resolveAlias } from '../alias.ts';
import { findBuiltin } from '../builtin.ts';
import type { CommandContext } from '../context.ts';
import { BootError } from '../error.ts';
import { commandUsage, unknownCommand, usage } from '../usage.ts';

/** All commands, or one of them. */
export async function run(context: CommandContext): Promise<number> {
  const { args, boot, environment, stdout } = context;
  const [word] = args;
  if (word === undefined) {
    stdout.write(usage(boot, environment.prog));
    return 0;
  }
  const custom = boot.commands.find(({ name }) => name === word);
  if (custom !== undefined) {
    const command = await import('./custom.ts');
    return await command.run({ ...context, args: ['--help'] }, custom);
  }
  const builtin = findBuiltin(resolveAlias([word], [])[0]);
  if (builtin === undefined) throw new BootError('UNKNOWN_COMMAND', unknownCommand(word, boot));
  stdout.write(commandUsage(builtin, environment.prog));
  return 0;
}
