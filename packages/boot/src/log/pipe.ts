import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, constants, openSync, rmSync } from 'node:fs';
import path from 'node:path';

/** Both ends of a pipe, to be given to children. */
export interface PipeEnds {
  readonly read: number;
  readonly write: number;
  /** Closes this process's own: the reader sees the end only when nobody holds the other side. */
  close(): void;
}

/**
 * A real pipe, which Node itself does not make: what it puts between processes is a socket, and a service's children
 * cannot open `/dev/stderr` on one. Undefined where the system has no `mkfifo` or the file system no such files.
 */
export function makePipe(directory: string): PipeEnds | undefined {
  const file = path.join(directory, `.pipe-${randomBytes(6).toString('hex')}`);
  try {
    execFileSync('mkfifo', ['-m', '600', file], { stdio: 'ignore' });
    // Neither side waits for the other while somebody has it open for both.
    const both = openSync(file, constants.O_RDWR);
    const read = openSync(file, constants.O_RDONLY);
    const write = openSync(file, constants.O_WRONLY);
    closeSync(both);
    return { read, write, close: () => closeBoth(read, write) };
  } catch {
    return undefined;
  } finally {
    rmSync(file, { force: true });
  }
}

function closeBoth(read: number, write: number): void {
  closeSync(read);
  closeSync(write);
}
