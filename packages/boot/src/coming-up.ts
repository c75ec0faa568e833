import { setTimeout as wait } from 'node:timers/promises';
import type { CommandContext } from './context.ts';
import { readNodeRecord } from './control/node-record.ts';
import { BootError } from './error.ts';
import { logFile } from './log/settings.ts';
import { lastLines } from './log/tail.ts';
import { type NodeInfo, nodeInfo, notStarted } from './node-info.ts';
import { SECONDS, wholeNumber } from './whole-number.ts';

/** A start that somebody else makes, seen from outside. */
export interface Start {
  /** How its process has ended; undefined while it has not. */
  readonly end: () => string | undefined;
  /** Milliseconds since 1970. */
  readonly latest: number;
  /** The run of the node that was there before. */
  readonly before?: string;
  /** The PID that the node must have, where it is known: somebody else may start one of the same name just now. */
  readonly pid?: number | undefined;
}

/** `problem` continues a sentence that begins with the node. */
export type Outcome =
  | { readonly pid: number }
  | { readonly pid?: undefined; readonly ended: boolean; readonly problem: string };

/** `RELEASE_DAEMON_TIMEOUT` in milliseconds. */
export function startLimit(env: NodeJS.ProcessEnv): number {
  return (wholeNumber(env, 'RELEASE_DAEMON_TIMEOUT', SECONDS) ?? 60) * 1000;
}

/** Until everything of the release runs, the process is gone, or it is too late. */
export async function comesUp(context: CommandContext, start: Start): Promise<Outcome> {
  for (let pause = 20; ; pause = Math.min(pause * 1.5, 250)) {
    await wait(pause);
    const end = start.end();
    if (end !== undefined) return { ended: true, problem: end };
    const now = await progress(context, start);
    if (now.pid !== undefined && now.pid === (start.pid ?? now.pid)) return { pid: now.pid };
    const state = now.pid === undefined ? now.state : `waits, and PID ${now.pid} has its name`;
    if (Date.now() >= start.latest) return { ended: false, problem: `${state}; it was left alone.` };
  }
}

type Progress = { readonly pid: number } | { readonly pid?: undefined; readonly state: string };

async function progress({ boot, environment }: CommandContext, { before }: Start): Promise<Progress> {
  try {
    const info = await nodeInfo(boot, environment);
    return info === undefined || info.run === before ? { state: 'does not answer yet' } : judged(info);
  } catch (error) {
    if (!(error instanceof BootError)) throw error;
    // It has taken its name and will never say more.
    const record = error.code === 'NO_DISTRIBUTION' ? readNodeRecord(environment) : undefined;
    if (record !== undefined) return { pid: record.pid };
    return { state: `cannot be talked to yet: ${error.message.replace(/\.$/, '')}` };
  }
}

function judged(info: NodeInfo): Progress {
  switch (info.state) {
    case 'starting':
      return { state: `is still starting${notStarted(info)}` };
    case 'started':
      return { state: 'still runs its post_start hooks' };
    case 'stopping':
      // Something failed to start, or somebody stopped it. Its end says which.
      return { state: 'is stopping' };
    default:
      return { pid: info.pid };
  }
}

/** How a process that was to be a node has ended. */
export function ending(exitCode: number | null, signal: NodeJS.Signals | null): string {
  if (signal !== null) return `was ended by ${signal}.`;
  if (exitCode === 0) return 'ended, or was stopped, before everything had started (exit code 0).';
  return `ended with exit code ${exitCode}.`;
}

/** What the log of a daemon has got since it was `from` bytes long. */
export function endOfLog(context: CommandContext, from: number): string | undefined {
  const file = logFile(context.environment);
  const end = lastLines(file, 20, from);
  return end === '' ? undefined : `The end of ${file}:\n${end.trimEnd()}`;
}
