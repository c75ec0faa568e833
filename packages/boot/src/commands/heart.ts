import { setTimeout as wait } from 'node:timers/promises';
import type { BootFile } from '../boot-file.ts';
import type { CommandContext } from '../context.ts';
import { isListening, readNodeRecord } from '../control/node-record.ts';
import type { ReleaseEnvironment } from '../environment.ts';
import { heartLimits, type KeptNode, keepAlive, keptAlive } from '../heart.ts';
import { commandLine } from '../relaunch.ts';
import { stopLimit } from './stop.ts';

/** `start` with somebody who starts it again when it crashes: what runs between `daemon --heart` and the node. */
export async function run({ boot, environment, args, stderr }: CommandContext): Promise<number> {
  const start = commandLine(environment, ['start', ...args], { ...process.env, ...keptAlive(environment) });
  const say = (line: string) =>
    void stderr.write(`${new Date().toISOString()} heart: ${boot.name} ${line}\n`);
  return await keepAlive(start, heartLimits(process.env), say, keptNode(boot, environment));
}

function keptNode(boot: BootFile, environment: ReleaseEnvironment): KeptNode {
  const limit = stopLimit(boot, process.env);
  const ended = new Set<number>();
  return {
    wasForced(pid) {
      const record = readNodeRecord(environment);
      return pid !== undefined && record?.isForced === true && [record.pid, record.holder].includes(pid);
    },
    async survivor(pid) {
      if (pid === undefined) return undefined;
      // The successor of the first may come to its name when the second, which finds it there, has been started.
      ended.add(pid);
      // One whose holder was killed stops by itself; one whose predecessor died before it was held goes on.
      for (const latest = Date.now() + limit; ; await wait(100)) {
        const record = readNodeRecord(environment);
        if (record?.holder === undefined || !ended.has(record.holder)) return undefined;
        if (!(await isListening(record))) return undefined;
        if (Date.now() > latest) return record.pid;
      }
    },
  };
}
