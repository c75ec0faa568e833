import type { ParseArgsOptionDescriptor } from 'node:util';
import type { ReleaseInfo } from './state.ts';

/** An option of a custom command: `--name`, as `util.parseArgs` understands it, with a text for `--help`. */
export type CommandOption = ParseArgsOptionDescriptor & { readonly description?: string };

export type CommandOptions = Readonly<Record<string, CommandOption>>;

type OptionValue<Option extends CommandOption> = Option['type'] extends 'boolean' ? boolean : string;

/** The values of options: there when given or with a default, lists where `multiple` says so. */
export type CommandValues<Options extends CommandOptions> = {
  readonly [Name in keyof Options]: Options[Name] extends { multiple: true }
    ? readonly OptionValue<Options[Name]>[] | (Options[Name] extends { default: unknown } ? never : undefined)
    : OptionValue<Options[Name]> | (Options[Name] extends { default: unknown } ? never : undefined);
};

export interface CommandRun<Options extends CommandOptions> {
  /** What stood on the command line besides options. */
  readonly args: readonly string[];
  readonly options: CommandValues<Options>;
  /** The configuration of every application: application → key → value. */
  readonly config: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Undefined outside a release. */
  readonly release: ReleaseInfo | undefined;
}

/** A command of the release's own: the default export of a module in `commands/`. */
export interface Command<Options extends CommandOptions = CommandOptions> {
  /** One line, shown by `help`. */
  readonly description: string;
  /** Names of arguments, for `--help`: `['<file>', '[count]']`. */
  readonly arguments?: readonly string[];
  readonly options?: Options;
  /** Runs with the configuration loaded and nothing started. A number is the exit code. */
  run(context: CommandRun<Options>): unknown;
}

/** Gives a custom command its types; it returns what it is given. */
export function defineCommand<const Options extends CommandOptions = Record<never, CommandOption>>(
  command: Command<Options>,
): Command<Options> {
  return command;
}
