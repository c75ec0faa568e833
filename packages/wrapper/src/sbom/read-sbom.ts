import { extract } from 'tar-stream';
import { decodeFrame, type ExecutableFile, openExecutable, spansOf } from '../executable-file.ts';
import { sbomPath } from './release-sbom.ts';

export class SbomError extends Error {
  override readonly name = 'SbomError';
  readonly code = 'SBOM_MISSING';
}

/**
 * The bill of materials inside an executable, without running it; of a universal one, those of its slices in one.
 * Throws SbomError where there is none, and what `openExecutable` throws.
 */
export async function readSbom(file: string): Promise<Buffer> {
  const found: Buffer[] = [];
  for (const span of await spansOf(file)) {
    const executable = await openExecutable(file, span);
    try {
      found.push(await sbomOf(executable));
    } finally {
      await executable.close();
    }
  }
  if (found.length === 1) return found[0]!;
  const { joinBills } = await import('./join-bills.ts');
  return joinBills(found);
}

/** That of one executable. It has frames of its own, or lies in one of the last of the tar: paths are sorted. Throws SbomError. */
export async function sbomOf(executable: ExecutableFile): Promise<Buffer> {
  const { file, manifest } = executable;
  const path = sbomPath(manifest);
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
  throw new SbomError(
    `${file} holds no bill of materials: it was made by an older Sarma, or by steps that leave it out.`,
  );
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
