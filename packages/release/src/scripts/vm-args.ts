import { ReleaseError } from '../error.ts';

/**
 * The arguments for Node in the text of a `vm.args`: one on each line, as it is; blank lines and those that begin
 * with `#` do not count, nor those that set an application's key (`-app key value`), which the boot reads.
 * Throws ReleaseError INVALID_VM_ARGS with the file and the line; `file` is only named.
 */
export function readVmArgs(text: string, file: string): readonly string[] {
  const args: string[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#') || isApplicationKey(line)) continue;
    const problem = problemOf(line, args.at(-1));
    if (problem !== undefined)
      throw new ReleaseError('INVALID_VM_ARGS', `${file}:${index + 1}: ${line}\n${problem}`);
    args.push(line);
  }
  return args;
}

function isApplicationKey(line: string): boolean {
  return /^-[^-\s]\S*\s+\S+\s+\S/.test(line);
}

function problemOf(line: string, before: string | undefined): string | undefined {
  const [first, ...rest] = line.split(/\s+/);
  if (line === '-' || line === '--') return 'Node would take what follows for the program; remove the line.';
  if (line.startsWith('-')) {
    const next = rest.find((word) => /^--[a-z]/.test(word));
    if (first!.includes('=') && next !== undefined)
      return `A line is one argument: write ${line.slice(line.indexOf(next))} on the next line.`;
    if (rest.length === 0 || first!.includes('=')) return undefined;
    const value = rest.join(' ');
    const app = first!.startsWith('--') ? '' : `, or an application's key as "${first} KEY VALUE"`;
    return `A line is one argument: write ${first}=${value}, or ${value} on the next line${app}.`;
  }
  // What is no option can only be the value of the one before.
  if (before?.startsWith('-') && !before.includes('=')) return undefined;
  return 'Node would take this for the program to run: an argument begins with "-".';
}
