import { createHash } from 'node:crypto';
import type { BuildCache } from '../build-cache.ts';
import { type CompressionSettings, codecVersion, compressFrame, framesAtOnce } from '../compression.ts';
import type { ManifestFile } from '../manifest.ts';
import type { Tree } from '../tree.ts';
import { readFrames, type StoredFrame, storedFrame, writeFrames } from './frames.ts';
import { type TarSlice, tarSlices } from './tar.ts';

/** A release as frames, and what the manifest says of its files. */
export interface PackedRelease {
  readonly files: readonly ManifestFile[];
  readonly frames: readonly StoredFrame[];
}

/** Packs a release. Frames of the same content, as of packages that stay from build to build, come from the build cache. */
export async function packRelease(
  tree: Tree,
  settings: CompressionSettings,
  cache: BuildCache,
): Promise<PackedRelease> {
  const files: ManifestFile[] = [];
  const frames: Promise<StoredFrame>[] = [];
  for await (const slice of tarSlices(tree, settings.releaseFrameSize)) {
    files.push(...slice.files);
    const frame = packSlice(slice, settings, cache);
    frame.catch(() => {}); // reported by the await below, not as an unhandled rejection before it
    frames.push(frame);
    await frames.at(-framesAtOnce(settings.codec));
  }
  return { files, frames: await Promise.all(frames) };
}

async function packSlice(
  { content, position }: TarSlice,
  settings: CompressionSettings,
  cache: BuildCache,
): Promise<StoredFrame> {
  const { runtimeFrames: _, releaseFrameSize: __, ...codec } = settings;
  const sha256 = createHash('sha256').update(content).digest('hex');
  const key = JSON.stringify({ sha256, ...codec, ...codecVersion(codec.codec) });
  const file = await cache.produce(`release-frame:${key}`, async (temporaryPath) => {
    const compressed = await compressFrame(content, 'release', settings);
    await writeFrames(temporaryPath, null, [storedFrame('release', compressed, 0, content.length)]);
  });
  const { frame, stored } = readFrames(file).frames[0]!;
  return { frame: { ...frame, position }, stored };
}
