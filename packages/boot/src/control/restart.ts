import { spawn } from 'node:child_process';
import type { RunningNode } from '../node.ts';
import { type CommandLine, commandLine } from '../relaunch.ts';

/** Whether a process can become another program here: not on Windows, and not before Node 22.15. */
export const keepsProcess = typeof process.execve === 'function' && process.platform !== 'win32';

/** Arguments of the process as the user gave them: the command, then the applications'. */
const given = () => process.argv.slice(2);

/**
 * Stops the applications in order and becomes a new start of the release: the same process where the system can do
 * that, so that supervisors see nothing, and with the file as it is by now.
 */
export async function restart(node: RunningNode): Promise<void> {
  const next = commandLine(node.environment, given(), process.env);
  await node.stop('restart');
  become(next);
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
