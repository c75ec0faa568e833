import { builtins } from '@sarma/boot/commands';
import type { CheckResult } from '../release.ts';
import type { Checked } from './checked.ts';

const taken: ReadonlySet<string> = new Set(builtins.map(({ name }) => name));

/** A command of one's own that nobody can call. */
export function checkCommands({ roots }: Checked): CheckResult {
  return roots.commands
    .filter(({ name }) => taken.has(name))
    .map(({ name, file }) => ({
      level: 'error' as const,
      message: `${file}: every release has a command "${name}" already. Give the file another name.`,
    }));
}
