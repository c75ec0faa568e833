import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, readFileSync } from 'node:fs';
import { constants as system } from 'node:os';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { recordFile } from '../control/node-record.ts';
import type { ReleaseEnvironment } from '../environment.ts';
import { become, canBecome } from '../relaunch.ts';
import { ENDING } from './pass-signals.ts';

// Whoever started the service keeps seeing one process: that of the first predecessor, which holds its successors
// (docs/decisions/0034).

export interface Holding {
  readonly environment: ReleaseEnvironment;
  /** The successor, which has the node's name by now. It may have ended. */
  readonly child: ChildProcess;
}

/**
 * The last call of a predecessor, with everything stopped and signals passed on (pass-signals.ts). Never resolves: the process becomes the launcher (Linux), or
 * ends where a launcher holds it already, or waits as it is. It ends as the node that it holds.
 */
export async function hold({ environment, child }: Holding): Promise<never> {
  // That one finds the successor by the record, and as its child when this process has ended.
  if (holderOf(environment) !== undefined && isRunning(child)) process.exit(0);
  const launcher = launcherOf(environment);
  if (launcher === undefined) return await endLike(child);
  // What has come so far is passed on. What comes in the moment of the change ends this process instead of being lost,
  // and with it the node (`stopWithHolder`).
  await nextTurn();
  if (!isRunning(child)) return await endLike(child);
  for (const signal of ENDING) process.removeAllListeners(signal);
  const args = ['hold', recordFile(environment), String(child.pid)];
  return become({ file: launcher, args, env: process.env });
}

/** PIDs that the successor's parent may have from here on. */
export function parentsOfSuccessor(environment: ReleaseEnvironment): readonly number[] {
  return [process.pid, holderOf(environment) ?? process.pid];
}

/**
 * In a successor that was told them: calls `stop` when its parent is another, since the holder was killed. It was the
 * node to whoever did that, and may start another one.
 */
export function stopWithHolder(parents: readonly number[], stop: () => void): void {
  const timer = setInterval(() => {
    if (parents.includes(process.ppid)) return;
    clearInterval(timer);
    stop();
  }, LOOKING);
  timer.unref();
}

/** Milliseconds between two looks: no system tells a process that its parent has ended. */
const LOOKING = 1000;

/** The PID of the launcher that holds this process. */
function holderOf(environment: ReleaseEnvironment): number | undefined {
  const parent = process.ppid;
  try {
    const [, word, record] = readFileSync(`/proc/${parent}/cmdline`, 'utf8').split('\0');
    return word === 'hold' && record === recordFile(environment) ? parent : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined where a process cannot become it. */
function launcherOf({ root, version }: ReleaseEnvironment): string | undefined {
  if (!canBecome || process.platform !== 'linux') return undefined;
  const file = path.join(root, 'releases', version, 'launcher');
  try {
    accessSync(file, constants.X_OK);
    return file;
  } catch {
    return undefined;
  }
}

async function endLike(child: ChildProcess): Promise<never> {
  if (isRunning(child)) await once(child, 'exit');
  const { exitCode, signalCode } = child;
  if (signalCode === null) process.exit(exitCode ?? 1);
  process.removeAllListeners(signalCode);
  process.kill(process.pid, signalCode);
  // The kernel spares the first process of a container.
  process.exit(128 + system.signals[signalCode]);
}

function isRunning({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null;
}
