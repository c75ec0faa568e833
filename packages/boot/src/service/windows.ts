import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { ReleaseEnvironment } from '../environment.ts';
import { BootError } from '../error.ts';

/**
 * Hands `service …` to the launcher, which speaks to the service manager. In a directory the user has called it
 * already; an executable keeps a copy of it beside itself, where whoever may start the executable may read it.
 * Returns the launcher's exit code.
 */
export function runLauncher(
  action: 'install' | 'uninstall' | 'status',
  name: string,
  account: string | undefined,
  { root, name: release, executable }: ReleaseEnvironment,
): number {
  const own = path.join(root, 'bin', `${release}.exe`);
  const words = ['service', action, '--name', name, ...(account === undefined ? [] : ['--account', account])];
  if (executable === undefined) return run(own, words);
  const copy = path.join(path.dirname(executable), `${release}-service.exe`);
  const hadCopy = existsSync(copy);
  if (action !== 'install') {
    const exitCode = run(hadCopy ? copy : own, words);
    if (action === 'uninstall' && exitCode === 0) rmSync(copy, { force: true });
    return exitCode;
  }
  place(own, copy);
  const exitCode = run(copy, [...words, '--executable', executable]);
  // One that was there may belong to a service that is.
  if (exitCode !== 0 && !hadCopy) rmSync(copy, { force: true });
  return exitCode;
}

function place(own: string, copy: string): void {
  try {
    copyFileSync(own, copy);
  } catch (cause) {
    throw new BootError(
      'NO_LAUNCHER',
      `${copy}, which the service manager is to start, cannot be written: ${(cause as Error).message}. Run this as an administrator, and stop the service if it runs.`,
      { cause },
    );
  }
}

function run(file: string, args: readonly string[]): number {
  const { status, error } = spawnSync(file, args, { stdio: 'inherit' });
  if (error !== undefined) {
    throw new BootError('NO_LAUNCHER', `${file} cannot be run: ${error.message}.`, { cause: error });
  }
  return status ?? 1;
}
