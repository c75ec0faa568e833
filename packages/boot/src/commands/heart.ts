import type { CommandContext } from '../context.ts';
import { heartLimits, keepAlive, keptAlive } from '../heart.ts';
import { commandLine } from '../relaunch.ts';

/** `start` with somebody who starts it again when it crashes: what runs between `daemon --heart` and the node. */
export async function run({ boot, environment, args, stderr }: CommandContext): Promise<number> {
  const start = commandLine(environment, ['start', ...args], { ...process.env, ...keptAlive(environment) });
  return await keepAlive(start, heartLimits(process.env), (line) => {
    stderr.write(`${new Date().toISOString()} heart: ${boot.name} ${line}\n`);
  });
}
