import type { CheckResult } from '../release.ts';
import type { Checked } from './checked.ts';

/** The commands that every service has; the boot knows them as `builtins`. */
export const builtinCommands: ReadonlySet<string> = new Set([
  'start',
  'start_repl',
  'daemon',
  'stop',
  'restart',
  'pid',
  'ping',
  'version',
  'eval',
  'rpc',
  'remote',
  'attach',
  'reload_config',
  'describe',
  'config',
  'doctor',
  'service',
  'help',
  // For the machinery.
  'heart',
  'log',
]);

/** A command of one's own that nobody can call. */
export function checkCommands({ roots }: Checked): CheckResult {
  return roots.commands
    .filter(({ name }) => builtinCommands.has(name))
    .map(({ name, file }) => ({
      level: 'error' as const,
      message: `${file}: every release has a command "${name}" already. Give the file another name.`,
    }));
}
