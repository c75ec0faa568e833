import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { CommandContext } from '../context.ts';
import { notRunning } from '../control/client.ts';
import { nodeInfo } from '../node-info.ts';
import { withoutComputed } from '../relaunch.ts';
import { type PreparedVersion, prepareVersion, unpackVersion } from '../versions/prepare.ts';
import type { ReloadRequest } from './reload.ts';

type FoundVersion = Pick<ReloadRequest, 'version' | 'root' | 'executable' | 'runtime'>;

/** Puts the version beside the one that runs, as an upgrade does. Rejects with a BootError. */
export async function findVersion(
  context: CommandContext,
  what: string | undefined,
  { dryRun }: Pick<ReloadRequest, 'dryRun'>,
): Promise<FoundVersion> {
  const { boot, environment } = context;
  const info = await nodeInfo(boot, environment);
  if (info === undefined) throw notRunning(environment);
  const prepared = dryRun ? await unpackVersion(context, info, what) : await prepareVersion(context, what);
  const { version, root, program } = prepared;
  const executable = info.executable === null ? null : program.file;
  return { version, root, executable, runtime: await runtimeOf(prepared, context) };
}

/** It says so itself: in an executable nothing else does. */
export async function runtimeOf({ program }: PreparedVersion, { environment }: CommandContext) {
  const { RELEASE_VSN: _, ...others } = withoutComputed(environment, process.env);
  const { file, args, env } = program;
  const { stdout } = await promisify(execFile)(file, [...args, 'describe', '--json'], {
    env: { ...others, ...env },
  });
  return (JSON.parse(stdout) as { runtime: { version: string } }).runtime.version;
}
