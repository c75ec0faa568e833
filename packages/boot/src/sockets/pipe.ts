import { linkSync, rmSync } from 'node:fs';
import { pathOf } from './address.ts';
import type { ListeningHandle } from './handle.ts';

// Paths of Unix-domain sockets. libuv removes the path when it closes the handle that has bound it, and only then: not
// when it closes one that came from another process, and not when the process is killed, becomes another program, or ends by
// process.exit().

/** A second name of the socket, for the time of an upgrade: many programs remove the path before they listen. */
export function keepPath(key: string): void {
  const path = pathOf(key);
  if (path === undefined) return;
  const second = secondName(path);
  try {
    rmSync(second, { force: true });
    linkSync(path, second);
  } catch {
    // The directory is not ours to write: then nobody removes the path either.
  }
}

/** Puts the socket back to its path, if it was removed. */
export function restorePath(key: string): void {
  const path = pathOf(key);
  if (path === undefined) return;
  try {
    linkSync(secondName(path), path);
  } catch {
    // It is there.
  }
}

export function forgetSecondName(key: string): void {
  const path = pathOf(key);
  if (path !== undefined) rmSync(secondName(path), { force: true });
}

function secondName(path: string): string {
  return `${path}.upgrade`;
}

/** The handle removes the path when it is closed, as one does that has bound it. */
export function ownPath(key: string, handle: ListeningHandle): void {
  const path = pathOf(key);
  if (path === undefined) return;
  const { close } = handle;
  handle.close = (closed) => {
    rmSync(path, { force: true });
    close.call(handle, closed);
  };
}

/** Closes a handle that came from another process, and leaves the path to whoever listens on it now. */
export function closeOnly(handle: ListeningHandle): void {
  (Object.getPrototypeOf(handle) as ListeningHandle).close.call(handle);
}
