import { mkdirSync } from 'node:fs';
import { applicationArguments } from '../application-arguments.ts';
import type { BootFile } from '../boot-file.ts';
import { fillCompileCache } from '../compile-cache.ts';
import type { CommandContext } from '../context.ts';
import { type Claim, claimNode } from '../control/claim.ts';
import { serveControl } from '../control/server.ts';
import type { ReleaseEnvironment } from '../environment.ts';
import { BootError } from '../error.ts';
import { errorText } from '../error-text.ts';
import { startNode } from '../node.ts';
import { setProcessEnvironment } from '../process-environment.ts';
import type { RunningNode } from '../running-node.ts';
import { trackServers } from '../sockets/servers.ts';
import { takeHolder } from '../upgrade/held.ts';
import type { Succession } from '../upgrade/successor.ts';

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
  const succession = process.env.RELEASE_SUCCEEDS ? await succeed() : undefined;
  const holder = takeHolder();
  setProcessEnvironment(boot, environment);
  if (process.env.RELEASE_LOG_FILE) await beginLog(boot, environment);
  let claim: Claim | undefined;
  try {
    const own = (await succession?.claim(boot, environment)) ?? (await claimNode(boot, environment, holder));
    claim = own;
    makeTemporaryDirectory(environment);
    const servers = trackServers();
    succession?.standIn(servers);
    const serve = async (started: RunningNode) => {
      if (holder !== undefined) await stopWithHolder(started);
      await serveControl(started, own);
    };
    const node = await startNode(boot, environment, args, serve, servers, succession);
    fillCompileCache(environment);
    return node;
  } catch (error) {
    succession?.failed(errorText(error));
    claim?.release();
    throw error;
  }
}

/** Where another version of this node has started this one, to take its place. */
async function succeed(): Promise<Succession | undefined> {
  const { beginSuccession } = await import('../upgrade/successor.ts');
  return await beginSuccession();
}

/** The start before this one, in the same process, was the successor of another node. */
async function stopWithHolder(node: RunningNode): Promise<void> {
  const hold = await import('../upgrade/hold.ts');
  hold.stopWithHolder([process.ppid], () => void node.stop('SIGTERM'));
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
