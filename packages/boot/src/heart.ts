import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { BootError } from './error.ts';
import type { CommandLine } from './relaunch.ts';

/** How often a crashed process is started again. */
export interface HeartLimits {
  readonly restarts: number;
  /** Milliseconds that `restarts` are counted in. */
  readonly period: number;
}

/** `RELEASE_HEART_RESTARTS` (5) within `RELEASE_HEART_PERIOD` seconds (60). */
export function heartLimits(env: NodeJS.ProcessEnv): HeartLimits {
  return {
    restarts: count(env, 'RELEASE_HEART_RESTARTS', 5),
    period: count(env, 'RELEASE_HEART_PERIOD', 60) * 1000,
  };
}

function count(env: NodeJS.ProcessEnv, name: string, otherwise: number): number {
  const text = env[name];
  if (text === undefined || text === '') return otherwise;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new BootError('INVALID_VARIABLE', `${name} is ${JSON.stringify(text)}; expected a whole number.`);
}

/**
 * Runs a process, and runs it again when it ends other than by its own will: with an exit code that is not zero, or by
 * a signal that did not come from here. Resolves to an exit code when it is over, one way or the other.
 */
export async function keepAlive(
  command: CommandLine,
  limits: HeartLimits,
  say: (line: string) => void,
): Promise<number> {
  let crashes: readonly number[] = [];
  for (;;) {
    const end = await runOnce(command);
    if (end.asked || end.exitCode === 0) return end.exitCode ?? 0;
    const now = Date.now();
    crashes = [...crashes.filter((then) => now - then < limits.period), now];
    const how = end.exitCode === null ? `by ${end.signal}` : `with exit code ${end.exitCode}`;
    const seconds = limits.period / 1000;
    if (crashes.length > limits.restarts) {
      say(`ended ${how}, ${crashes.length} times in ${seconds} s: given up`);
      return end.exitCode ?? 1;
    }
    say(`ended ${how}; starting it again (${crashes.length} of ${limits.restarts} in ${seconds} s)`);
    // The first time at once; then what it needs may need a moment, as a port does.
    if (crashes.length > 1) await wait(1000);
  }
}

interface End {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
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
    return { exitCode, signal, asked };
  } finally {
    for (const signal of PASSED_ON) process.off(signal, passOn);
  }
}
