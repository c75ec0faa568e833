import { createHash } from 'node:crypto';
import type { BuildCache } from '../build-cache.ts';
import { type CompressionSettings, codecVersion, compressFrame, framesAtOnce } from '../compression.ts';
import type { ManifestFile } from '../manifest.ts';
import { byPath, type Tree } from '../tree.ts';
import { readFrames, type StoredFrame, storedFrame, writeFrames } from './frames.ts';
import { type FileSlice, fileSlices } from './large-files.ts';
import { type TarSlice, tarSlices } from './tar.ts';

/** A release as frames, and what the manifest says of its files. */
export interface PackedRelease {
  readonly files: readonly ManifestFile[];
  readonly frames: readonly StoredFrame[];
}

/**
 * Packs a release. Frames of the same content, as of packages that stay from build to build, come from the build cache;
 * large files that are stored as they are, from where they lie.
 */
export async function packRelease(
  tree: Tree,
  settings: CompressionSettings,
  cache: BuildCache,
): Promise<PackedRelease> {
  const files: ManifestFile[] = [];
  const frames: Promise<StoredFrame>[] = [];
  for await (const slice of slicesOf(tree, settings.releaseFrameSize)) {
    files.push(...slice.files);
    const frame = packSlice(slice, settings, cache);
    frame.catch(() => {}); // reported by the await below, not as an unhandled rejection before it
    frames.push(frame);
    await frames.at(-framesAtOnce(settings.codec));
  }
  return { files: files.sort(byPath), frames: await Promise.all(frames) };
}

/** The tar, and behind it the files that are not in it. */
async function* slicesOf(tree: Tree, size: number): AsyncGenerator<TarSlice | FileSlice> {
  yield* tarSlices(tree, size);
  yield* fileSlices(tree);
}

async function packSlice(
  slice: TarSlice | FileSlice,
  settings: CompressionSettings,
  cache: BuildCache,
): Promise<StoredFrame> {
  const { content, position } = slice;
  if (settings.codec === 'none' && 'file' in slice) {
    const { frame } = storedFrame('release', { codec: 'none', stored: content }, position, content.length);
    const { length, sha256 } = frame;
    const inPlace = typeof slice.source === 'string' && {
      file: slice.source,
      offset: position,
      length,
      sha256,
    };
    return { frame: { ...frame, file: slice.file }, stored: inPlace || content };
  }
  const { runtimeFrames: _, releaseFrameSize: __, ...codec } = settings;
  const sha256 = createHash('sha256').update(content).digest('hex');
  const key = JSON.stringify({ sha256, ...codec, ...codecVersion(codec.codec) });
  const file = await cache.produce(`release-frame:${key}`, async (temporaryPath) => {
    const compressed = await compressFrame(content, 'release', settings);
    await writeFrames(temporaryPath, null, [storedFrame('release', compressed, 0, content.length)]);
  });
  const { frame, stored } = readFrames(file).frames[0]!;
  return { frame: { ...frame, position, ...('file' in slice && { file: slice.file }) }, stored };
}
