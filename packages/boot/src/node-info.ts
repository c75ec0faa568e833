import type { BootFile } from './boot-file.ts';
import type { ReleaseEnvironment } from './environment.ts';
import { BootError } from './error.ts';

/** What a running node says about itself. */
export interface NodeInfo {
  readonly pid: number;
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
}

/** Asks the node; undefined when it does not run. Throws BootError when it runs and will not answer us. */
export async function nodeInfo(
  boot: BootFile,
  environment: ReleaseEnvironment,
): Promise<NodeInfo | undefined> {
  const { connect } = await import('./control/client.ts');
  try {
    const client = await connect(boot, environment);
    try {
      return (await client.call('info', {})) as NodeInfo;
    } finally {
      client.close();
    }
  } catch (error) {
    if (error instanceof BootError && error.code === 'NOT_RUNNING') return undefined;
    throw error;
  }
}
