import type { CommandContext } from '../context.ts';
import type { ReleaseEnvironment } from '../environment.ts';
import type { NodeInfo } from '../node-info.ts';
import { type PreparedVersion, prepareVersion, unpackVersion } from '../versions/prepare.ts';
import { runtimeOf } from '../versions/run-version.ts';
import { nodeHere } from '../versions/running.ts';
import type { ReloadRequest } from './request.ts';

type FoundVersion = Pick<ReloadRequest, 'version' | 'root' | 'executable' | 'runtime'>;

/** Puts the version beside the one that runs, as an upgrade does. Rejects with a BootError. */
export async function findVersion(
  context: CommandContext,
  what: string | undefined,
  { dryRun }: Pick<ReloadRequest, 'dryRun'>,
): Promise<FoundVersion> {
  const running = await nodeHere(context);
  const prepare = dryRun ? unpackVersion : prepareVersion;
  return await foundVersion(running, await prepare(context, running, what), context.environment);
}

/** What the node has to know of a version to load it. */
export async function foundVersion(
  running: NodeInfo,
  prepared: PreparedVersion,
  environment: ReleaseEnvironment,
): Promise<FoundVersion> {
  const { version, root, program } = prepared;
  const executable = running.executable === null ? null : program.file;
  return { version, root, executable, runtime: await runtimeOf(prepared, environment) };
}
