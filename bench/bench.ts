import type { Command, Measure, Rounds } from './measure.ts';
import type { FindProgram, Use } from './programs.ts';
import type { Section } from './report.ts';

/** What every part of the bench is given. */
export interface Bench {
  /** A directory of its own on a disk. */
  readonly disk: string;
  /** A directory of its own on a file system in memory, where there is one. */
  readonly memory: string | undefined;
  readonly program: FindProgram;
  readonly measure: Measure;
  /** Rounds for so many seconds, but no more than `most`; a few with `--quick`. */
  readonly rounds: (seconds: number, most?: number) => Rounds;
  readonly quick: boolean;
  /** Says on the terminal what went wrong and makes the whole bench fail, later. Returns what a table shows of it. */
  readonly fail: (error: unknown) => string;
}

/** One thing that is measured. */
export interface Part {
  /** What `--only` calls it. */
  readonly name: string;
  readonly run: (bench: Bench) => Promise<Section>;
}

/** The plain Node that everything is compared with: the one that runs the bench. */
export const NODE = process.execPath;

/** Everything a measured program finds in its environment. Whatever it caches lies in `home`. */
export function environment(home: string): Readonly<Record<string, string>> {
  return {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    HOME: home,
    XDG_CACHE_HOME: `${home}/.cache`,
    TMPDIR: `${home}/tmp`,
  };
}

/** Makes `home` as it is on a machine where nothing has run yet. */
export function emptyHome(home: string): readonly string[] {
  return ['/bin/sh', '-c', 'rm -rf "$0" && mkdir -p "$0/tmp"', home];
}

/**
 * The same, for homes of many files: the one before is moved aside, to be removed with the part's directory. An ext4 without a journal
 * looks past every inode that was deleted in the last minutes for each that it makes (`recently_deleted` in fs/ext4/ialloc.c). Only
 * its large files, which are few, go at once: the runtimes of all rounds would take gigabytes.
 */
export function freshHome(home: string): readonly string[] {
  const aside = 'mv "$0" "$0-$$" && find "$0-$$" -type f -size +1M -delete';
  return ['/bin/sh', '-c', `if [ -e "$0" ]; then ${aside}; fi; mkdir -p "$0/tmp"`, home];
}

/** In ms: after this time a server has put what it compiled into the compile cache, if it does. */
const SETTLED = 5000;

/** Starts a program for one of its uses, by a command and in a home that are given. */
export function useOf(use: Use, name: string, start: readonly string[], home: string): Command {
  const { args, directory, status, port } = use;
  const env = environment(home);
  return {
    name,
    argv: [...start, ...args],
    directory,
    status,
    ...(port === undefined
      ? { env }
      : { env: { ...env, PORT: String(port) }, answer: { port, stay: SETTLED } }),
  };
}

/** Node's own way to do without its compile cache: https://nodejs.org/api/cli.html#node_disable_compile_cache1 */
export const UNCACHED = { NODE_DISABLE_COMPILE_CACHE: '1' } as const;
