import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { ReleaseError } from '../error.ts';
import type { Release } from '../release.ts';
import { readVmArgs } from './vm-args.ts';

/** What Node reads while it reads its arguments, and says nothing more of these where it is not there. */
const OPENS_A_FILE = /^--(env-file|env-file-if-exists|experimental-config-file)=/;

/**
 * Asks a runtime that runs here, an absolute path, whether it knows the arguments in `vm.args` and `remote.vm.args` of
 * an assembled release. What the machine of a start decides (files that arguments name, `${VAR}`) is left to it.
 * Throws ReleaseError INVALID_VM_ARGS with Node's own words.
 */
export async function tryVmArgs({ path: root, version, options }: Release, node: string): Promise<void> {
  const sources = { 'vm.args': options.vmArgs, 'remote.vm.args': options.remoteVmArgs };
  for (const [name, source] of Object.entries(sources)) {
    if (source === undefined) continue;
    const text = await readFile(path.join(root, 'releases', version, name), 'utf8').catch(textOfMissing);
    const args = withoutVariables(readVmArgs(text, source)).filter((arg) => !OPENS_A_FILE.test(arg));
    const problem = args.length === 0 ? undefined : await problemOf(node, args);
    if (problem !== undefined)
      throw new ReleaseError('INVALID_VM_ARGS', `${place(source, text, args, problem)}: ${problem}`);
  }
}

/** One with only comments is left out. */
function textOfMissing(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return '';
  throw error;
}

/** Nor the option whose value on the next line is one. */
function withoutVariables(args: readonly string[]): readonly string[] {
  const isVariable = (arg: string | undefined): boolean => arg?.includes('${') ?? false;
  return args.filter((arg, index) => {
    const next = args[index + 1];
    return !isVariable(arg) && !(isVariable(next) && !next!.startsWith('-'));
  });
}

/** Undefined when Node takes them. `--version` comes behind them all, so nothing is run or opened. */
async function problemOf(node: string, args: readonly string[]): Promise<string | undefined> {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const printed = await new Promise<string>((resolve) => {
    execFile(node, [...args, '--version'], { env, timeout: 30_000 }, (_error, _stdout, stderr) =>
      resolve(stderr),
    );
  });
  const line = printed
    .split('\n')
    .find((text) => /illegal value|bad option|requires an argument|invalid value|must be /.test(text));
  return line?.replace(/^(Error|.*?node(\.exe)?): /, 'Node says: ');
}

/** With the line, where Node names the argument. */
function place(source: string, text: string, args: readonly string[], problem: string): string {
  const named =
    args.find((arg) => problem.includes(arg)) ?? args.find((arg) => problem.includes(arg.split('=')[0]!));
  const line = text.split('\n').findIndex((one) => one.trim() === named);
  return line === -1 ? source : `${source}:${line + 1}`;
}
