import { spawn } from 'node:child_process';
import path from 'node:path';
import type { BootFile, HookName } from './boot-file.ts';
import { type ReleaseEnvironment, releaseVariables } from './environment.ts';
import { BootError } from './error.ts';
import type { PidFiles } from './ready-made-hooks.ts';

/**
 * Runs the scripts of a hook one after the other, and what is ready-made, with the environment of the node. Throws
 * BootError HOOK_FAILED for the first one that fails; those behind it do not run. A script that is not done when `limit`
 * milliseconds are over for all of them fails and is ended then. What is ready-made and waits has a limit of its own,
 * and is in no hook of a stop (packages/release/src/scripts/hooks.ts).
 */
export async function runHooks(
  boot: BootFile,
  environment: ReleaseEnvironment,
  name: HookName,
  limit = Number.POSITIVE_INFINITY,
  pidFiles: PidFiles = { paths: [], isNode: () => true },
): Promise<void> {
  const latest = Date.now() + limit;
  for (const script of (boot.hooks[name] ?? []).filter(isForThisSystem)) {
    const file = path.resolve(environment.root, script);
    const ended =
      path.extname(script) === '.json'
        ? await (await import('./ready-made-hooks.ts')).runReadyMade(file, environment, pidFiles)
        : await runScript(file, environment, latest - Date.now());
    if (ended === undefined) continue;
    throw new BootError('HOOK_FAILED', `Hook ${name} (${script}) ${ended}.`);
  }
}

/** A release holds the scripts of every system: a shell's for Unix, cmd's and PowerShell's for Windows. */
function isForThisSystem(script: string): boolean {
  const isWindows = process.platform === 'win32';
  if (['.bat', '.cmd', '.ps1'].includes(path.extname(script))) return isWindows;
  return path.extname(script) !== '.sh' || !isWindows;
}

/** How it failed; undefined where it did not. */
function runScript(
  script: string,
  environment: ReleaseEnvironment,
  limit: number,
): Promise<string | undefined> {
  const [file, ...args] = commandFor(script);
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, ...releaseVariables(environment) },
    });
    child.on('error', (error) => resolve(`could not be executed: ${error.message}`));
    let isLate = false;
    const end = () => {
      isLate = child.kill('SIGKILL');
    };
    const timer = Number.isFinite(limit) ? setTimeout(end, limit) : undefined;
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (isLate) resolve(`was not done within ${Math.round(limit / 100) / 10} s, and was ended`);
      else if (code === 0) resolve(undefined);
      else resolve(signal === null ? `failed with exit code ${code}` : `was ended by ${signal}`);
    });
  });
}

/** What executes a script: by its ending, since Windows knows no `#!` and a tar for it no modes. */
function commandFor(script: string): readonly [string, ...string[]] {
  switch (path.extname(script)) {
    case '.sh':
      return ['/bin/sh', script];
    case '.mjs':
    case '.cjs':
    case '.js':
      return [process.execPath, script];
    case '.bat':
    case '.cmd':
      return ['cmd.exe', '/d', '/c', script];
    case '.ps1':
      return ['powershell.exe', '-NoProfile', '-NonInteractive', '-File', script];
    default:
      return [script];
  }
}
