import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { lzmaCoderPath } from '@sarma/stub';
import { CODER_THREAD, code, type EncodingTask, type LzmaProperties } from './lzma-coder.ts';

/** A frame is too large for the memory that there is. */
export class LzmaMemoryError extends Error {
  override readonly name = 'LzmaMemoryError';
  readonly code = 'NO_MEMORY';
}

/** What identifies the encoder: another one may make other bytes of the same content. Throws StubMissingError. */
export function lzmaVersion(): string {
  return createHash('sha256').update(readFileSync(lzmaCoderPath())).digest('hex');
}

/**
 * Content as docs/format.md describes it (codec "lzma"); undefined if that would not be shorter. Takes up to
 * eleven times the memory of the content, in a thread of its own. Throws StubMissingError and LzmaMemoryError.
 */
export async function encodeLzma(
  content: Buffer,
  properties: LzmaProperties,
  onProgress: (bytes: number) => void,
): Promise<Buffer | undefined> {
  const module = coderModule();
  // A copy by itself: of a part, all of the memory it is a part of would be copied.
  const workerData: EncodingTask = { module, content: new Uint8Array(content), properties };
  const worker = new Worker(CODER_THREAD, { workerData });
  const stream = await new Promise<Uint8Array | null>((resolve, reject) => {
    worker.on('message', (message: number | Uint8Array | null) => {
      if (typeof message === 'number') onProgress(message);
      else resolve(message);
    });
    worker.on('error', reject);
    worker.on('exit', () => reject(new Error('The thread that compresses ended before it was done.')));
  });
  if (stream === null)
    throw new LzmaMemoryError(
      `There is not enough memory to compress ${content.length} bytes at --compression smallest, which takes up to eleven times as much. ` +
        'Build fewer targets at once (--jobs 1), or choose --compression best.',
    );
  if (stream.length === 0) return undefined;
  const { literalContext, literalPosition, position } = properties;
  return Buffer.concat([Uint8Array.of((position * 5 + literalPosition) * 9 + literalContext), stream]);
}

/** The content of stored bytes, at most `size` bytes; empty where they are damaged. Throws StubMissingError and LzmaMemoryError. */
export function decodeLzma(stored: Buffer, size: number): Buffer {
  const byte = stored[0] ?? 0;
  const properties: LzmaProperties = {
    literalContext: byte % 9,
    literalPosition: Math.floor(byte / 9) % 5,
    position: Math.floor(byte / 45),
  };
  const content = code('decode', coderModule(), stored.subarray(1), size, properties);
  if (content === null)
    throw new LzmaMemoryError(
      `There is not enough memory to read a frame of ${size} bytes, which takes three times as much.`,
    );
  return Buffer.from(content);
}

function coderModule(): WebAssembly.Module {
  return new WebAssembly.Module(readFileSync(lzmaCoderPath()));
}
