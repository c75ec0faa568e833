import { mkdirSync } from 'node:fs';
import { applicationArguments } from '../application-arguments.ts';
import type { BootFile } from '../boot-file.ts';
import { fillCompileCache } from '../compile-cache.ts';
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
  words: readonly string[],
): Promise<RunningNode> {
  const args = applicationArguments(environment.command, words);
  setProcessEnvironment(boot, environment);
  if (process.env.RELEASE_LOG_FILE) await beginLog(boot, environment);
  const claim = await claimNode(boot, environment);
  try {
    makeTemporaryDirectory(environment);
    const node = await startNode(boot, environment, args, (started) => serveControl(started, claim));
    fillCompileCache(environment);
    return node;
  } catch (error) {
    claim.release();
    throw error;
  }
}

/** Tells one start from the next in a daemon's log. */
async function beginLog({ version }: BootFile, environment: ReleaseEnvironment): Promise<void> {
  const { logFile } = await import('../log/settings.ts');
  // That of another node, which has started this one.
  if (process.env.RELEASE_LOG_FILE !== logFile(environment)) return;
  const time = new Date().toISOString();
  process.stdout.write(`${time} ${environment.node} ${version} starts (PID ${process.pid})\n`);
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
