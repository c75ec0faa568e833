import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { connect } from 'node:net';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type ReleaseEnvironment, releaseVariables } from './environment.ts';
import { BootError } from './error.ts';
import { withVariables } from './os-variables.ts';

/**
 * A hook that is a JSON file instead of a script. Its keys were checked when the release was assembled; texts hold
 * `${VAR}` and `${VAR:-default}`.
 */
export type ReadyMadeHook =
  /** A port of this machine, or `host:port`. */
  | { readonly waitForPort: number | string; readonly timeout?: number }
  /** An address that answers with a status of 200 to 299. */
  | { readonly waitForHealth: string; readonly timeout?: number }
  /** Gets the PID of the node, and is removed when the node ends. Relative to the state directory. */
  | { readonly pidFile: string };

/** The files that name the process of the node, and whether it is this one: not yet where it succeeds another one. */
export interface PidFiles {
  readonly paths: string[];
  readonly isNode: () => boolean;
}

/** How it failed; undefined where it did not. */
export async function runReadyMade(
  file: string,
  environment: ReleaseEnvironment,
  pidFiles: PidFiles,
): Promise<string | undefined> {
  const env = { ...process.env, ...releaseVariables(environment) };
  const hook = JSON.parse(readFileSync(file, 'utf8'), (_key, value) =>
    typeof value === 'string' ? withVariables(value, env) : value,
  ) as ReadyMadeHook;
  if ('pidFile' in hook)
    return addPidFile(path.resolve(environment.mutableDirectory, hook.pidFile), pidFiles);
  const look = 'waitForPort' in hook ? portLook(String(hook.waitForPort)) : healthLook(hook.waitForHealth);
  return typeof look === 'string' ? look : await succeeds(look, hook.timeout ?? DEFAULT_TIMEOUT);
}

/** Seconds. */
const DEFAULT_TIMEOUT = 30;

function addPidFile(file: string, { paths, isNode }: PidFiles): string | undefined {
  paths.push(file);
  process.on('exit', () => {
    // Another version's, where the node was upgraded.
    if (readIfThere(file) === PID) rmSync(file, { force: true });
  });
  return isNode() ? writePid(file) : undefined;
}

/** This process is the node from now on, or again. Throws BootError HOOK_FAILED. */
export function writePids(files: readonly string[]): void {
  const failed = files.map(writePid).filter((problem) => problem !== undefined);
  if (failed.length > 0) throw new BootError('HOOK_FAILED', `The hook pidFile ${failed.join(', and ')}.`);
}

/** What a file holds that names this process. */
const PID = `${process.pid}\n`;

function writePid(file: string): string | undefined {
  try {
    writeFileSync(file, PID);
    return undefined;
  } catch (error) {
    return `cannot write the PID: ${(error as Error).message}`;
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** Resolves to what is wrong; undefined: nothing. */
type Look = (signal: AbortSignal) => Promise<string | undefined>;

/** Looks again and again; how it failed when the time is over. */
async function succeeds(look: Look, timeout: number): Promise<string | undefined> {
  const latest = Date.now() + timeout * 1000;
  for (;;) {
    // One that hangs is no reason not to ask again.
    const problem = await look(AbortSignal.timeout(Math.min(5000, Math.max(latest - Date.now(), 100))));
    if (problem === undefined) return undefined;
    if (Date.now() + PAUSE > latest) return `was not done within ${timeout} s: ${problem}`;
    await wait(PAUSE);
  }
}

/** Milliseconds between two looks. */
const PAUSE = 200;

/** A text says why there can be none. */
function portLook(text: string): Look | string {
  const [, host = 'localhost', digits] = /^(?:\[?(.*?)\]?:)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (!(port > 0 && port <= 65_535))
    return `has no port to wait for: waitForPort is ${JSON.stringify(text)}; expected a port or host:port`;
  return (signal) =>
    new Promise((resolve) => {
      const socket = connect({ host, port, signal });
      const done = (problem?: string) => {
        socket.destroy();
        resolve(problem);
      };
      socket.on('connect', () => done());
      socket.on('error', (error: NodeJS.ErrnoException) => done(`${host}:${port}: ${reason(error)}`));
    });
}

function healthLook(text: string): Look | string {
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol))
    return `has no address to ask: waitForHealth is ${JSON.stringify(text)}; expected one that begins with http:// or https://`;
  return async (signal) => {
    const ask = url.protocol === 'https:' ? (await import('node:https')).get : get;
    return await new Promise((resolve) => {
      // With a connection of its own, which is closed: a server that stops would wait for it.
      const request = ask(url, { agent: false, signal }, (response) => {
        response.resume();
        const { statusCode = 0 } = response;
        resolve(statusCode >= 200 && statusCode < 300 ? undefined : `${url.href} answers ${statusCode}`);
        request.destroy();
      });
      request.on('error', (error) => resolve(`${url.href}: ${reason(error)}`));
    });
  };
}

function reason(error: NodeJS.ErrnoException): string {
  if (error.name === 'AbortError' || error.name === 'TimeoutError') return 'no answer';
  return error.message || (error.code ?? error.name);
}
