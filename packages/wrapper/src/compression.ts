import { constants, createZstdCompress } from 'node:zlib';

export const COMPRESSIONS = ['fast', 'balanced', 'best', 'smallest', 'none'] as const;
export type Compression = (typeof COMPRESSIONS)[number];

/**
 * What a setting means. More frames let more threads work, on both sides, and cost size: zstd cannot look
 * back across a frame's beginning.
 */
export interface CompressionSettings {
  readonly codec: 'zstd' | 'none';
  readonly level: number;
  /** Frames that a runtime is cut into. */
  readonly runtimeFrames: number;
  /** Bytes of the tar after which a frame ends (at the next entry). */
  readonly releaseFrameSize: number;
}

const MiB = 1024 * 1024;

const SETTINGS: Readonly<Record<Compression, CompressionSettings>> = {
  none: { codec: 'none', level: 0, runtimeFrames: 8, releaseFrameSize: 4 * MiB },
  fast: { codec: 'zstd', level: 3, runtimeFrames: 8, releaseFrameSize: 4 * MiB },
  balanced: { codec: 'zstd', level: 9, runtimeFrames: 8, releaseFrameSize: 8 * MiB },
  best: { codec: 'zstd', level: 19, runtimeFrames: 6, releaseFrameSize: 16 * MiB },
  smallest: { codec: 'zstd', level: 22, runtimeFrames: 2, releaseFrameSize: 64 * MiB },
};

export function compressionSettings(compression: Compression): CompressionSettings {
  return SETTINGS[compression];
}

/**
 * One frame with its content size in the header, as the stub's one-shot decoder needs it. Chunks of a fixed size
 * keep the bytes the same whoever calls, and tell `onProgress` how many input bytes are done.
 */
export async function compressFrame(
  content: Buffer,
  settings: CompressionSettings,
  onProgress: (bytes: number) => void = () => {},
): Promise<Buffer> {
  if (settings.codec === 'none') {
    onProgress(content.length);
    return content;
  }
  const stream = createZstdCompress({
    pledgedSrcSize: content.length,
    params: {
      [constants.ZSTD_c_compressionLevel]: settings.level,
      // The whole frame is in memory on both sides, so the window may span it.
      [constants.ZSTD_c_windowLog]: windowLog(content.length),
    },
  });
  const stored: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => stored.push(chunk));
  const ended = new Promise<void>((resolve, reject) => stream.on('end', resolve).on('error', reject));
  for (let at = 0; at < content.length; at += MiB) {
    const chunk = content.subarray(at, at + MiB);
    await new Promise<void>((resolve, reject) =>
      stream.write(chunk, (error) => (error ? reject(error) : resolve())),
    );
    onProgress(chunk.length);
  }
  stream.end();
  await ended;
  return Buffer.concat(stored);
}

/** zstd's limits for a window that decoders accept without being asked: 2^10 to 2^27 bytes. */
function windowLog(size: number): number {
  return Math.min(27, Math.max(10, Math.ceil(Math.log2(size + 1))));
}
