import type { Program } from './programs.ts';

/** Something that makes one file of a program. */
export interface Packager {
  readonly name: string;
  /** Writes what the build needs into `job.scratch`, and returns the command that is the build. */
  readonly prepare: (job: Job) => Promise<BuildCommand>;
}

export interface Job {
  /** Its project is a copy that the packager may change, and that is gone when the executable runs. */
  readonly program: Program;
  /** The file to make. */
  readonly output: string;
  /** A directory for this packager and program. */
  readonly scratch: string;
}

export interface BuildCommand {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly directory: string;
}
