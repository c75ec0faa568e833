import { existsSync } from 'node:fs';
import path from 'node:path';
import { isListening, type NodeRecord, readRecord } from '@sarma/boot/node-record';
import { namesIn } from './names-in.ts';

// What lies where a release is assembled, besides what was assembled.

/** In which a directory release keeps logs, cookie, databases. */
const STATE = 'var';

/** Its state; a socket in it goes on working when it is moved. */
export function stateOf(root: string): string {
  return path.join(root, STATE);
}

/** What it was upgraded to: releases of their own in `versions/` (docs/decisions/0035). Absolute paths. */
export function laterVersions(root: string): readonly string[] {
  const versions = path.join(root, 'versions');
  return namesIn(versions)
    .map((version) => path.join(versions, version))
    .filter(isAssembled);
}

export function isAssembled(root: string): boolean {
  return existsSync(path.join(root, 'releases', 'start.json'));
}

/** What `sarma clean` leaves of one. */
export function isStateAlone(root: string): boolean {
  return namesIn(root).join() === STATE;
}

/** Nodes that have their state in it. Rejects with what `readRecord` throws. */
export async function runningNodes(root: string): Promise<readonly NodeRecord[]> {
  const nodes = path.join(stateOf(root), 'nodes');
  const running: NodeRecord[] = [];
  for (const name of namesIn(nodes).filter((one) => one.endsWith('.json'))) {
    const record = readRecord(path.join(nodes, name));
    if (record !== undefined && (await isListening(record))) running.push(record);
  }
  return running;
}
