import { prepareRestart } from '../control/restart.ts';
import { BootError } from '../error.ts';
import { errorText } from '../error-text.ts';
import type { ReloadableNode, RunningVersion } from './reloadable-node.ts';

/** An application could not start when the old version was gone already. */
export class ReloadAborted extends BootError {
  constructor(message: string, options: ErrorOptions) {
    super('RELOAD_ABORTED', message, options);
  }
}

/**
 * There is no way back in this process: it starts again as that version, or ends where it cannot. Resolves to what has
 * happened and what comes of it, which the node has said by then.
 */
export async function restartAs(
  node: ReloadableNode,
  version: RunningVersion,
  { message, cause }: ReloadAborted,
): Promise<ReloadAborted> {
  const { next, what } = await prepareRestart(node, version).then(
    (restart) => ({ next: restart, what: `The node restarts with ${version.boot.version}.` }),
    (error) => ({
      next: () => node.stop('crash', 1),
      what: `The node ends, with exit code 1, for it cannot be started again as ${version.boot.version}:\n${errorText(error)}`,
    }),
  );
  // Whoever has asked is answered first.
  setImmediate(() => void next());
  const aborted = new ReloadAborted(`${message} ${what}`, { cause });
  process.stderr.write(`${node.boot.name}: ${errorText(aborted)}\n`);
  return aborted;
}
