import { linkSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { BootFile } from '../boot-file.ts';
import type { ReleaseEnvironment } from '../environment.ts';
import { BootError } from '../error.ts';
import { controlDirectoryError, privateDirectories } from './control-directory.ts';
import { type Listener, listenPrivately, removeSocket } from './listener.ts';
import { isListening, type NodeRecord, readNodeRecord, readRecord, recordFile } from './node-record.ts';
import { makePrivateDirectory } from './private-directory.ts';
import { processIdentity } from './process-identity.ts';

/** The right to a node's name in a state directory, held by a socket that this process listens on. */
export interface Claim {
  /** Tells this run of the node from every other. */
  readonly id: string;
  /** The record that says so. */
  readonly file: string;
  /** Takes the connections, and those that already wait. */
  onConnection(handler: (socket: Socket) => void): void;
  /** Changes the record: where other machines find the node, or which version it runs. */
  announce(changed: Partial<Pick<NodeRecord, 'tcp' | 'version'>>): void;
  /** Whether somebody has ended whoever has the name, by force. */
  readonly isForced: boolean;
  /** Gives the name back, unless a successor has it. Done by itself when the process exits. */
  release(): void;
  /** Takes the name from a successor that is dead, and removes what it has left. Rejects where another node has it. */
  takeBack(): Promise<void>;
}

/** A claim beside that of the node's predecessor, which has the name for now. */
export interface SuccessorsClaim extends Claim {
  /**
   * Takes the name, once: from the predecessor, which agrees, or which is dead. Rejects with BootError ALREADY_RUNNING
   * where that one is dead and another start was faster.
   */
  take(): Promise<void>;
  /** Removes what the predecessor has left, which has taken leave of us: at the latest when it has ended. */
  clear(): Promise<void>;
}

/**
 * Claims the name of the node, in every distribution; one that takes no commands and writes nothing does without.
 * Throws BootError ALREADY_RUNNING with the PID of who has it, and
 * UNUSABLE_STATE_DIRECTORY where the file system refuses. `holder` keeps the process that the node was first started in.
 *
 * `nodes/<node>.json` appears by a hard link, whole, and only where there is none; it names a socket that already
 * listens, so a record whose socket refuses is that of a dead process for good. Replacing such a record is the right of
 * its successor: the one whose record got the name `<node>~<id of the dead>.next`, which only one can get. Before it
 * replaces, it looks whether the dead record is still there. Successors are removed only after that record has been
 * replaced, and an id never comes again: so whoever gets a name that was taken and removed finds another record
 * there, and has lost. A successor that died has a successor itself.
 */
export async function claimNode(
  boot: BootFile,
  environment: ReleaseEnvironment,
  holder?: number,
): Promise<Claim> {
  // It may be that nothing can be written anywhere.
  if (environment.readOnly && environment.distribution === 'none') return unclaimed;
  try {
    return await claim(boot, environment, holder);
  } catch (error) {
    throw controlDirectoryError(error, environment);
  }
}

/** Listens, and waits with the name until its predecessor, the run of that id, leaves it. Throws as `claimNode` does. */
export async function claimToSucceed(
  boot: BootFile,
  environment: ReleaseEnvironment,
  predecessor: string,
  holder: number | undefined,
): Promise<SuccessorsClaim> {
  try {
    const prepared = await prepare(boot, environment, holder);
    const { file, own } = prepared;
    let record: NodeRecord | undefined;
    const take = async () => {
      record = readRecord(file);
      const isAgreed = record?.id === predecessor && (await succeeded(file, own, record));
      if (!isAgreed) await acquire(file, own);
      rmSync(own, { force: true });
    };
    let taking: Promise<void> | undefined;
    const clear = async () => {
      if (record?.id !== predecessor) return;
      for (let tries = 0; tries < 100 && (await isListening(record)); tries += 1)
        await wait(50, undefined, { ref: false });
      if (!(await isListening(record))) removeSocket(record.socket);
    };
    return Object.assign(held(prepared), { take: () => (taking ??= take()), clear });
  } catch (error) {
    throw controlDirectoryError(error, environment);
  }
}

async function claim(
  boot: BootFile,
  environment: ReleaseEnvironment,
  holder: number | undefined,
): Promise<Claim> {
  await refuseRunning(readNodeRecord(environment));
  const prepared = await prepare(boot, environment, holder);
  try {
    await acquire(prepared.file, prepared.own);
  } catch (error) {
    prepared.listener.close();
    throw error;
  } finally {
    rmSync(prepared.own, { force: true });
  }
  return held(prepared);
}

/** A socket that listens, and the record of it, not yet in its place. */
interface Prepared {
  readonly file: string;
  readonly own: string;
  readonly record: NodeRecord;
  readonly listener: Listener;
}

async function prepare(boot: BootFile, environment: ReleaseEnvironment, holder?: number): Promise<Prepared> {
  const file = recordFile(environment);
  const directories = privateDirectories(environment);
  for (const directory of directories) makePrivateDirectory(directory);
  const nodes = directories.at(-1)!;
  const id = newId();
  const listener = await listenPrivately(id, nodes);
  const record: NodeRecord = {
    id,
    node: environment.node,
    ...processIdentity(),
    socket: listener.address,
    started: new Date().toISOString(),
    version: boot.version,
    prog: environment.prog,
    distribution: environment.distribution,
    ...(holder !== undefined && { holder }),
  };
  const own = beside(file, id, 'new');
  try {
    writeRecord(own, record);
  } catch (error) {
    // A full disk leaves an empty one.
    rmSync(own, { force: true });
    listener.close();
    throw error;
  }
  return { file, own, record, listener };
}

const unclaimed: Claim = {
  id: '',
  file: '',
  isForced: false,
  onConnection: () => {},
  announce: () => {},
  release: () => {},
  takeBack: async () => {},
};

/**
 * Not unguessable: who knows it can connect, and then needs the cookie; in a private directory not even that. A name
 * that another process takes first, as it could a Windows pipe's, is a start that fails. node:crypto would cost every
 * start milliseconds.
 */
function newId(): string {
  const random = () => Math.random().toString(36).slice(2, 12).padEnd(10, '0');
  return `${random()}${random()}`;
}

/** A node's name holds no `~`. */
function beside(file: string, id: string, what: 'new' | 'next'): string {
  return `${file.slice(0, -'.json'.length)}~${id}.${what}`;
}

function writeRecord(file: string, record: NodeRecord): void {
  writeFileSync(file, `${JSON.stringify(record)}\n`, { flag: 'wx', mode: 0o600 });
}

async function refuseRunning(holder: NodeRecord | undefined): Promise<void> {
  if (holder !== undefined && (await isListening(holder))) throw alreadyRunning(holder);
}

function alreadyRunning({ node, pid, started }: NodeRecord): BootError {
  return new BootError(
    'ALREADY_RUNNING',
    `${node} runs already (PID ${pid}, since ${started}). Stop it first, or give this one another name with RELEASE_NODE.`,
  );
}

/** Puts the record at `own` into its place. */
async function acquire(file: string, own: string): Promise<void> {
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    if (linked(own, file)) return;
    const holder = readRecord(file);
    if (holder === undefined) continue;
    if (await isListening(holder)) throw alreadyRunning(holder);
    if (await succeeded(file, own, holder)) return;
  }
  throw new BootError('UNUSABLE_RECORD', `${file} can neither be read nor replaced. Remove it.`);
}

