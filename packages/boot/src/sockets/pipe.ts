import { linkSync, renameSync, rmSync, unlinkSync } from 'node:fs';
import { pathOf } from './address.ts';
import type { ListeningHandle } from './handle.ts';

// Paths of Unix-domain sockets. libuv removes the path when it closes the handle that has bound it, and only then: not
// when it closes one that came from another process, and not when the process is killed or becomes another program.

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

/** The handle removes the path when it is closed, and when the process exits, as one does that has bound it. */
export function ownPath(key: string, handle: ListeningHandle): void {
  const path = pathOf(key);
  if (path === undefined) return;
  const remove = () => {
    if (handle.fd >= 0) removePath(path);
  };
  const close = handle.close;
  handle.close = (closed) => {
    remove();
    process.off('exit', remove);
    close.call(handle, closed);
  };
  process.on('exit', remove);
}

function removePath(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Somebody was faster.
  }
}

/** Closes a handle that came from another process, and leaves the path to whoever listens on it now. */
export function closeOnly(handle: ListeningHandle): void {
  (Object.getPrototypeOf(handle) as ListeningHandle).close.call(handle);
}

/**
 * When the process exits, the path that this handle has bound stays: somebody else listens there. Between two calls of
 * the system it is not there.
 */
export function leavePathAtExit(key: string, handle: ListeningHandle): () => void {
  const path = pathOf(key);
  if (path === undefined) return () => {};
  const leave = () => {
    const second = secondName(path);
    try {
      linkSync(path, second);
      handle.close();
      renameSync(second, path);
    } catch {
      // Nobody listens there any more.
    }
  };
  process.on('exit', leave);
  return () => void process.off('exit', leave);
}
