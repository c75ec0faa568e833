import { execFile, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { promisify } from 'node:util';
import { passedOn } from '../application-arguments.ts';
import { type ReleaseEnvironment, releaseVariables } from '../environment.ts';
import { BootError } from '../error.ts';
import { isKeptAlive, RESTART_CODE } from '../heart.ts';
import { become, type CommandLine, canBecome, commandLine } from '../relaunch.ts';
import type { RunningNode } from '../running-node.ts';
import { heldBy } from '../upgrade/held.ts';
import { readNodeRecord } from './node-record.ts';

/** Whether the process of a node that restarts is that of the new one, and nobody starts another when it ends. */
export function keepsProcess({ environment }: RunningNode): boolean {
  return canBecome && !isKeptAlive(environment, process.env);
}

/**
 * What stops the applications in order and becomes a new start of the release, in the version that runs or another one, with the arguments that this one was
 * given: in the same process where the system can do that, so that supervisors see nothing, and with the file as it is
 * by then. Rejects with a BootError, and the node runs on, where there is no such file, or where that one finds no
 * configuration to start with.
 */
export async function prepareRestart(
  node: RunningNode,
  { boot, environment }: Pick<RunningNode, 'boot' | 'environment'> = node,
): Promise<() => Promise<void>> {
  const env = { ...process.env, ...releaseVariables(environment) };
  const next = commandLine(environment, [environment.command, ...passedOn(node.args)], env);
  try {
    accessSync(next.file, constants.X_OK);
  } catch (error) {
    throw new BootError('NO_PROGRAM', `${next.file} cannot be started again: ${(error as Error).message}.`);
  }
  // Hooks may make, and take away again, what a configuration needs: then a start alone can tell.
  if (boot.hooks.pre_configure === undefined) await tryConfiguration(environment, env);
  const { holder } = readNodeRecord(environment) ?? {};
  const start = () => {
    if (!node.isRestarting) return;
    if (canBecome) become({ ...next, env: { ...next.env, ...heldBy(holder) } });
    else if (isKeptAlive(environment, process.env)) process.exit(RESTART_CODE);
    else replace(next);
  };
  return async () => {
    // A script that is told to stop may well end the process itself.
    process.once('exit', start);
    await node.stop('restart');
    process.off('exit', start);
    start();
  };
}

/** Milliseconds that the new configuration may take. */
const CONFIGURATION_TIME = 60_000;

/** In a process of its own: the file may be that of another version by now, with providers of its own. */
async function tryConfiguration(environment: ReleaseEnvironment, own: NodeJS.ProcessEnv): Promise<void> {
  const { file, args, env } = commandLine(environment, ['config', 'effective', '--json'], own);
  try {
    await promisify(execFile)(file, args, { env, timeout: CONFIGURATION_TIME, maxBuffer: 2 ** 30 });
  } catch (error) {
    const { stderr = '', message, killed } = error as Error & { stderr?: string; killed?: boolean };
    const late = `It was not there within ${CONFIGURATION_TIME / 1000} s.`;
    throw new BootError(
      'NO_CONFIGURATION',
      `${environment.node} was not restarted and runs on: there is no configuration to start with.\n${killed ? late : stderr.trim() || message}`,
    );
  }
}

/** A process of its own takes over what this one has. */
function replace({ file, args, env }: CommandLine): void {
  const child = spawn(file, args, { env, stdio: 'inherit', detached: true });
  child.on('error', (error) => {
    process.stderr.write(`The node could not be started again: ${error.message}\n`);
    process.exit(1);
  });
  child.on('spawn', () => process.exit(0));
}
