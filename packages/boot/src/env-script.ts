import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { BootError } from './error.ts';

/**
 * What `env.bat` sets, as `bin/<name>` sources env.sh elsewhere. Node runs already by then: what it reads at its own
 * start, NODE_OPTIONS above all, comes too late here. `folder` is that of the version.
 */
export function envScriptVariables(folder: string, env: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  const file = path.join(folder, 'env.bat');
  if (!existsSync(file)) return {};
  // /u: `set` prints UTF-16, and not the code page of a console, which lacks characters. /q: no echo of its lines.
  // The whole line in quotes, which /s takes away: the path may have its own.
  const { status, stdout, error } = spawnSync(
    'cmd.exe',
    ['/d', '/q', '/u', '/s', '/c', `"call "${file}" >&2 && set"`],
    {
      encoding: 'utf16le',
      stdio: ['ignore', 'pipe', 'inherit'],
      windowsVerbatimArguments: true,
    },
  );
  if (status !== 0) {
    throw new BootError('ENV_SCRIPT', `${file} failed: ${error?.message ?? `exit code ${status}`}.`);
  }
  return changedVariables(stdout, env);
}

/** Of `NAME=value` lines those that are new; cmd's own, such as `=C:`, are none of ours. */
export function changedVariables(text: string, env: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  const variables = text.split(/\r?\n/).flatMap((line) => {
    const at = line.indexOf('=');
    return at > 0 ? [[line.slice(0, at), line.slice(at + 1)] as const] : [];
  });
  return Object.fromEntries(variables.filter(([name, value]) => env[name] !== value));
}
