import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { BootError } from '../error.ts';
import type { RunningNode } from '../node.ts';
import { type CommandLine, commandLine } from '../relaunch.ts';

/** Whether a process can become another program here: not on Windows, and not before Node 22.15. */
export const keepsProcess = typeof process.execve === 'function' && process.platform !== 'win32';

/**
 * What stops the applications in order and becomes a new start of the release, with the arguments that this one was
 * given: in the same process where the system can do that, so that supervisors see nothing, and with the file as it is
 * by then. Throws a BootError, and the node runs on, where there is no such file.
 */
export function prepareRestart(node: RunningNode): () => Promise<void> {
  const next = commandLine(node.environment, process.argv.slice(2), process.env);
  try {
    accessSync(next.file, constants.X_OK);
  } catch (error) {
    throw new BootError('NO_PROGRAM', `${next.file} cannot be started again: ${(error as Error).message}.`);
  }
  return async () => {
    await node.stop('restart');
    become(next);
  };
}

function become({ file, args, env }: CommandLine): void {
  if (keepsProcess) {
    withoutWarning(() => process.execve!(file, [file, ...args], env));
    return;
  }
  // A process of its own that takes over what this one has.
  const child = spawn(file, args, { env, stdio: 'inherit', detached: true });
  child.on('error', (error) => {
    process.stderr.write(`The node could not be started again: ${error.message}\n`);
    process.exit(1);
  });
  child.on('spawn', () => process.exit(0));
}

/** It is called experimental; what the user sees is a restart. */
function withoutWarning(run: () => void): void {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    run();
  } finally {
    process.emitWarning = emitWarning;
  }
}
