import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { lzmaCoderPath } from '@sarma/stub';
import { CODER_THREAD, type Coded, code, type EncodingTask, type LzmaProperties } from './lzma-coder.ts';

/** There is not enough memory to code a frame. */
export class LzmaMemoryError extends Error {
  override readonly name = 'LzmaMemoryError';
  readonly code = 'NO_MEMORY';
}

/** What identifies the encoder: another one may make other bytes of the same content. Throws StubMissingError. */
export function lzmaVersion(): string {
  return createHash('sha256').update(readFileSync(lzmaCoderPath())).digest('hex');
}

/**
 * Content as docs/format.md describes it (codec "lzma"), in a thread of its own, which takes eleven times the memory of the
 * content, or of 64 MiB of it. Throws StubMissingError and LzmaMemoryError.
 */
export async function encodeLzma(
  content: Buffer,
  properties: LzmaProperties,
  onProgress: (bytes: number) => void,
): Promise<Buffer> {
  // A copy by itself: of a part, all of the memory it is a part of would be copied.
  const copy = new Uint8Array(content);
  const workerData: EncodingTask = { module: coderModule(), content: copy, properties };
  const worker = new Worker(CODER_THREAD, { workerData, transferList: [copy.buffer] });
  const stream = await new Promise<Coded>((resolve, reject) => {
    worker.on('message', (message: number | Coded) => {
      if (typeof message === 'number') onProgress(message);
      else resolve(message);
    });
    worker.on('error', reject);
    worker.on('exit', () => reject(new Error('The thread that compresses ended before it was done.')));
  });
  if (typeof stream === 'string')
    throw new LzmaMemoryError(
      'There is not enough memory for --compression smallest, which takes 0.8 GB for each of up to two threads per target. ' +
        'Build fewer targets at once (--jobs 1), or choose --compression best.',
    );
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
  if (content === 'no memory')
    throw new LzmaMemoryError(
      'There is not enough memory to read a frame of codec "lzma", which takes 64 MiB.',
    );
  return content === 'damaged'
    ? Buffer.alloc(0)
    : Buffer.from(content.buffer, content.byteOffset, content.length);
}

function coderModule(): WebAssembly.Module {
  return new WebAssembly.Module(readFileSync(lzmaCoderPath()));
}
