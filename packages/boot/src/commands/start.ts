import { mkdirSync } from 'node:fs';
import type { BootFile } from '../boot-file.ts';
import type { CommandContext } from '../context.ts';
import { claimNode } from '../control/claim.ts';
import { serveControl } from '../control/server.ts';
import type { ReleaseEnvironment } from '../environment.ts';
import { BootError } from '../error.ts';
import { startNode } from '../node.ts';
import { setProcessEnvironment } from '../process-environment.ts';
import type { RunningNode } from '../running-node.ts';

/** `start`: the node runs in this process, in the foreground, until it is stopped. */
export async function run({ boot, environment, args }: CommandContext): Promise<undefined> {
  await start(boot, environment, args);
}

/** Claims the node's name, opens its control socket, starts its applications. */
export async function start(
  boot: BootFile,
  environment: ReleaseEnvironment,
  args: readonly string[],
): Promise<RunningNode> {
  setProcessEnvironment(boot, environment);
  const claim = await claimNode(boot, environment);
  try {
    makeTemporaryDirectory(environment);
    return await startNode(boot, environment, args, (node) => serveControl(node, claim));
  } catch (error) {
    claim.release();
    throw error;
  }
}

function makeTemporaryDirectory({ tmp, readOnly }: ReleaseEnvironment): void {
  if (readOnly) return;
  try {
    mkdirSync(tmp, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new BootError(
      'NO_TEMPORARY_DIRECTORY',
      `${tmp} cannot be made: ${(cause as Error).message}. RELEASE_TMP names another directory for temporary files, RELEASE_READ_ONLY=true does without.`,
    );
  }
}
