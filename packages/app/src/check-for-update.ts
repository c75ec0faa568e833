import { existsSync } from 'node:fs';
import path from 'node:path';
import { AppError } from './error.ts';

/** What is published, compared with the executable that asks. */
export interface UpdateCheck {
  /** The version of the executable. */
  readonly current: string;
  /** The newest one of the channel; `current` where nothing is published. */
  readonly version: string;
  readonly isNewer: boolean;
  /** What is new in it, in Markdown; may be empty. */
  readonly notes: string;
  /** Where people find it: its page on GitHub, or its folder. */
  readonly url: string;
}

export interface CheckForUpdateOptions {
  /** Default: `update.channel` of the release. */
  readonly channel?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The stub's exit status where an executable cannot update itself; packages/stub/src/maintenance.zig. */
const NOT_UPDATABLE = 3;
/** The updater's for "there is a newer version"; packages/update/src/main.ts. */
const NEWER = 10;
/** Of the answer, in bytes: notes may be long. */
const LARGEST = 16 * 1024 * 1024;

/**
 * Asks, in a process of its own, whether there is a later version of the executable that this program was started from;
 * `maintenance update` takes it. Undefined outside an executable that can update itself. Rejects with an AppError
 * UPDATE_CHECK_FAILED that says why (no network, a signature that does not hold), and with the signal's reason.
 */
export async function checkForUpdate({
  channel,
  signal,
}: CheckForUpdateOptions = {}): Promise<UpdateCheck | undefined> {
  signal?.throwIfAborted();
  const file = ownExecutable();
  if (file === undefined) return undefined;
  const args = ['--check', '--json', ...(channel === undefined ? [] : ['--channel', channel])];
  const { status, stdout, stderr } = await ask(file, args, signal);
  signal?.throwIfAborted();
  if (status === NOT_UPDATABLE) return undefined;
  if (status === 0 || status === NEWER) {
    try {
      return JSON.parse(stdout) as UpdateCheck;
    } catch {
      throw new AppError('UPDATE_CHECK_FAILED', `${file} is another program by now.`);
    }
  }
  const ended = typeof status === 'number' ? 'ended with' : 'cannot be asked:';
  throw new AppError('UPDATE_CHECK_FAILED', stderr.trim() || `${file} ${ended} ${status}.`);
}

/**
 * Children inherit SARMA_BIN, and not each of them is part of that executable: what npm or `sarma run` starts below it is
 * none, nor is a release in a directory. What is lies in an install.
 */
function ownExecutable(): string | undefined {
  return isInstalled(path.resolve(process.argv[1] ?? '')) ? process.env.SARMA_BIN : undefined;
}

function isInstalled(file: string): boolean {
  const folder = path.dirname(file);
  return folder !== file && (existsSync(path.join(folder, '.sarma', 'marker')) || isInstalled(folder));
}

interface Answer {
  /** The exit code, or the signal or error that it ended by. */
  readonly status: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

async function ask(file: string, args: readonly string[], signal: AbortSignal | undefined): Promise<Answer> {
  // Loaded here, since it takes milliseconds of every start; by `import`, a start-up snapshot could not.
  const { execFile } =
    process.getBuiltinModule?.('node:child_process') ?? (await import('node:child_process'));
  const env = { ...process.env, SARMA_MAINTENANCE: 'update' };
  const options = { env, maxBuffer: LARGEST, windowsHide: true, ...(signal && { signal }) };
  return await new Promise((resolve) => {
    execFile(file, args, options, (error, stdout, stderr) => {
      const status = error?.code ?? error?.signal ?? (error ? error.message : 0);
      resolve({ status, stdout, stderr });
    });
  });
}
