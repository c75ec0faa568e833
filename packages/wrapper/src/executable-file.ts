import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { zstdDecompressSync } from 'node:zlib';
import { decode } from './executables/branch-filter.ts';
import { MalformedExecutableError } from './executables/errors.ts';
import { FAT_HEADER_SIZE, readSlices } from './executables/fat.ts';
import { decodeLzma } from './lzma.ts';
import type { Frame, Manifest } from './manifest.ts';
import { decodeStamp, findStamp, STAMP_SIZE, type Stamp, StampError } from './stamp.ts';

export class ExecutableFileError extends Error {
  override readonly name = 'ExecutableFileError';
  readonly code: 'NOT_FOUND' | 'NOT_AN_EXECUTABLE' | 'TRUNCATED' | 'MANIFEST_DAMAGED' | 'FRAME_DAMAGED';
  constructor(code: ExecutableFileError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A stamp begins before this (docs/format.md). */
const STAMP_LIMIT = 1024 * 1024;

/** Whether a file was made by Sarma, damaged or not. Throws what opening and reading it throws. */
export async function isOwnExecutable(file: string): Promise<boolean> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(STAMP_LIMIT), 0, STAMP_LIMIT, 0);
    return findStamp(buffer.subarray(0, bytesRead)) !== -1;
  } finally {
    await handle.close();
  }
}

/** Where an executable lies in its file: all of it, but for the slices of a universal one. In bytes. */
export interface Span {
  readonly offset: number;
  readonly size: number;
}

/** A finished executable, opened for reading. Offsets in it count from where its span begins. */
export interface ExecutableFile {
  readonly file: string;
  readonly span: Span;
  readonly bytes: number;
  readonly stamp: Stamp;
  /** Where it lies. */
  readonly stampAt: number;
  readonly manifest: Manifest;
  readonly id: string;
  /** The stored bytes of a frame. Throws ExecutableFileError when the file ends before, or they do not have its hash. */
  stored(frame: Frame): Promise<Buffer>;
  close(): Promise<void>;
}

/** The executables in a file: one, or the slices of a universal one for macOS. Throws ExecutableFileError. */
export async function spansOf(file: string): Promise<readonly Span[]> {
  const { handle, size } = await openFile(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(FAT_HEADER_SIZE), 0, FAT_HEADER_SIZE, 0);
    return readSlices(buffer.subarray(0, bytesRead), size) ?? [{ offset: 0, size }];
  } catch (error) {
    if (!(error instanceof MalformedExecutableError)) throw error;
    throw new ExecutableFileError('TRUNCATED', `${file} is truncated: ${error.what}. Get it again.`);
  } finally {
    await handle.close();
  }
}

async function openFile(file: string): Promise<{ handle: FileHandle; size: number }> {
  const handle = await open(file).catch((cause: NodeJS.ErrnoException) => {
    const reason = cause.code === 'ENOENT' ? 'does not exist' : `cannot be read (${cause.message})`;
    throw new ExecutableFileError('NOT_FOUND', `${file} ${reason}.`, { cause });
  });
  const details = await handle.stat();
  if (details.isFile()) return { handle, size: details.size };
  await handle.close();
  throw new ExecutableFileError('NOT_AN_EXECUTABLE', `${file} is no regular file.`);
}

/**
 * Opens an executable made by Sarma, the first of a universal one unless `span` says which, and reads its stamp and
 * manifest without running it. Throws ExecutableFileError or StampError, each saying what is wrong with the file.
 */
export async function openExecutable(file: string, span?: Span): Promise<ExecutableFile> {
  const { offset, size } = span ?? (await spansOf(file))[0]!;
  const { handle } = await openFile(file);
  try {
    const read = async (position: number, length: number, what: string) => {
      if (position + length <= size) {
        const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, offset + position);
        if (bytesRead === length) return buffer;
      }
      throw new ExecutableFileError(
        'TRUNCATED',
        `${file} is truncated: ${what} should end at byte ${offset + position + length}, and the file has ${offset + size}. Get it again.`,
      );
    };
    const head = await read(0, Math.min(STAMP_LIMIT, size), 'the stub');
    const at = findStamp(head);
    if (at === -1) {
      throw new ExecutableFileError(
        'NOT_AN_EXECUTABLE',
        `${file} was not made by Sarma, or its head was altered: it holds no stamp.`,
      );
    }
    if (at + STAMP_SIZE > head.length) await read(at, STAMP_SIZE, 'the stamp');
    const stamp = stampOf(file, head.subarray(at, at + STAMP_SIZE));
    const bytes = await read(stamp.manifestOffset, stamp.manifestLength, 'the manifest');
    const digest = createHash('sha256').update(bytes).digest('hex');
    if (digest !== stamp.manifestDigest) {
      throw new ExecutableFileError(
        'MANIFEST_DAMAGED',
        `${file} is damaged: its manifest does not match the digest in the stamp. Get it again.`,
      );
    }
    const manifest = JSON.parse(bytes.toString()) as Manifest;
    const stored = async (frame: Frame) => {
      const at = stamp.payloadOffset + frame.offset;
      const found = await read(at, frame.length, `a frame of the ${frame.part}`);
      if (createHash('sha256').update(found).digest('hex') === frame.sha256) return found;
      const which = `frame ${manifest.frames.indexOf(frame) + 1} of ${manifest.frames.length}`;
      throw new ExecutableFileError(
        'FRAME_DAMAGED',
        `${file} is damaged: ${which} (bytes ${offset + at} to ${offset + at + frame.length}) does not match its SHA-256. Get it again.`,
      );
    };
    return {
      file,
      span: { offset, size },
      bytes: size,
      stamp,
      stampAt: at,
      manifest,
      id: digest.slice(0, 12),
      stored,
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Throws StampError with a message that names the file. */
function stampOf(file: string, bytes: Buffer): Stamp {
  try {
    return decodeStamp(bytes);
  } catch (error) {
    if (!(error instanceof StampError)) throw error;
    throw new StampError(error.code, `${file} cannot be read: ${error.message}`);
  }
}

/** The bytes that a frame stands for: decoded, and the branch filter undone. */
export function decodeFrame(frame: Frame, stored: Buffer, manifest: Manifest): Buffer {
  const content = decodeStored(frame, stored);
  const { filter } = manifest.runtime;
  return frame.part === 'runtime' && filter !== null ? decode(content, frame.position, filter) : content;
}

function decodeStored({ codec, size }: Frame, stored: Buffer): Buffer {
  switch (codec) {
    case 'none':
      return stored;
    case 'zstd':
      return zstdDecompressSync(stored, { maxOutputLength: size });
    case 'lzma':
      return decodeLzma(stored, size);
  }
}
