import type { BootFile } from './boot-file.ts';
import type { ReleaseEnvironment } from './environment.ts';
import { BootError } from './error.ts';

/** What a running node says about itself. */
export interface NodeInfo {
  /** Another one for every start. */
  readonly run: string;
  readonly pid: number;
  readonly node: string;
  readonly version: string;
  /** ISO 8601. */
  readonly started: string;
  readonly applications: readonly {
    readonly name: string;
    readonly version: string;
    readonly mode: string;
    readonly state: string;
  }[];
  /** Bytes that it occupies (resident set). */
  readonly memory: number;
  /** Of Node, as in `v24.1.0`. */
  readonly runtime: string;
}

/** Asks the node; undefined when it does not run. Throws BootError when it runs and will not answer us. */
export async function nodeInfo(
  boot: BootFile,
  environment: ReleaseEnvironment,
): Promise<NodeInfo | undefined> {
  const { ask } = await import('./control/client.ts');
  try {
    return (await ask(boot, environment, 'info')) as NodeInfo;
  } catch (error) {
    if (error instanceof BootError && error.code === 'NOT_RUNNING') return undefined;
    throw error;
  }
}
