import type { ArgumentsCamelCase, InferredOptionTypes, Options } from 'yargs';
import { UsageError } from './usage.ts';

type OptionsOf = Record<string, Options>;

/** An argument that is known by its place. */
export interface Positional {
  readonly name: string;
  readonly description: string;
  readonly required: boolean;
  /** What it may be. */
  readonly choices?: readonly string[];
}

/** One command: what it is called with, what help says about it, and what it does. */
export interface Command<O extends OptionsOf = OptionsOf> {
  readonly name: string;
  readonly description: string;
  /** The first positional argument. */
  readonly positional?: Positional;
  /** Those behind it. */
  readonly further?: readonly Positional[];
  readonly flags: O;
  readonly examples: readonly (readonly [command: string, meaning: string])[];
  /** Returns the exit code. Loads what it needs itself, so that other commands do not wait for it. */
  readonly run: (flags: Flags<O>) => Promise<number>;
}

/** What was given; `path` and `file` are the positional arguments of the commands that have them. */
export type Flags<O extends OptionsOf> = ArgumentsCamelCase<
  InferredOptionTypes<O> & { path?: string; file?: string }
>;

/** The positional argument of commands that work on a project. */
export const projectPositional = {
  name: 'path',
  description: 'The project, one file to start, or a release of the project here [this folder]',
  required: false,
} as const;

/** The project of a command: its positional argument, or `--project`. Throws UsageError when there are both. */
export function projectOf({ path, project }: { path?: string; project?: string | undefined }): string {
  if (path !== undefined && project !== undefined) {
    throw new UsageError(`The project was given twice: ${path} and --project ${project}.`);
  }
  return path ?? project ?? '.';
}

/** The positional argument of commands that read an executable. */
export const filePositional = {
  name: 'file',
  description: 'An executable made by Sarma',
  required: true,
} as const;

/** All positional arguments of a command, in their order. */
export function positionalsOf({ positional, further = [] }: Command): readonly Positional[] {
  return positional === undefined ? further : [positional, ...further];
}

/** A command whose `run` has the types of its flags. */
export function command<const O extends OptionsOf>(command: Command<O>): Command {
  return command as unknown as Command;
}
