import type { FileHandle } from 'node:fs/promises';
import { cannotWrite, UpdateError } from './error.ts';
import { type ExecutableFile, parseManifest } from './executable.ts';
import type { PublishedExecutable, PublishedPart } from './feed.ts';
import { fetchFile, fetchRange, type Write } from './fetch.ts';
import { type Copy, downloadSize, type Laid, type Plan, planUpdate } from './plan.ts';
import { sha256Of, sha256OfFile } from './sha256.ts';

/** So many bytes are copied at once. */
const PIECE = 1024 * 1024;

/** How far it is, in bytes. */
export interface Progress {
  readonly done: number;
  readonly of: number;
  /** How many come from the old file. */
  readonly kept: number;
}

/**
 * Makes `file` the executable that is published at `address`, of what `old` has of it and of what is fetched; whole where that
 * comes to other bytes. Resolves to how many bytes of it were fetched. Throws UpdateError.
 */
export async function download(
  file: FileHandle,
  { size, sha256, parts = [] }: PublishedExecutable,
  old: ExecutableFile,
  address: string,
  onProgress: (progress: Progress) => void,
): Promise<number> {
  let fetched = 0;
  const to = (of: number): Write => {
    const before = fetched;
    return async (bytes, position) => {
      await writeAll(file, bytes, position);
      fetched += bytes.length;
      onProgress({ done: fetched - before, of, kept: size - of });
    };
  };
  const frames = await framesOf(parts, address);
  if (frames !== undefined) {
    const laid = old.parts.map(({ payload, contents }) => ({ payload, frames: contents.frames }));
    const plan = planUpdate(size, frames, laid);
    const isWhole = await assemble(file, plan, old.handle, address, to(downloadSize(plan)));
    if (isWhole && (await sha256OfFile(file)) === sha256) return fetched;
    await file.truncate(0);
  }
  await fetchFile(address, size, to(size));
  if ((await sha256OfFile(file)) === sha256) return fetched;
  throw new UpdateError(
    'WRONG_BYTES',
    `${address} is not what was signed: its SHA-256 is another. Try again later, or tell whoever publishes it.`,
  );
}

/** Of each part of the new file, from its manifest. Undefined where they cannot be had. */
async function framesOf(
  parts: readonly PublishedPart[],
  address: string,
): Promise<readonly Laid[] | undefined> {
  if (parts.length === 0) return undefined;
  const laid: Laid[] = [];
  for (const { payload, manifest } of parts) {
    const pieces: Buffer[] = [];
    const isHad = await fetchRange(address, manifest, async (bytes) => void pieces.push(bytes));
    const text = Buffer.concat(pieces);
    if (!isHad || sha256Of(text) !== manifest.sha256) return undefined;
    const contents = parseManifest(text, manifest.offset - payload);
    if (contents === undefined) return undefined;
    laid.push({ payload, frames: contents.frames });
  }
  return laid;
}

/** False where the server does not answer with ranges. */
async function assemble(
  file: FileHandle,
  { copies, downloads }: Plan,
  old: FileHandle,
  address: string,
  write: Write,
): Promise<boolean> {
  for (const range of downloads) {
    if (!(await fetchRange(address, range, write))) return false;
  }
  for (const copy of copies) await copyRange(file, old, copy);
  return true;
}

async function copyRange(file: FileHandle, old: FileHandle, { offset, length, from }: Copy): Promise<void> {
  const buffer = Buffer.alloc(Math.min(PIECE, length));
  for (let done = 0; done < length; ) {
    const wanted = Math.min(buffer.length, length - done);
    const { bytesRead } = await old.read(buffer, 0, wanted, from + done).catch(() => ({ bytesRead: 0 }));
    // It was cut short under us, or its disk fails there; the whole will not have its hash.
    if (bytesRead === 0) return;
    await writeAll(file, buffer.subarray(0, bytesRead), offset + done);
    done += bytesRead;
  }
}

async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  try {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
      done += bytesWritten;
    }
  } catch (cause) {
    throw cannotWrite('the new version', cause);
  }
}
