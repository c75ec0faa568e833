import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { ReleaseEnvironment } from '../environment.ts';

/**
 * Hands `service …` to the launcher, which speaks to the service manager. In a directory the user has called it
 * already; an executable keeps a copy of it beside itself, where whoever may start the executable may read it.
 * Returns the launcher's exit code.
 */
export function runLauncher(
  action: 'install' | 'uninstall' | 'status',
  name: string,
  { root, name: release, executable }: ReleaseEnvironment,
): number {
  const own = path.join(root, 'bin', `${release}.exe`);
  if (executable === undefined) return run(own, ['service', action, '--name', name]);
  const copy = path.join(path.dirname(executable), `${release}-service.exe`);
  if (action === 'install') copyFileSync(own, copy);
  const target = action === 'install' ? ['--executable', executable] : [];
  const exitCode = run(existsSync(copy) ? copy : own, ['service', action, '--name', name, ...target]);
  if (action === 'uninstall' && exitCode === 0) rmSync(copy, { force: true });
  return exitCode;
}

function run(file: string, args: readonly string[]): number {
  const { status, error } = spawnSync(file, args, { stdio: 'inherit' });
  if (error !== undefined) throw error;
  return status ?? 1;
}
