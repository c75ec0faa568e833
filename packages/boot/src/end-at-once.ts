import { existsSync } from 'node:fs';
import { become, canBecome } from './relaunch.ts';

const SHELL = '/bin/sh';

/**
 * Ends the process with the code, by becoming a program that does nothing else. Node's own end may last for ever after much work:
 * the main thread waits for a thread that compiles, and that one for the main thread to collect garbage (nodejs/node#54918; seen with
 * 24.21 on busy machines). Returns where a process cannot become another program.
 */
export function endAtOnce(exitCode: number): void {
  if (!canBecome || !existsSync(SHELL)) return;
  process.emit('exit', exitCode);
  become({ file: SHELL, args: ['-c', `exit ${exitCode}`], env: {} });
}
