import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { BootFile } from './boot-file.ts';
import type { ReleaseEnvironment } from './environment.ts';
import { BootError } from './error.ts';
import { replaceVariables } from './os-variables.ts';

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
  if (kind === 'service' && env.RELEASE_VM_ARGS)
    return readVmArgsFile(path.resolve(env.RELEASE_VM_ARGS), env);
  const own = path.join(root, 'releases', version, 'vm.args');
  return existsSync(own) ? readVmArgsFile(own, env) : { args: [], settings: [] };
}

/** Throws BootError UNREADABLE_VM_ARGS. */
export function readVmArgsFile(file: string, env: NodeJS.ProcessEnv): VmArgs {
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
