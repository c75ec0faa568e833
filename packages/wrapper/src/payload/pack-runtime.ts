import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { createXXHash3 } from 'hash-wasm';
import type { BuildCache } from '../build-cache.ts';
import { type CompressionSettings, codecVersion, compressFrame, framesAtOnce } from '../compression.ts';
import { armFeatures } from '../executables/arm-attributes.ts';
import { type BranchRange, codeRange, encode } from '../executables/branch-filter.ts';
import { type Requirements, requirements } from '../executables/elf.ts';
import type { ManifestRuntime } from '../manifest.ts';
import { mapLimited } from '../map-limited.ts';
import { IntegrityError } from '../runtimes/errors.ts';
import type { Runtime } from '../runtimes/runtime.ts';
import type { Target } from '../targets.ts';
import { changeRuntime, type WantedChanges } from './change-runtime.ts';
import { readFrames, type StoredFrame, storedFrame, writeFrames } from './frames.ts';

/** A runtime as frames, and what the manifest says of it. */
export interface PackedRuntime {
  readonly runtime: ManifestRuntime;
  readonly requires: Requirements;
  readonly frames: readonly StoredFrame[];
}

/** Raised when the bytes that this module makes of the same input change, so that older cache entries are not used. */
const PACKING = 3;

/**
 * Packs a runtime, or takes it from the build cache: compressing one takes most of a minute at `best`.
 * The key holds everything that decides the bytes, the version of zstd included. Throws MalformedExecutableError,
 * IcuDataError, IntegrityError and what the build cache throws.
 */
export async function packRuntime(
  runtime: Runtime,
  target: Target,
  settings: CompressionSettings,
  wanted: WantedChanges,
  cache: BuildCache,
  onProgress: (done: number, total: number) => void,
): Promise<PackedRuntime> {
  const key = JSON.stringify({
    packing: PACKING,
    target: target.name,
    version: runtime.version,
    source: runtime.source,
    sha256: runtime.sha256,
    settings,
    // Absent where nothing is asked for.
    ...(wanted.strip ? {} : { strip: false }),
    ...(wanted.languages && { languages: wanted.languages }),
    ...codecVersion(settings.codec),
  });
  const entry = await cache.produce(`runtime-frames:${key}`, async (temporaryPath) => {
    await pack(temporaryPath, runtime, target, settings, wanted, onProgress);
  });
  const { about, frames } = readFrames<Omit<PackedRuntime, 'frames'>>(entry);
  return { ...about, frames };
}

async function pack(
  to: string,
  runtime: Runtime,
  target: Target,
  settings: CompressionSettings,
  wanted: WantedChanges,
  onProgress: (done: number, total: number) => void,
): Promise<void> {
  const { file, changes } = changeRuntime(await readOfficial(runtime), target, wanted);
  const filter = settings.codec === 'none' ? null : codeRange(file);
  const sha256 = createHash('sha256').update(file).digest('hex');
  const xxh3 = (await createXXHash3()).init().update(file).digest('hex');
  let done = 0;
  const progress = (bytes: number) => {
    done += bytes;
    onProgress(done, file.length);
  };
  const positions = framePositions(file.length, settings, filter);
  const frames = await mapLimited(positions, framesAtOnce(settings.codec), async (position, index) => {
    const slice = file.subarray(position, positions[index + 1]);
    const content = filter === null ? slice : encode(slice, position, filter);
    const kind = filter !== null && position < filter.end ? filter.name : 'data';
    const compressed = await compressFrame(content, kind, settings, progress);
    return storedFrame('runtime', compressed, position, slice.length);
  });
  const about: Omit<PackedRuntime, 'frames'> = {
    runtime: {
      version: runtime.version,
      directory: `node-${runtime.version}-${target.name}-${sha256.slice(0, 12)}`,
      executable: target.os === 'win' ? 'node.exe' : 'bin/node',
      size: file.length,
      mode: 0o755,
      xxh3,
      sha256,
      official: { source: withoutPath(runtime.source), sha256: runtime.sha256 },
      changes,
      filter,
    },
    requires: target.os === 'linux' ? requiredBy(file) : { interpreter: null, libraries: [] },
  };
  await writeFrames(to, about, frames);
}

/** The build cache believes sizes and times; what goes into an executable is held to its hash. */
async function readOfficial({ file, sha256 }: Runtime): Promise<Buffer> {
  const official = await readFile(file);
  const found = createHash('sha256').update(official).digest('hex');
  if (found === sha256) return official;
  throw new IntegrityError(file, sha256, found, 'Remove it from the build cache and build again.');
}

/** Where the frames begin. Code and data have little in common, so that a cut between them costs LZMA next to nothing. */
function framePositions(
  size: number,
  { codec, runtimeFrames }: CompressionSettings,
  filter: BranchRange | null,
): readonly number[] {
  if (codec === 'lzma' && filter !== null) return [0, filter.end].filter((position) => position < size);
  const sliceSize = Math.ceil(size / runtimeFrames);
  return Array.from({ length: runtimeFrames }, (_, index) => index * sliceSize);
}

function requiredBy(file: Buffer): Requirements {
  const cpu = armFeatures(file);
  return { ...requirements(file), ...(cpu.length > 0 && { cpu }) };
}

/** Where on the build host a runtime lay is nobody's business but the host's. */
function withoutPath(source: string): string {
  return source.startsWith('file:') ? `file:${path.basename(source)}` : source;
}
