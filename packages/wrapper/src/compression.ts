import { availableParallelism } from 'node:os';
import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress } from 'node:zlib';
import { encodeLzma, lzmaVersion } from './lzma.ts';
import type { LzmaProperties } from './lzma-coder.ts';
import type { Frame } from './manifest.ts';

export const COMPRESSIONS = ['fast', 'balanced', 'best', 'smallest', 'none'] as const;
export type Compression = (typeof COMPRESSIONS)[number];

/**
 * What a setting means. More frames let more threads work, on both sides, and cost size: neither codec can look
 * back across a frame's beginning.
 */
export type CompressionSettings = Codec & {
  /** Frames that a runtime is cut into. */
  readonly runtimeFrames: number;
  /** Bytes of the tar after which a frame ends (at the next entry). */
  readonly releaseFrameSize: number;
};

type Codec = { readonly codec: 'none' | 'lzma' } | { readonly codec: 'zstd'; readonly level: number };

/** A frame's stored bytes, and what they are coded with: what would not get shorter is stored as it is. */
export interface Compressed {
  readonly codec: Frame['codec'];
  readonly stored: Buffer;
}

const MiB = 1024 * 1024;

const SETTINGS: Readonly<Record<Compression, CompressionSettings>> = {
  none: { codec: 'none', runtimeFrames: 8, releaseFrameSize: 4 * MiB },
  fast: { codec: 'zstd', level: 3, runtimeFrames: 8, releaseFrameSize: 4 * MiB },
  balanced: { codec: 'zstd', level: 9, runtimeFrames: 8, releaseFrameSize: 8 * MiB },
  best: { codec: 'zstd', level: 19, runtimeFrames: 6, releaseFrameSize: 16 * MiB },
  smallest: { codec: 'lzma', runtimeFrames: 2, releaseFrameSize: 64 * MiB },
};

/** What LZMA's probabilities depend on is chosen by what is compressed. Each was measured (docs/decisions/0011). */
export type ContentKind = 'x86' | 'arm64' | 'data' | 'release';

export const LZMA_PROPERTIES: Readonly<Record<ContentKind, LzmaProperties>> = {
  x86: { literalContext: 4, literalPosition: 0, position: 0 },
  arm64: { literalContext: 2, literalPosition: 2, position: 2 },
  data: { literalContext: 3, literalPosition: 1, position: 2 },
  release: { literalContext: 4, literalPosition: 0, position: 0 },
};

export function compressionSettings(compression: Compression): CompressionSettings {
  return SETTINGS[compression];
}

/**
 * Frames that are compressed at once: as many as there are processors, and no more, for each takes memory (at `best` 0.1 GB).
 * Node has four threads for it.
 */
export function framesAtOnce(codec: CompressionSettings['codec']): number {
  return Math.min(codec === 'lzma' ? 2 : 4, availableParallelism());
}

/** What decides the bytes that a codec makes, besides the settings. Throws StubMissingError. */
export function codecVersion(codec: CompressionSettings['codec']): Readonly<Record<string, unknown>> {
  return codec === 'lzma'
    ? { lzma: lzmaVersion(), properties: LZMA_PROPERTIES }
    : { zstd: process.versions.zstd };
}

/** One frame; tells `onProgress` how many bytes of it are done. Throws StubMissingError where the LZMA coder is not built. */
export async function compressFrame(
  content: Buffer,
  kind: ContentKind,
  settings: CompressionSettings,
  onProgress: (bytes: number) => void = () => {},
): Promise<Compressed> {
  const stored = await encode(content, kind, settings, onProgress);
  return stored.length < content.length
    ? { codec: settings.codec, stored }
    : { codec: 'none', stored: content };
}

async function encode(
  content: Buffer,
  kind: ContentKind,
  settings: Codec,
  onProgress: (bytes: number) => void,
): Promise<Buffer> {
  switch (settings.codec) {
    case 'none':
      onProgress(content.length);
      return content;
    case 'zstd':
      return await encodeZstd(content, settings.level, onProgress);
    case 'lzma':
      return await encodeLzma(content, LZMA_PROPERTIES[kind], onProgress);
  }
}

/**
 * With the content's size in the header, as the stub's one-shot decoder needs it. Chunks of a fixed size keep the bytes the
 * same whoever calls.
 */
async function encodeZstd(
  content: Buffer,
  level: number,
  onProgress: (bytes: number) => void,
): Promise<Buffer> {
  const stored: Buffer[] = [];
  await pipeline(
    function* () {
      for (let at = 0; at < content.length; at += MiB) {
        const chunk = content.subarray(at, at + MiB);
        yield chunk;
        onProgress(chunk.length);
      }
    },
    createZstdCompress({
      pledgedSrcSize: content.length,
      params: {
        [constants.ZSTD_c_compressionLevel]: level,
        // The whole frame is in memory on both sides, so the window may span it.
        [constants.ZSTD_c_windowLog]: windowLog(content.length),
      },
    }),
    async (chunks) => {
      for await (const chunk of chunks) stored.push(chunk);
    },
  );
  return Buffer.concat(stored);
}

/** zstd's limits for a window that decoders accept without being asked: 2^10 to 2^27 bytes. */
function windowLog(size: number): number {
  return Math.min(27, Math.max(10, Math.ceil(Math.log2(size + 1))));
}
