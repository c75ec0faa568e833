import { type FileHandle, open } from 'node:fs/promises';
import { UpdateError } from './error.ts';
import { isCount, isDigest, isText, type PublishedPart } from './feed.ts';
import { sha256Of } from './sha256.ts';

/** What of a manifest an update looks at (docs/format.md). */
export interface Manifest {
  /** The release's. */
  readonly name: string;
  readonly version: string;
  readonly target: string;
  readonly frames: readonly Frame[];
}

/** A run of stored bytes, `offset` counted from where the frames begin. */
export interface Frame {
  readonly offset: number;
  readonly length: number;
  /** Of the stored bytes. */
  readonly sha256: string;
}

/** One of the executables that a file consists of. Offsets are those in the file, in bytes. */
export interface ExecutablePart extends PublishedPart {
  readonly contents: Manifest;
}

/** An executable that was made by Sarma, opened to read: of one part, or several in a universal file of macOS. */
export interface ExecutableFile {
  readonly handle: FileHandle;
  readonly parts: readonly [ExecutablePart, ...ExecutablePart[]];
}

const MAGIC = Buffer.from('\x89SARMA-STAMP\r\n\x1a\n', 'latin1');
/** A stamp begins before this. */
const STAMP_LIMIT = 1024 * 1024;
/** <mach-o/fat.h>, big-endian. */
const FAT_MAGIC = 0xcafebabe;
const FAT_HEADER = 8;
const FAT_ARCHITECTURE = 20;

/** What a feed says of an executable; nothing of a file that is none of Sarma's. Throws UpdateError NOT_AN_EXECUTABLE. */
export async function partsOf(file: string): Promise<readonly PublishedPart[]> {
  const handle = await openToRead(file);
  try {
    return (await readParts(handle)).map(({ payload, manifest }) => ({ payload, manifest }));
  } finally {
    await handle.close();
  }
}

/** Whether all of an executable's frames are what its manifest says. */
export async function isWhole({ handle, parts }: ExecutableFile): Promise<boolean> {
  for (const { payload, contents } of parts) {
    for (const { offset, length, sha256 } of contents.frames) {
      const bytes = await readAt(handle, payload + offset, length);
      if (sha256Of(bytes) !== sha256) return false;
    }
  }
  return true;
}

/** The caller closes it. `called` names it in errors. Throws UpdateError NOT_AN_EXECUTABLE. */
export async function openExecutable(file: string, called = file): Promise<ExecutableFile> {
  const handle = await openToRead(file);
  try {
    const [first, ...rest] = await readParts(handle);
    if (first !== undefined) return { handle, parts: [first, ...rest] };
    throw new UpdateError(
      'NOT_AN_EXECUTABLE',
      `${called} is damaged, or was not made by Sarma: get the new version by hand.`,
    );
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function openToRead(file: string): Promise<FileHandle> {
  return await open(file).catch((cause: Error) => {
    throw new UpdateError('NOT_AN_EXECUTABLE', `${file} cannot be read: ${cause.message}.`, { cause });
  });
}

async function readParts(handle: FileHandle): Promise<readonly ExecutablePart[]> {
  const parts: ExecutablePart[] = [];
  for (const begin of await beginsOf(handle)) {
    const part = await readPart(handle, begin);
    if (part !== undefined) parts.push(part);
  }
  return parts;
}

/** Where the executables of a file begin. */
async function beginsOf(handle: FileHandle): Promise<readonly number[]> {
  const head = await readAt(handle, 0, 4096);
  if (head.length < FAT_HEADER || head.readUInt32BE(0) !== FAT_MAGIC) return [0];
  const room = Math.floor((head.length - FAT_HEADER) / FAT_ARCHITECTURE);
  const count = Math.min(head.readUInt32BE(4), room);
  return Array.from({ length: count }, (_, index) =>
    head.readUInt32BE(FAT_HEADER + index * FAT_ARCHITECTURE + 8),
  );
}

/** Its own offsets count from where it begins. */
async function readPart(handle: FileHandle, begin: number): Promise<ExecutablePart | undefined> {
  const head = await readAt(handle, begin, STAMP_LIMIT + 128);
  const at = head.indexOf(MAGIC);
  if (at === -1 || at + 80 > head.length) return undefined;
  const number = (offset: number) => Number(head.readBigUInt64LE(at + offset));
  const manifest = {
    offset: begin + number(24),
    length: number(32),
    sha256: head.toString('hex', at + 40, at + 72),
  };
  const { size } = await handle.stat();
  if (manifest.offset + manifest.length > size) return undefined;
  const text = await readAt(handle, manifest.offset, manifest.length);
  if (sha256Of(text) !== manifest.sha256) return undefined;
  const payload = begin + number(72);
  const contents = parseManifest(text, manifest.offset - payload);
  return contents && { payload, manifest, contents };
}

/** Undefined where it is none whose frames lie in `room` bytes: what has the right hash may be wrong as well. */
export function parseManifest(text: Buffer, room: number): Manifest | undefined {
  let manifest: Partial<Manifest> | null;
  try {
    manifest = JSON.parse(text.toString()) as Partial<Manifest> | null;
  } catch {
    return undefined;
  }
  const { name, version, target, frames } = manifest ?? {};
  if (!isText(name) || !isText(version) || !isText(target) || !Array.isArray(frames)) return undefined;
  return frames.every((frame) => isInside(frame, room)) ? { name, version, target, frames } : undefined;
}

function isInside(frame: Frame | null, room: number): boolean {
  const { offset, length, sha256 } = frame ?? {};
  return isCount(offset) && isCount(length) && isDigest(sha256) && offset + length <= room;
}

async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}
