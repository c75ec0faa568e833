import { extract } from 'tar-stream';
import { decodeFrame, type ExecutableFile, openExecutable, spansOf } from './executable-file.ts';

/**
 * A file of the release inside an executable, `path` relative to the release's root, without running it; of a universal one that of
 * each slice. Undefined where there is none. Throws what `openExecutable` throws.
 */
export async function readReleaseFile(file: string, path: string): Promise<readonly (Buffer | undefined)[]> {
  const found: (Buffer | undefined)[] = [];
  for (const span of await spansOf(file)) {
    const executable = await openExecutable(file, span);
    try {
      found.push(await releaseFileOf(executable, path));
    } finally {
      await executable.close();
    }
  }
  return found;
}

/** That of one executable. It has frames of its own, or lies in the tar: paths are sorted, and those of `releases/` among the last. */
export async function releaseFileOf(executable: ExecutableFile, path: string): Promise<Buffer | undefined> {
  const { manifest } = executable;
  if (!manifest.files.some((file) => file.path === path)) return undefined;
  const own = manifest.frames.filter(({ file }) => file === path);
  if (own.length > 0) {
    const pieces: Buffer[] = [];
    for (const frame of own) pieces.push(decodeFrame(frame, await executable.stored(frame), manifest));
    return Buffer.concat(pieces);
  }
  const frames = manifest.frames.filter(({ part, file }) => part === 'release' && file === undefined);
  for (const frame of frames.toReversed()) {
    const bytes = decodeFrame(frame, await executable.stored(frame), manifest);
    const content = bytes.includes(path) ? await entryOf(bytes, path) : undefined;
    if (content !== undefined) return content;
  }
  return undefined;
}

async function entryOf(tar: Buffer, path: string): Promise<Buffer | undefined> {
  const reader = extract();
  reader.end(tar);
  for await (const entry of reader) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) if (entry.header.name === path) chunks.push(chunk as Buffer);
    if (entry.header.name === path) return Buffer.concat(chunks);
  }
  return undefined;
}
