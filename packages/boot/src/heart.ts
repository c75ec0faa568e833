import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import type { ReleaseEnvironment } from './environment.ts';
import type { CommandLine } from './relaunch.ts';
import { SECONDS, wholeNumber } from './whole-number.ts';

/** How often a crashed process is started again. */
export interface HeartLimits {
  readonly restarts: number;
  /** Milliseconds that `restarts` are counted in. */
  readonly period: number;
}

/** `RELEASE_HEART_RESTARTS` (5) within `RELEASE_HEART_PERIOD` seconds (60). */
export function heartLimits(env: NodeJS.ProcessEnv): HeartLimits {
  return {
    restarts: wholeNumber(env, 'RELEASE_HEART_RESTARTS') ?? 5,
    period: (wholeNumber(env, 'RELEASE_HEART_PERIOD', SECONDS) ?? 60) * 1000,
  };
}

/** Exit code of a node that is to be started again and did not crash, where it cannot become the new one itself. */
export const RESTART_CODE = 85;

/** Exit code of one that was told to stop and could not do it in order. */
export const STOPPED_CODE = 86;

/** Whether a heart waits for the end of this node, to start it again. */
export function isKeptAlive({ node }: ReleaseEnvironment, env: NodeJS.ProcessEnv): boolean {
  return env.RELEASE_HEART === node;
}

/** What tells a node that. Not a child of it: that has another name. */
export function keptAlive({ node }: ReleaseEnvironment): NodeJS.ProcessEnv {
  return { RELEASE_HEART: node };
}

/** What is known elsewhere of the node whose process is waited for. */
export interface KeptNode {
  /** Whether somebody ended this process, or the node that it held, and meant it. */
  wasForced(pid: number | undefined): boolean;
  /** The PID of the node that an ended process held, if it goes on without it. */
  survivor(pid: number | undefined): Promise<number | undefined>;
}

const UNKNOWN: KeptNode = { wasForced: () => false, survivor: async () => undefined };

/**
 * Runs a process, and runs it again when it ends other than by its own will: with an exit code that is not zero, or by
 * a signal that did not come from here, or from who forced it to end. Resolves to an exit code when it is over, one way
 * or the other.
 */
export async function keepAlive(
  command: CommandLine,
  limits: HeartLimits,
  say: (line: string) => void,
  node = UNKNOWN,
): Promise<number> {
  let crashes: readonly number[] = [];
  for (;;) {
    const end = await runOnce(command);
    if (end.asked || end.exitCode === 0) return end.exitCode ?? 0;
    if (end.exitCode === STOPPED_CODE || (end.exitCode === null && node.wasForced(end.pid))) return 1;
    if (end.exitCode === RESTART_CODE) continue;
    const survivor = await node.survivor(end.pid);
    if (survivor !== undefined) {
      say(
        `${end.how} after an upgrade; the new version (PID ${survivor}) runs on, and nobody starts it again`,
      );
      return 1;
    }
    const now = Date.now();
    crashes = [...crashes.filter((then) => now - then < limits.period), now];
    const seconds = limits.period / 1000;
    if (crashes.length > limits.restarts) {
      say(`${end.how}, ${crashes.length} times in ${seconds} s: given up`);
      return end.exitCode ?? 1;
    }
    say(`${end.how}; starting it again (${crashes.length} of ${limits.restarts} in ${seconds} s)`);
    // The first time at once; then what it needs may need a moment, as a port does.
    if (crashes.length > 1) await wait(1000);
  }
}

interface End {
  readonly pid: number | undefined;
  /** Null: a signal, or it was not even started. */
  readonly exitCode: number | null;
  readonly how: string;
  /** Whether somebody asked for it through this process. */
  readonly asked: boolean;
}

/** SIGHUP has it read its configuration again; the others end it. */
const PASSED_ON = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

async function runOnce({ file, args, env }: CommandLine): Promise<End> {
  const child = spawn(file, args, { env, stdio: 'inherit' });
  let asked = false;
  const passOn = (signal: NodeJS.Signals) => {
    asked ||= signal !== 'SIGHUP';
    child.kill(signal);
  };
  for (const signal of PASSED_ON) process.on(signal, passOn);
  try {
    const [exitCode, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    return {
      pid: child.pid,
      exitCode,
      how: exitCode === null ? `ended by ${signal}` : `ended with exit code ${exitCode}`,
      asked,
    };
  } catch (error) {
    // Its file may be away for the moment in which it is replaced.
    return {
      pid: undefined,
      exitCode: null,
      how: `could not be started (${(error as Error).message})`,
      asked,
    };
  } finally {
    for (const signal of PASSED_ON) process.off(signal, passOn);
  }
}
