import { readFileSync } from 'node:fs';
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
 * Node itself has no option of one dash with a blank in it.
 */
export function parseVmArgs(text: string): VmArgs {
  const args: string[] = [];
  const settings: Setting[] = [];
  for (const line of text.split('\n').map((text) => text.trim())) {
    if (line === '' || line.startsWith('#')) continue;
    const setting = /^-(?!-)(\S+)\s+(\S+)\s+(.*)$/.exec(line);
    if (setting === null) args.push(line);
    else settings.push({ application: setting[1]!, key: setting[2]!, value: jsonOrText(setting[3]!) });
  }
  return { args, settings };
}

/** Reads a vm.args, with `${VAR}` replaced where `REPLACE_OS_VARS` says so; a file that is not there is an empty one. */
export function readVmArgs(file: string, env: NodeJS.ProcessEnv): VmArgs {
  try {
    return parseVmArgs(replaceVariables(readFileSync(file, 'utf8'), env));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return { args: [], settings: [] };
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
