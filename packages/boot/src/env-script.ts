import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { BootError } from './error.ts';

/**
 * Lets `env.bat` set variables, as `bin/<name>` sources env.sh elsewhere. Node runs already by then: what it reads at
 * its own start, NODE_OPTIONS above all, comes too late here.
 */
export function applyEnvScript(root: string, version: string, env: NodeJS.ProcessEnv): void {
  const file = path.join(root, 'releases', version, 'env.bat');
  if (!existsSync(file)) return;
  // /q: no echo of its lines. The whole line in quotes, which /s takes away: the path may have its own.
  const { status, stdout, error } = spawnSync(
    'cmd.exe',
    ['/d', '/q', '/s', '/c', `"call "${file}" >&2 && set"`],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
      windowsVerbatimArguments: true,
    },
  );
  if (status !== 0) {
    throw new BootError('ENV_SCRIPT', `${file} failed: ${error?.message ?? `exit code ${status}`}.`);
  }
  for (const [name, value] of variables(stdout)) env[name] = value;
}

/** `NAME=value` lines; cmd's own, such as `=C:`, are none of ours. */
export function variables(text: string): readonly (readonly [name: string, value: string])[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const at = line.indexOf('=');
    return at > 0 ? [[line.slice(0, at), line.slice(at + 1)] as const] : [];
  });
}
