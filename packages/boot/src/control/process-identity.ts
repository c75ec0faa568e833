import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** A process, and where its number means something. */
export interface ProcessIdentity {
  readonly pid: number;
  /** The machine, and on Linux its PID namespace. */
  readonly place: string;
}

export function processIdentity(): ProcessIdentity {
  return { pid: process.pid, place: place() };
}

/** Whether it is gone; undefined where its number says nothing to us. */
export function isGone({ pid, place: theirs }: ProcessIdentity): boolean | undefined {
  if (theirs !== place()) return undefined;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
  return isZombie(pid);
}

/** It has ended, and its parent has not looked yet: in a container without an init it never may. */
function isZombie(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name stands in parentheses and may hold any character; the state follows the last one.
    return stat.charAt(stat.lastIndexOf(')') + 2) === 'Z';
  } catch {
    return false;
  }
}

function place(): string {
  try {
    return `${hostname()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}
