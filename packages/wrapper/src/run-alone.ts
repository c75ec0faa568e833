import { spawn } from 'node:child_process';
import path from 'node:path';
import { bareEnvironment, ISOLATION_ENVIRONMENT, type Isolation } from './isolation.ts';

/** Where a program of `work` is started, and until when. */
export interface Alone {
  /** Holds the program, and the directories `empty` and `home`. */
  readonly work: string;
  readonly isolated: Isolation | undefined;
  /** Milliseconds. */
  readonly limit: number;
  /** Ends it before. */
  readonly signal?: AbortSignal | undefined;
}

export interface Ended {
  /** Until it was ended for that. */
  readonly running: boolean;
  readonly status: number | null;
  readonly signal: string | null;
  /** The end of what it printed on stderr. */
  readonly errors: string;
}

/** Of what a program prints, in characters from the end. */
const KEPT = 8000;
const SHOWN_LINES = 20;

/**
 * Runs a program that lies in `work` to its end, in an empty directory: an empty HOME is its only variable, and nothing is on
 * stdin. What it leaves running is ended with it. Throws what starting a process throws, and why `signal` was given.
 */
export async function runAlone(
  program: string,
  args: readonly string[],
  { work, isolated, limit, signal }: Alone,
): Promise<Ended> {
  signal?.throwIfAborted();
  const place = isolated === undefined ? path.join(work, program) : `${isolated.work}/${program}`;
  const [command, ...rest] = [...(isolated?.command ?? []), place, ...args];
  const child = spawn(command!, rest, {
    cwd: path.join(work, 'empty'),
    env: isolated ? ISOLATION_ENVIRONMENT : bareEnvironment(path.join(work, 'home')),
    stdio: ['ignore', 'ignore', 'pipe'],
    // A group of its own, to be ended with all that it starts.
    detached: process.platform !== 'win32',
  });
  const end = () => endGroup(child.pid);
  signal?.addEventListener('abort', end);
  let running = false;
  const timer = setTimeout(() => {
    running = true;
    end();
  }, limit);
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-KEPT);
  });
  try {
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', () => {
        // What it printed may arrive after its end; what it left running holds the pipe open, and is not waited for.
        end();
        setTimeout(resolve, 50);
      });
    });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', end);
    child.stderr.destroy();
  }
  signal?.throwIfAborted();
  return { running, status: child.exitCode, signal: child.signalCode, errors };
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

export function howItEnded({ status, signal }: Ended): string {
  return signal === null ? `ended with exit status ${status}` : `was ended by ${signal}`;
}

/** What it printed, to be put behind a sentence without its full stop. */
export function whatItSaid({ errors }: Ended): string {
  if (errors.trim() === '') return ', and said nothing.';
  const lines = errors.trim().split('\n').slice(-SHOWN_LINES);
  return `:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}
