import type { BootFile } from './boot-file.ts';
import type { ReleaseEnvironment } from './environment.ts';

/** What a command is given: which release, where, and the words behind its name. */
export interface CommandContext {
  readonly boot: BootFile;
  readonly environment: ReleaseEnvironment;
  readonly args: readonly string[];
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}
