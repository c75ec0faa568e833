import { distance } from 'fastest-levenshtein';

/**
 * A line for the shell, or a program and its arguments. `{name}` stands for the value of that name. In a line it is one word,
 * in quotes of its own or without; inside other quotes it is not: there the environment has it.
 */
export type Command = string | readonly string[];

/** A command of the user's cannot be run, failed, or did not do what it is for. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly code = 'COMMAND_FAILED';
}

/**
 * Runs a command of the user's to its end. `values` replace `{name}` in it and are in
 * its environment as `SARMA_NAME`. `what` names the command in the message of the CommandError that is thrown when it
 * cannot be run, fails, or has a placeholder that is mistyped; what it printed is in it, and is returned
 * otherwise. `signal` ends it with all that it has started.
 */
export async function runCommand(
  command: Command,
  what: string,
  values: Readonly<Record<string, string>>,
  cwd: string,
  signal?: AbortSignal,
): Promise<string> {
  const variables = Object.entries(values).map(([name, value]) => [`SARMA_${name.toUpperCase()}`, value]);
  const options = {
    cwd,
    env: Object.fromEntries(variables),
    all: true,
    stdin: 'ignore',
    reject: false,
    // A group of its own, to be ended as a whole. Windows has none: there the console ends what it shows.
    detached: process.platform !== 'win32',
    ...(signal && { cancelSignal: signal }),
  } as const;
  const isLine = typeof command === 'string';
  checkPlaceholders(command, what, Object.keys(values));
  const fill = (text: string) =>
    text.replace(isLine ? /(["']?)\{(\w+)\}\1/g : /()\{(\w+)\}/g, (whole, _quote, name: string) => {
      const value = values[name];
      return value === undefined ? whole : isLine ? quoted(value) : value;
    });
  const [program, args] = isLine ? [fill(command), []] : [fill(command[0]!), command.slice(1).map(fill)];
  const { execa } = await import('execa');
  const running = execa(program, args, { ...options, shell: isLine });
  const result = await endedWith(running, signal);
  const said = result.all ?? '';
  if (!result.failed) return said;
  throw new CommandError(`${what} failed: ${result.shortMessage}${printed(said)}`);
}

/** A shell that is ended leaves alone what it has started, and who exits whom it has started. */
async function endedWith<Result>(
  running: Promise<Result> & { readonly pid?: number | undefined },
  signal: AbortSignal | undefined,
): Promise<Result> {
  const end = () => endGroup(running.pid, 'SIGTERM');
  const kill = () => endGroup(running.pid, 'SIGKILL');
  signal?.addEventListener('abort', end);
  process.on('exit', kill);
  if (signal?.aborted) end();
  try {
    return await running;
  } finally {
    signal?.removeEventListener('abort', end);
    process.off('exit', kill);
  }
}

function endGroup(leader: number | undefined, signal: NodeJS.Signals): void {
  if (leader === undefined || process.platform === 'win32') return;
  try {
    process.kill(-leader, signal);
  } catch (error) {
    // Over already; macOS says so of what its parent has not heard yet.
    if (!['ESRCH', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

/** What a command printed, as the end of a message. */
export function printed(said: string): string {
  const text = said.trim();
  return text === '' ? '' : `\n${text.replaceAll(/^/gm, '  ')}`;
}

/**
 * A placeholder that is mistyped would reach the command as it is. Other words in braces are the shell's or a script's,
 * as in `awk '{print}'`. Throws CommandError.
 */
function checkPlaceholders(command: Command, what: string, names: readonly string[]): void {
  for (const [placeholder, word] of [command]
    .flat()
    .join('\n')
    .matchAll(/\{(\w{3,})\}/g)) {
    const meant = names.includes(word!) ? undefined : names.find((name) => distance(name, word!) <= 2);
    if (meant === undefined) continue;
    const known = names.map((name) => `{${name}}`).join(', ');
    throw new CommandError(
      `${what} has ${placeholder}, which stands for nothing. Did you mean {${meant}}? There are ${known}.`,
    );
  }
}

/** For `/bin/sh`, and for `cmd.exe` on Windows, which knows no single quotes. */
function quoted(value: string): string {
  if (/^[\w./:@+-]+$/.test(value)) return value;
  return process.platform === 'win32' ? `"${value}"` : `'${value.replaceAll("'", "'\\''")}'`;
}
