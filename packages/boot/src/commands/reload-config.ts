import type { CommandContext } from '../context.ts';
import { ask } from '../control/client.ts';

/** Providers and `config/runtime.ts` again in the running node; says what changed, not to what. */
export async function run({ boot, environment, stdout }: CommandContext): Promise<number> {
  const { changed } = (await ask(boot, environment, 'reload_config')) as {
    readonly changed: readonly string[];
  };
  if (changed.length === 0) stdout.write('Nothing has changed.\n');
  else stdout.write(`Changed:\n${changed.map((key) => `  ${key}\n`).join('')}`);
  return 0;
}
