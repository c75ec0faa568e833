import type { Command } from './command.ts';
import { appupCommand } from './commands/appup.ts';
import { assembleCommand } from './commands/assemble.ts';
import { cleanCommand } from './commands/clean.ts';
import { conformCommand } from './commands/conform.ts';
import { evalCommand } from './commands/eval.ts';
import { fetchCommand } from './commands/fetch.ts';
import { initCommand } from './commands/init.ts';
import { inspectCommand } from './commands/inspect.ts';
import { keygenCommand } from './commands/keygen.ts';
import { publishCommand } from './commands/publish.ts';
import { runCommand } from './commands/run.ts';
import { targetsCommand } from './commands/targets.ts';
import { verifyCommand } from './commands/verify.ts';
import { wrapCommand } from './commands/wrap.ts';

/** Every command, in the order of `sarma --help`. */
export const commands: readonly Command[] = [
  wrapCommand, // project → executables
  assembleCommand, // project → directory
  publishCommand, // executables → those who use them
  keygenCommand, // the key that signs them
  initCommand, // configuration files
  conformCommand, // configuration for people who do not program
  runCommand, // project, running
  evalCommand, // an expression in it
  appupCommand, // what an upgrade does
  targetsCommand, // what can be built
  fetchCommand, // runtimes, for building offline
  inspectCommand, // what an executable holds
  verifyCommand, // whether it holds what it should
  cleanCommand, // what was made, gone
];

export { wrapCommand };
