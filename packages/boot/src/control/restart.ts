import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { BootError } from '../error.ts';
import { isKeptAlive, RESTART_CODE } from '../heart.ts';
import { become, type CommandLine, canBecome, commandLine } from '../relaunch.ts';
import type { RunningNode } from '../running-node.ts';

export { canBecome as keepsProcess } from '../relaunch.ts';

/**
 * What stops the applications in order and becomes a new start of the release, with the arguments that this one was
 * given: in the same process where the system can do that, so that supervisors see nothing, and with the file as it is
 * by then. Throws a BootError, and the node runs on, where there is no such file.
 */
export function prepareRestart(node: RunningNode): () => Promise<void> {
  const { environment, args } = node;
  const next = commandLine(environment, [environment.command, ...args], process.env);
  try {
    accessSync(next.file, constants.X_OK);
  } catch (error) {
    throw new BootError('NO_PROGRAM', `${next.file} cannot be started again: ${(error as Error).message}.`);
  }
  const start = () => {
    if (!node.isRestarting) return;
    if (canBecome) become(next);
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

/** A process of its own takes over what this one has. */
function replace({ file, args, env }: CommandLine): void {
  const child = spawn(file, args, { env, stdio: 'inherit', detached: true });
  child.on('error', (error) => {
    process.stderr.write(`The node could not be started again: ${error.message}\n`);
    process.exit(1);
  });
  child.on('spawn', () => process.exit(0));
}
