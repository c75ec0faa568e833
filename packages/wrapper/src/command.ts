import { execa } from 'execa';
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
 * cannot be run, fails, or has a placeholder that is mistyped; what it printed is in it. `signal` ends it.
 */
export async function runCommand(
  command: Command,
  what: string,
  values: Readonly<Record<string, string>>,
  cwd: string,
  signal?: AbortSignal,
): Promise<void> {
  const variables = Object.entries(values).map(([name, value]) => [`SARMA_${name.toUpperCase()}`, value]);
  const options = {
    cwd,
    env: Object.fromEntries(variables),
    all: true,
    stdin: 'ignore',
    reject: false,
    ...(signal && { cancelSignal: signal }),
  } as const;
  const isLine = typeof command === 'string';
  checkPlaceholders(command, what, Object.keys(values));
  const fill = (text: string) =>
    text.replace(isLine ? /(["']?)\{(\w+)\}\1/g : /()\{(\w+)\}/g, (whole, _quote, name: string) => {
      const value = values[name];
      return value === undefined ? whole : isLine ? quoted(value) : value;
    });
  const result = isLine
    ? await execa(fill(command), { ...options, shell: true })
    : await execa(fill(command[0]!), command.slice(1).map(fill), options);
  if (!result.failed) return;
  const said = (result.all ?? '').trim();
  throw new CommandError(
    `${what} failed: ${result.shortMessage}${said === '' ? '' : `\n${said.replaceAll(/^/gm, '  ')}`}`,
  );
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
