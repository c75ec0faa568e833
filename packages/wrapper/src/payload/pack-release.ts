import { type CompressionSettings, compressFrame } from '../compression.ts';
import type { ManifestFile } from '../manifest.ts';
import type { Tree } from '../tree.ts';
import { type StoredFrame, storedFrame } from './frames.ts';
import { tarSlices } from './tar.ts';

/** A release as frames, and what the manifest says of its files. */
export interface PackedRelease {
  readonly files: readonly ManifestFile[];
  readonly frames: readonly StoredFrame[];
}

/** Frames compressed at once: as many as libuv has threads for, and with LZMA, which wants memory, as a runtime has. */
const CONCURRENCY = { none: 4, zstd: 4, lzma: 2 };

export async function packRelease(tree: Tree, settings: CompressionSettings): Promise<PackedRelease> {
  const files: ManifestFile[] = [];
  const frames: Promise<StoredFrame>[] = [];
  for await (const slice of tarSlices(tree, settings.releaseFrameSize)) {
    files.push(...slice.files);
    const frame = compressFrame(slice.content, 'release', settings).then((compressed) =>
      storedFrame('release', compressed, slice.position, slice.content.length),
    );
    frame.catch(() => {}); // reported by the await below, not as an unhandled rejection before it
    frames.push(frame);
    await frames.at(-CONCURRENCY[settings.codec]);
  }
  return { files, frames: await Promise.all(frames) };
}
