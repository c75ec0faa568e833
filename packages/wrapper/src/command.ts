import { execa } from 'execa';

/**
 * A line for the shell, or a program and its arguments. `{name}` stands for the value of that name. In a line it is one word,
 * in quotes of its own or without; inside other quotes it is not: there the environment has it.
 */
export type Command = string | readonly string[];

export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly code = 'COMMAND_FAILED';
}

/**
 * Runs a command of the user's to its end. `values` replace `{name}` in it and are in
 * its environment as `SARMA_NAME`. `what` names the command in the message of the CommandError that is thrown when it
 * cannot be run or fails; what it printed is in it. `signal` ends it.
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

/** For `/bin/sh`, and for `cmd.exe` on Windows, which knows no single quotes. */
function quoted(value: string): string {
  if (/^[\w./:@+-]+$/.test(value)) return value;
  return process.platform === 'win32' ? `"${value}"` : `'${value.replaceAll("'", "'\\''")}'`;
}
