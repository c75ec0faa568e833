import type { ArgumentsCamelCase, InferredOptionTypes, Options } from 'yargs';

type OptionsOf = Record<string, Options>;

/** One command: what it is called with, what help says about it, and what it does. */
export interface Command<O extends OptionsOf = OptionsOf> {
  readonly name: string;
  readonly description: string;
  /** The one positional argument, which may also be given as a flag of its name. */
  readonly positional?: { readonly name: string; readonly description: string; readonly required: boolean };
  readonly flags: O;
  readonly examples: readonly (readonly [command: string, meaning: string])[];
  /** Returns the exit code. Loads what it needs itself, so that other commands do not wait for it. */
  readonly run: (flags: Flags<O>) => Promise<number>;
}

/** What was given; `project` and `file` are the positional arguments of the commands that have them. */
export type Flags<O extends OptionsOf> = ArgumentsCamelCase<
  InferredOptionTypes<O> & { project?: string; file?: string }
>;

/** The positional argument of commands that work on a project. */
export const projectPositional = {
  name: 'project',
  description: 'Its folder, or one file to start; also --project [this folder]',
  required: false,
} as const;

/** The positional argument of commands that read an executable. */
export const filePositional = {
  name: 'file',
  description: 'An executable made by Sarma',
  required: true,
} as const;

/** A command whose `run` has the types of its flags. */
export function command<const O extends OptionsOf>(command: Command<O>): Command {
  return command as unknown as Command;
}
