import type { CommandContext } from '../context.ts';
import { readNodeRecord } from '../control/node-record.ts';
import { heartLimits, keepAlive, keptAlive } from '../heart.ts';
import { commandLine } from '../relaunch.ts';

/** `start` with somebody who starts it again when it crashes: what runs between `daemon --heart` and the node. */
export async function run({ boot, environment, args, stderr }: CommandContext): Promise<number> {
  const start = commandLine(environment, ['start', ...args], { ...process.env, ...keptAlive(environment) });
  const say = (line: string) =>
    void stderr.write(`${new Date().toISOString()} heart: ${boot.name} ${line}\n`);
  return await keepAlive(start, heartLimits(process.env), say, (pid) => {
    const record = readNodeRecord(environment);
    return record?.isForced === true && record.pid === pid;
  });
}
