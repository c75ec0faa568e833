import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { ReleaseEnvironment } from './environment.ts';
import { BootError } from './error.ts';
import { become, canBecome } from './relaunch.ts';
import { readVmArgsFile } from './vm-args.ts';

/**
 * Where the user of a service names another vm.args than the release's (`RELEASE_VM_ARGS`, `RELEASE_REMOTE_VM_ARGS`) and no shell
 * script stood between the executable and this process to read it: executes Node anew with its arguments. Returns
 * where nothing has to be done, also in the process that was executed. Throws BootError VM_ARGS_NOT_APPLIED where
 * Node cannot replace its process (Windows, Node before 22.15).
 */
export function applyVmArgs(environment: ReleaseEnvironment): void {
  // Commands that only talk to a node have arguments of their own.
  const isStart = ['start', 'start_repl', 'daemon'].includes(environment.command);
  const variable = isStart ? 'RELEASE_VM_ARGS' : 'RELEASE_REMOTE_VM_ARGS';
  const file = process.env[variable];
  if (!file || environment.executable === undefined) return;
  const wanted = readVmArgsFile(path.resolve(file), process.env).args;
  const execArgv = withVmArgs(process.execArgv, releaseVmArgs(environment), wanted);
  if (execArgv === undefined) return;
  if (!canBecome) {
    throw new BootError(
      'VM_ARGS_NOT_APPLIED',
      `${variable} names ${file}, and ${environment.prog} cannot apply it here: its Node cannot replace its own process. Put the arguments into rel/vm.args and build again, or use NODE_OPTIONS.`,
    );
  }
  become({ file: process.execPath, args: [...execArgv, ...process.argv.slice(1)], env: process.env });
}

/** The arguments that Node has to be executed with; undefined where it was already. */
export function withVmArgs(
  execArgv: readonly string[],
  builtIn: readonly string[],
  wanted: readonly string[],
): readonly string[] | undefined {
  if (wanted.length > 0 && endsWith(execArgv, wanted)) return undefined;
  const isDefault = builtIn.length > 0 && endsWith(execArgv, builtIn);
  if (wanted.length === 0 && !isDefault) return undefined;
  return [...(isDefault ? execArgv.slice(0, -builtIn.length) : execArgv), ...wanted];
}

function endsWith(list: readonly string[], end: readonly string[]): boolean {
  const offset = list.length - end.length;
  return offset >= 0 && end.every((item, index) => list[offset + index] === item);
}

/** What the executable passes by itself. */
function releaseVmArgs({ root, version }: ReleaseEnvironment): readonly string[] {
  const file = path.join(root, 'releases', version, 'release.json');
  const { vmArgs = [] } = JSON.parse(readFileSync(file, 'utf8')) as { readonly vmArgs?: readonly string[] };
  return vmArgs;
}
