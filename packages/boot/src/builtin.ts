import type { CommandContext } from './context.ts';

/** A command that every service has. */
export interface BuiltinCommand {
  readonly name: string;
  /** What follows the name, as usage shows it. */
  readonly syntax: string;
  readonly description: string;
  /** Further lines of its own help. */
  readonly details?: readonly string[];
  /** For the machinery: left out of usage. */
  readonly hidden?: true;
  /** Its arguments belong to the applications or to an expression: `--help` among them is not for us. */
  readonly ownArguments?: true;
  /**
   * Loads the command's code and runs it, so that a start does not pay for the others. Resolves to the exit code;
   * undefined where the process lives on and ends by itself.
   */
  run(context: CommandContext): Promise<number | undefined>;
}

/** In the order in which usage lists them. */
export const builtins: readonly BuiltinCommand[] = [
  {
    name: 'start',
    syntax: '[ARGUMENTS]',
    description: 'Start the node in the foreground; arguments are for the applications',
    ownArguments: true,
    run: async (context) => (await import('./commands/start.ts')).run(context),
  },
  {
    name: 'version',
    syntax: '',
    description: "Print the release's name and version",
    run: async (context) => (await import('./commands/version.ts')).run(context),
  },
  {
    name: 'help',
    syntax: '[COMMAND]',
    description: 'Print this, or more about one command',
    run: async (context) => (await import('./commands/help.ts')).run(context),
  },
];

/** What the commands are called in older systems → ours, with the words that stand before the arguments. */
export const aliases: Readonly<Record<string, readonly [command: string, ...words: string[]]>> = {
  console: ['start_repl'],
  start_iex: ['start_repl'],
  daemon_iex: ['daemon'],
  foreground: ['start'],
  remote_console: ['remote'],
  reboot: ['restart'],
  status: ['describe'],
  install: ['service', 'install'],
  uninstall: ['service', 'uninstall'],
  '-h': ['help'],
  '--help': ['help'],
  '--version': ['version'],
};

/** The command as it is called here, and its arguments. Without a word: `start`. */
export function resolveAlias(
  words: readonly string[],
  custom: readonly string[],
): readonly [string, ...string[]] {
  const [word = 'start', ...rest] = words;
  const alias = custom.includes(word) ? undefined : Object.hasOwn(aliases, word) && aliases[word];
  return alias ? [...alias, ...rest] : [word, ...rest];
}

export function findBuiltin(name: string): BuiltinCommand | undefined {
  return builtins.find((command) => command.name === name);
}
