import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { BootError } from '../error.ts';
import { notARelease, otherTarget } from './release-tree.ts';
import { ownSystem, systemName } from './system.ts';

/** What an executable says of itself: some of its stamp (docs/format.md). */
export interface Stamp {
  readonly name: string;
  readonly version: string;
  readonly target: string;
  readonly isService: boolean;
  /** SHA-256 of the manifest, hex: the same only for the same release. */
  readonly digest: string;
}

/** Positions in the file. */
interface Located extends Stamp {
  readonly manifest: { readonly offset: number; readonly length: number };
  readonly payload: number;
}

/** Undefined where the file is no executable of ours, or a damaged one. Rejects where it cannot be read. */
export async function readStamp(file: string): Promise<Stamp | undefined> {
  return await withFile(file, findStamp);
}

/**
 * Checks that a file is an executable of that release for this system, and every byte of its payload. `from` is what the
 * user named. Rejects with a BootError: NOT_A_RELEASE, DAMAGED, OTHER_RELEASE, OTHER_TARGET.
 */
export async function checkExecutable(file: string, name: string, from: string): Promise<Stamp> {
  return await withFile(file, async (handle) => {
    const stamp = await findStamp(handle);
    if (stamp === undefined)
      throw notARelease(from, 'it is neither a .tar.gz, nor a directory, nor an executable that Sarma made');
    const own = systemName(ownSystem());
    if (stamp.name !== name)
      throw new BootError('OTHER_RELEASE', `${from} is ${stamp.name}, and this is ${name}.`);
    if (stamp.target !== own) throw otherTarget(from, stamp.target);
    if (!stamp.isService) throw notARelease(from, 'it is no service');
    await checkPayload(handle, stamp, from);
    return stamp;
  });
}

async function withFile<Result>(file: string, use: (handle: FileHandle) => Promise<Result>): Promise<Result> {
  const handle = await open(file, 'r');
  try {
    return await use(handle);
  } finally {
    await handle.close();
  }
}

/** In the first MiB; in a universal file of macOS in that of the slice for this CPU. */
const SEARCHED = 1 << 20;
const MAGIC = Buffer.from('\x89SARMA-STAMP\r\n\x1a\n', 'latin1');
const SIZE = 4096;

/**
 * Bytes that are read at once, into a buffer that is used again: with much garbage behind it, Node may not come to its end,
 * since code that is compiled meanwhile waits for a collection that never begins (nodejs/node#54918).
 */
export const PIECE = 1 << 16;

async function findStamp(handle: FileHandle): Promise<Located | undefined> {
  const buffer = Buffer.alloc(PIECE + SIZE);
  const start = sliceOf(await readInto(buffer.subarray(0, SIZE), handle, 0));
  for (let from = start; from < start + SEARCHED; from += PIECE) {
    // One that begins in this piece may end in the next.
    const piece = await readInto(buffer, handle, from);
    for (let at = piece.indexOf(MAGIC); at !== -1; at = piece.indexOf(MAGIC, at + 1)) {
      const stamp = piece.subarray(at, at + SIZE);
      if (stamp.length === SIZE && stamp.readUInt32LE(16) === 1) return decode(stamp, start);
    }
  }
  return undefined;
}

/** Where in a file the program for this CPU begins. <mach-o/fat.h>, big-endian. */
function sliceOf(head: Buffer): number {
  if (head.length < 8 || head.readUInt32BE(0) !== 0xcafebabe) return 0;
  const wanted = process.arch === 'arm64' ? 0x0100000c : 0x01000007;
  const slices = Array.from({ length: Math.min(head.readUInt32BE(4), 16) }, (_, index) => 8 + 20 * index);
  const slice = slices.find((at) => head.readUInt32BE(at) === wanted);
  return slice === undefined ? 0 : head.readUInt32BE(slice + 8);
}

function decode(stamp: Buffer, start: number): Located | undefined {
  const flags = stamp.readUInt32LE(20);
  const length = stamp.readUInt32LE(116);
  if ((flags & 1) === 0 || 120 + length > SIZE - 32) return undefined;
  const sum = createHash('sha256')
    .update(stamp.subarray(0, 120 + length))
    .digest();
  if (!sum.equals(stamp.subarray(SIZE - 32))) return undefined;
  const [name = '', version = '', , target = ''] = strings(stamp.subarray(120, 120 + length), 4);
  const number = (at: number) => Number(stamp.readBigUInt64LE(at));
  return {
    name,
    version,
    target,
    isService: (flags & 16) !== 0,
    digest: stamp.toString('hex', 40, 72),
    manifest: { offset: start + number(24), length: number(32) },
    payload: start + number(72),
  };
}

function strings(bytes: Buffer, count: number): readonly string[] {
  let at = 0;
  return Array.from({ length: count }, () => {
    const begin = at + 2;
    at = begin + bytes.readUInt16LE(at);
    return bytes.toString('utf8', begin, at);
  });
}

async function checkPayload(handle: FileHandle, stamp: Located, from: string): Promise<void> {
  const { size } = await handle.stat();
  const { offset, length } = stamp.manifest;
  const manifest = await readInto(Buffer.alloc(Math.min(length, size)), handle, offset);
  if (createHash('sha256').update(manifest).digest('hex') !== stamp.digest) throw damaged(from);
  const { frames } = JSON.parse(manifest.toString('utf8')) as { readonly frames: readonly Frame[] };
  const buffer = Buffer.alloc(PIECE);
  for (const frame of frames)
    if ((await digestOf(handle, stamp.payload, frame, buffer)) !== frame.sha256) throw damaged(from);
}

interface Frame {
  readonly offset: number;
  readonly length: number;
  readonly sha256: string;
}

/** Piece by piece in one buffer. */
async function digestOf(
  handle: FileHandle,
  payload: number,
  { offset, length }: Frame,
  buffer: Buffer,
): Promise<string> {
  const hash = createHash('sha256');
  for (let done = 0; done < length; ) {
    const piece = await readInto(buffer.subarray(0, length - done), handle, payload + offset + done);
    if (piece.length === 0) break;
    hash.update(piece);
    done += piece.length;
  }
  return hash.digest('hex');
}

function damaged(from: string): BootError {
  return new BootError(
    'DAMAGED',
    `${from} is damaged: its bytes are not those that were written. Get it again.`,
  );
}

/** Fills the buffer from that position on; what it returns is shorter at the end of the file. */
export async function readInto(buffer: Buffer, handle: FileHandle, position: number): Promise<Buffer> {
  let done = 0;
  while (done < buffer.length) {
    const { bytesRead } = await handle.read(buffer, done, buffer.length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return buffer.subarray(0, done);
}
