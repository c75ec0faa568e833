import { existsSync } from 'node:fs';
import type { CommandContext } from '../context.ts';
import { logFile } from '../log/settings.ts';
import { lastLines } from '../log/tail.ts';

const LINES = 20;

/** The end of the daemon's log, then `remote`. */
export async function run(context: CommandContext): Promise<number> {
  const file = logFile(context.environment);
  const { run: remote } = await import('./remote.ts');
  if (existsSync(file)) context.stdout.write(`--- ${file}, its end:\n${lastLines(file, LINES)}---\n`);
  else context.stderr.write(`There is no log at ${file}: only what was started with daemon has one.\n`);
  return await remote(context);
}