/** Others that start and end at the same time may come in between a few times; a link to nowhere always does. */
const MOST_TRIES = 1000;

/** Replaces the record of a dead process, or of a predecessor that agrees. False where somebody else was faster, or may have been: begin again. */
async function succeeded(file: string, own: string, dead: NodeRecord): Promise<boolean> {
  let last = dead;
  for (;;) {
    const right = beside(file, last.id, 'next');
    if (linked(own, right)) {
      if (readRecord(file)?.id !== dead.id) {
        rmSync(right, { force: true });
        return false;
      }
      renameSync(own, file);
      // A predecessor that hands over still answers those who speak to it, and may have to take the name back.
      if (!(await isListening(dead))) removeSocket(dead.socket);
      await sweep(file);
      return true;
    }
    const next = readRecord(right);
    if (next === undefined) return false;
    if (await isListening(next)) throw alreadyRunning(next);
    last = next;
  }
}

/** Rights to a record that was replaced, and what others that died on the way have left. */
async function sweep(file: string): Promise<void> {
  const nodes = path.dirname(file);
  const prefix = path.basename(beside(file, '', 'new'), '.new');
  for (const name of readdirSync(nodes)) {
    if (!name.startsWith(prefix)) continue;
    const left = path.join(nodes, name);
    const record = readRecord(left);
    // Without contents: it may be about to be written.
    if (record === undefined || record.node === '') continue;
    const isDead = !(await isListening(record));
    if (isDead) removeSocket(record.socket);
    if (isDead || name.endsWith('.next')) rmSync(left, { force: true });
  }
}

/** Whether this process could give the file that name: nobody else had it. */
function linked(own: string, name: string): boolean {
  try {
    linkSync(own, name);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function held({ file, own, record: first, listener }: Prepared): Claim {
  let record = first;
  let isHeld = true;
  const release = () => {
    if (!isHeld) return;
    isHeld = false;
    process.off('exit', release);
    rmSync(own, { force: true });
    // While the socket still listens: nobody may take it for a dead one's and replace it meanwhile.
    if (readRecord(file)?.id === record.id) rmSync(file, { force: true });
    listener.close();
  };
  process.on('exit', release);
  return {
    file,
    get id() {
      return record.id;
    },
    get isForced() {
      try {
        return readRecord(file)?.isForced === true;
      } catch {
        return false;
      }
    },
    onConnection: listener.onConnection,
    announce(changed) {
      record = { ...record, ...changed };
      // That of a successor is not in its place yet.
      const isOwn = readRecord(own)?.id === record.id;
      rmSync(own, { force: true });
      writeRecord(own, record);
      if (!isOwn) renameSync(own, file);
    },
    release,
    async takeBack() {
      if (!isHeld) return;
      if (readRecord(file)?.id !== record.id) {
        // An id never comes again: a right to it may have been given.
        record = { ...record, id: newId() };
        const next = beside(file, record.id, 'new');
        try {
          writeRecord(next, record);
          await acquire(file, next);
        } finally {
          rmSync(next, { force: true });
        }
      }
      await sweep(file);
    },
  };
}
