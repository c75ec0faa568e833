import type { Measure, Rounds } from './measure.ts';
import type { Program } from './programs.ts';
import type { Section } from './report.ts';

/** What every part of the bench is given. */
export interface Bench {
  /** A directory of its own on a disk. */
  readonly disk: string;
  /** A directory of its own on a file system in memory, where there is one. */
  readonly memory: string | undefined;
  readonly programs: readonly Program[];
  readonly measure: Measure;
  /** As many rounds as asked for, or a few with `--quick`. */
  readonly rounds: (full: number, quick: number) => Rounds;
  readonly quick: boolean;
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
