import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { zstdDecompressSync } from 'node:zlib';
import { decode } from './executables/branch-filter.ts';
import type { Frame, Manifest } from './manifest.ts';
import { decodeStamp, findStamp, STAMP_SIZE, type Stamp, StampError } from './stamp.ts';

export class ExecutableFileError extends Error {
  override readonly name = 'ExecutableFileError';
  readonly code: 'NOT_FOUND' | 'NOT_AN_EXECUTABLE' | 'TRUNCATED' | 'MANIFEST_DAMAGED';
  constructor(code: ExecutableFileError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Stubs are smaller than this (docs/format.md); the stamp lies within it. */
const STUB_LIMIT = 1024 * 1024;

/** Whether a file was made by Sarma, damaged or not. Throws what opening and reading it throws. */
export async function isOwnExecutable(file: string): Promise<boolean> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(STUB_LIMIT), 0, STUB_LIMIT, 0);
    return findStamp(buffer.subarray(0, bytesRead)) !== -1;
  } finally {
    await handle.close();
  }
}

/** A finished executable, opened for reading. */
export interface ExecutableFile {
  readonly file: string;
  readonly bytes: number;
  readonly stamp: Stamp;
  readonly manifest: Manifest;
  readonly id: string;
  /** The stored bytes of a frame. Throws ExecutableFileError when the file ends before. */
  stored(frame: Frame): Promise<Buffer>;
  close(): Promise<void>;
}

/**
 * Opens an executable made by Sarma and reads its stamp and manifest, without running it.
 * Throws ExecutableFileError or StampError, each saying what is wrong with the file.
 */
export async function openExecutable(file: string): Promise<ExecutableFile> {
  const handle = await open(file).catch((cause: NodeJS.ErrnoException) => {
    const reason = cause.code === 'ENOENT' ? 'does not exist' : `cannot be read (${cause.message})`;
    throw new ExecutableFileError('NOT_FOUND', `${file} ${reason}.`, { cause });
  });
  try {
    const details = await handle.stat();
    if (!details.isFile()) {
      throw new ExecutableFileError('NOT_AN_EXECUTABLE', `${file} is no regular file.`);
    }
    const read = async (position: number, length: number, what: string) => {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, position);
      if (bytesRead === length) return buffer;
      throw new ExecutableFileError(
        'TRUNCATED',
        `${file} is truncated: ${what} should end at byte ${position + length}, and the file has ${details.size}. Get it again.`,
      );
    };
    const head = await read(0, Math.min(STUB_LIMIT, details.size), 'the stub');
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
    return {
      file,
      bytes: details.size,
      stamp,
      manifest: JSON.parse(bytes.toString()) as Manifest,
      id: digest.slice(0, 12),
      stored: (frame) =>
        read(stamp.payloadOffset + frame.offset, frame.length, `a frame of the ${frame.part}`),
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
  const content =
    frame.codec === 'zstd' ? zstdDecompressSync(stored, { maxOutputLength: frame.size }) : stored;
  const { filter } = manifest.runtime;
  return frame.part === 'runtime' && filter !== null ? decode(content, frame.position, filter) : content;
}
