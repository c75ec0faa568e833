import { readSync } from 'node:fs';
import { RotatingLog } from './rotation.ts';
import type { LogSettings } from './settings.ts';

/**
 * Copies a descriptor to a log until its end, which comes when the last process that holds the other side is gone.
 * Blocks: a process that does this does nothing else.
 */
export function carryLog(descriptor: number, settings: LogSettings): void {
  // What a system that shuts down sends to everybody must not end the log before those who write to it.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
  const log = new RotatingLog(settings);
  const buffer = Buffer.allocUnsafe(64 * 1024);
  for (;;) {
    const length = readSome(descriptor, buffer);
    if (length === 0) break;
    log.write(buffer.subarray(0, length));
  }
  log.close();
}

/** Zero at the end. */
function readSome(descriptor: number, buffer: Buffer): number {
  for (;;) {
    try {
      return readSync(descriptor, buffer);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EOF') return 0; // A pipe's end on Windows.
      if (code !== 'EAGAIN') throw error;
      // Whoever shares the descriptor made it non-blocking.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    }
  }
}
