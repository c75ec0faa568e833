import type { BootFile } from './boot-file.ts';
import type { ReleaseEnvironment } from './environment.ts';
import { BootError } from './error.ts';
import type { ReloadRecord } from './reload/request.ts';
import type { NodeState } from './running-node.ts';

/** What a running node says about itself. */
export interface NodeInfo {
  /** Another one for every start. */
  readonly run: string;
  readonly pid: number;
  readonly node: string;
  readonly version: string;
  /** The versions that it has loaded something of, where they are several. */
  readonly versions?: readonly string[];
  /** Where it lies. */
  readonly root: string;
  /** The wrapped executable; null in a directory. */
  readonly executable: string | null;
  /** ISO 8601. */
  readonly started: string;
  /** Undefined in a node of a version that does not say. */
  readonly state?: NodeState;
  readonly applications: readonly {
    readonly name: string;
    readonly version: string;
    readonly mode: string;
    readonly state: string;
  }[];
  readonly reloads?: readonly ReloadRecord[];
  /** How many versions it may load behind its first. */
  readonly reloadLimit?: number;
  /** Bytes that it occupies (resident set). */
  readonly memory: number;
  /** Of Node, as in `v24.1.0`. */
  readonly runtime: string;
  /** While it is upgraded, the version and PID that take over; in that one afterwards those of the other, until it has ended. */
  readonly upgrade?:
    | { readonly to: string; readonly from?: undefined; readonly pid: number }
    | { readonly from: string; readonly to?: undefined; readonly pid: number }
    | null;
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

/** `: web`, or what else of a node that starts is not there yet; nothing where that is not known. */
export function notStarted({ applications }: NodeInfo): string {
  const names = applications.filter(({ state }) => state === 'starting').map(({ name }) => name);
  return names.length === 0 ? '' : `: ${names.join(', ')}`;
}
