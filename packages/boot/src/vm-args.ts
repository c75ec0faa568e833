import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { BootFile } from './boot-file.ts';
import type { ReleaseEnvironment } from './environment.ts';
import { BootError } from './error.ts';
import { replaceVariables } from './os-variables.ts';
import { become, canBecome } from './relaunch.ts';

/** A line `-app key value` of a vm.args. */
export interface Setting {
  readonly application: string;
  readonly key: string;
  readonly value: unknown;
}

export interface VmArgs {
  /** For Node, as they stand on their lines. */
  readonly args: readonly string[];
  readonly settings: readonly Setting[];
}

/**
 * Reads the text of a vm.args: an argument per line, without quoting; blank lines and those that begin with `#`
 * count for nothing. `-app key value` sets a key of an application: the value is JSON where it parses, else text.
 * Node itself has no option of one dash with two blanks in it. `${VAR}` is replaced where `REPLACE_OS_VARS` says so;
 * an argument that becomes empty is none.
 */
export function parseVmArgs(text: string, env: NodeJS.ProcessEnv): VmArgs {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const settings: Setting[] = [];
  const args: string[] = [];
  for (const line of lines) {
    const setting = SETTING.exec(line);
    if (setting === null) args.push(replaceVariables(line, env));
    else settings.push(readSetting(setting, env));
  }
  return { args: args.filter((arg) => arg !== ''), settings };
}

/** The same rule as in the `bin/<name>` that packages/release writes. */
const SETTING = /^-([^-\s]\S*)\s+(\S+)\s+(\S.*)$/;

function readSetting([, application, key, value]: RegExpExecArray, env: NodeJS.ProcessEnv): Setting {
  return { application: application!, key: key!, value: jsonOrText(replaceVariables(value!, env)) };
}

/**
 * What a start of the release reads: of a service the file that `RELEASE_VM_ARGS` names, else its own `vm.args`, which
 * is left out of a release when it holds only comments. Throws BootError UNREADABLE_VM_ARGS.
 */
export function readVmArgs(
  { kind }: BootFile,
  { root, version }: ReleaseEnvironment,
  env: NodeJS.ProcessEnv,
): VmArgs {
  if (kind === 'service' && env.RELEASE_VM_ARGS) return readFile(path.resolve(env.RELEASE_VM_ARGS), env);
  const own = path.join(root, 'releases', version, 'vm.args');
  return existsSync(own) ? readFile(own, env) : { args: [], settings: [] };
}

function readFile(file: string, env: NodeJS.ProcessEnv): VmArgs {
  try {
    return parseVmArgs(readFileSync(file, 'utf8'), env);
  } catch (cause) {
    throw new BootError('UNREADABLE_VM_ARGS', `${file} cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  }
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

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
  const wanted = readFile(path.resolve(file), process.env).args;
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
