import { rename } from 'node:fs/promises';
import { beforeAll, expect } from 'vitest';
import type { Program } from './programs.ts';
import { type RunOptions, run, runNode, type Transcript, temporaryDirectory, wrapProgram } from './run.ts';

export interface ComparisonOptions extends RunOptions {
  /** Takes out of a text what differs from run to run, such as times. */
  readonly normalize?: (text: string) => string;
  /** What else is compared, looked at after each run: files that were written, say. */
  readonly after?: () => Promise<unknown>;
}

/** A program that is run twice: by Node from its directory, and as an executable while that directory is not there. */
export interface Comparison {
  readonly file: () => string;
  readonly program: () => Program;
  /** The environment of the executable. */
  readonly env: () => Readonly<Record<string, string>>;
  /** Fails unless both runs give the same transcript; returns it. */
  same(args?: readonly string[], options?: ComparisonOptions): Promise<Transcript>;
  /** Runs something while the project is away. */
  away<Result>(action: () => Promise<Result>): Promise<Result>;
}

/** Wraps the program before the first test of the suite. */
export function compared(make: () => Promise<Program>, wrapArgs: readonly string[] = []): Comparison {
  let program: Program;
  let file: string;
  let env: Readonly<Record<string, string>>;
  beforeAll(async () => {
    program = await make();
    file = await wrapProgram(program, wrapArgs);
    env = { SARMA_CACHE_DIR: await temporaryDirectory() };
  });
  const away = async <Result>(action: () => Promise<Result>): Promise<Result> => {
    const elsewhere = `${program.directory}.away`;
    await rename(program.directory, elsewhere);
    try {
      return await action();
    } finally {
      await rename(elsewhere, program.directory);
    }
  };
  return {
    file: () => file,
    program: () => program,
    env: () => env,
    away,
    same: async (
      args = [],
      { normalize = (text: string) => text, after = async () => undefined, ...options } = {},
    ) => {
      const expected = normalized(await runNode(program, args, options), normalize);
      const left = await after();
      const found = await away(() => run(file, args, { ...options, env: { ...env, ...options.env } }));
      expect(normalized(found, normalize)).toEqual(expected);
      expect(await after()).toEqual(left);
      return expected;
    },
  };
}

function normalized(transcript: Transcript, normalize: (text: string) => string): Transcript {
  return { ...transcript, stdout: normalize(transcript.stdout), stderr: normalize(transcript.stderr) };
}
