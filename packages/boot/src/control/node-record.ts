import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import type { ReleaseEnvironment } from '../environment.ts';
import { BootError } from '../error.ts';
import { privateDirectories } from './control-directory.ts';
import { refuseUnsafe } from './private-directory.ts';

/** `nodes/<node>.json` of the state directory: who has the node's name, and where it listens. */
export interface NodeRecord {
  /** Never used twice: tells this run of the node from every other. */
  readonly id: string;
  readonly node: string;
  /** For people, and for `stop --force` in the same place: elsewhere it is the number of another process. */
  readonly pid: number;
  /** As in ProcessIdentity. */
  readonly place: string;
  /** Path of the socket, or name of the pipe. Whether somebody listens there says whether the node lives. */
  readonly socket: string;
  /** ISO 8601. */
  readonly started: string;
  readonly version: string;
  readonly prog: string;
  readonly distribution: ReleaseEnvironment['distribution'];
  /** Where it listens for other machines. */
  readonly tcp?: { readonly host: string; readonly port: number };
  /** PID of who keeps the process that the node was first started in: a predecessor, which has become its holder. */
  readonly holder?: number;
  /** Somebody wants it gone, and is about to end it: no crash. */
  readonly isForced?: true;
}

export function nodesDirectory(environment: ReleaseEnvironment): string {
  return privateDirectories(environment).at(-1)!;
}

export function recordFile(environment: ReleaseEnvironment): string {
  return path.join(nodesDirectory(environment), `${environment.node}.json`);
}

/** The record of the node. Throws BootError UNSAFE_DIRECTORY where others may have written it, else as `readRecord`. */
export function readNodeRecord(environment: ReleaseEnvironment): NodeRecord | undefined {
  // Those in the state directory, with all that is there, are the business of whoever chose it.
  if (environment.readOnly) for (const directory of privateDirectories(environment)) refuseUnsafe(directory);
  return readRecord(recordFile(environment));
}

/** Undefined where there is none. Throws BootError UNREADABLE_RECORD where there is one for somebody else. */
export function readRecord(file: string): NodeRecord | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // ENOTDIR: the state directory itself is, or lies below, a file.
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new BootError(
      'UNREADABLE_RECORD',
      `What is known of the node cannot be read (${message}). Run this as the user that the node runs as, or set RELEASE_MUTABLE_DIR to another directory.`,
    );
  }
  try {
    return JSON.parse(text) as NodeRecord;
  } catch {
    return tornRecord(file);
  }
}

/** Records appear whole; only a power loss leaves one without its contents, and then nobody listens. */
function tornRecord(file: string): NodeRecord | undefined {
  const found = statSync(file, { throwIfNoEntry: false, bigint: true });
  if (found === undefined) return undefined;
  const id = `torn-${found.ino}-${found.mtimeNs}`;
  return {
    id,
    node: '',
    pid: 0,
    place: '',
    socket: `${file}.torn`,
    started: '',
    version: '',
    prog: '',
    distribution: 'sname',
  };
}

/** For whoever waits for its end. The file stays that of its owner, be it root who ends it. */
export function markForced(environment: ReleaseEnvironment, record: NodeRecord): void {
  writeFileSync(recordFile(environment), `${JSON.stringify({ ...record, isForced: true })}\n`);
}

/** Whether somebody listens: the one question whose answer is right in every namespace, and after every crash. */
export function isListening({ socket }: NodeRecord): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket);
    connection.on('connect', () => {
      connection.destroy();
      resolve(true);
    });
    // Everything else (EAGAIN: too many wait to be let in; EACCES) is no proof of death.
    connection.on('error', ({ code }: NodeJS.ErrnoException) =>
      resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT' && code !== 'ENOTSOCK'),
    );
  });
}
