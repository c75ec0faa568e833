export type ConformErrorCode =
  /** A .conf file that is not written as one. */
  | 'CONFORM_SYNTAX'
  /** A schema with something in it that means nothing. */
  | 'CONFORM_SCHEMA'
  /** A setting, or a variable, whose value is not what the schema wants, or that is missing. */
  | 'CONFORM_VALUE'
  /** A file that is not there or cannot be read. */
  | 'CONFORM_FILE';

/** One thing that is wrong, or worth a warning. */
export interface Problem {
  /** Of the .conf file, as it was given; undefined where it was parsed from a text without a name. */
  readonly file?: string | undefined;
  /** From 1. Undefined where no place in a file is meant. */
  readonly line?: number | undefined;
  /** From 1, in UTF-16 units, as editors of code count. */
  readonly column?: number | undefined;
  /** The variable of the environment that the value came from. */
  readonly variable?: string | undefined;
  /** The setting, as it is written in a .conf file. */
  readonly key?: string | undefined;
  /** What was there, ready to be shown: what is called like a secret is left out. */
  readonly found?: string | undefined;
  readonly expected?: string | undefined;
  /** The whole sentence, without the place. */
  readonly message: string;
}

/** Whoever has more to correct sees the rest next time. */
export const MOST_PROBLEMS = 20;

/** Everything that is wrong at once: `message` has a line for each problem, with its place; of very many, for the first 20. */
export class ConformError extends Error {
  override readonly name = 'ConformError';
  readonly code: ConformErrorCode;
  readonly problems: readonly Problem[];

  constructor(code: ConformErrorCode, problems: readonly Problem[], options?: ErrorOptions) {
    const lines = problems.slice(0, MOST_PROBLEMS).map(describeProblem);
    const more = problems.length - lines.length;
    super([...lines, ...(more > 0 ? [`and ${more} more`] : [])].join('\n'), options);
    this.code = code;
    this.problems = problems;
  }
}

/** `/etc/kv/kv.conf:3:11: kv.port: expected a whole number, found "x"` */
export function describeProblem(problem: Problem): string {
  const { variable, key, message } = problem;
  const parts = [
    placeOf(problem),
    variable === undefined ? undefined : `the variable ${variable}`,
    key,
    message,
  ];
  return parts.filter((part) => part !== undefined && part !== '').join(': ');
}

function placeOf({ file, line, column }: Problem): string | undefined {
  if (file !== undefined) return [file, line, column].filter((part) => part !== undefined).join(':');
  return line === undefined ? undefined : `line ${line}, column ${column}`;
}
