import type { HookName } from '../boot-file.ts';
import type { CommandContext } from '../context.ts';
import { BootError } from '../error.ts';
import { runHooks } from '../hooks.ts';
import { setProcessEnvironment } from '../process-environment.ts';
import { upgradeTimeout } from '../upgrade/time-limit.ts';

const NAMES: readonly HookName[] = ['pre_upgrade', 'post_upgrade'];

/** The hooks of an upgrade to this version, which may not run yet: in a process of its own, with its own runtime. */
export async function run({ boot, environment, args }: CommandContext): Promise<number> {
  const name = NAMES.find((known) => known === args[0]);
  if (name === undefined) throw new BootError('USAGE', `hook wants one of ${NAMES.join(', ')}.`);
  setProcessEnvironment(boot, environment);
  await runHooks(boot, environment, name, upgradeTimeout(process.env));
  return 0;
}
