import { createHash } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Compressed } from '../compression.ts';
import type { Piece } from '../contents.ts';
import type { Frame } from '../manifest.ts';
import { readFull } from '../read-full.ts';

/** A frame, not yet given its place in the payload, and its stored bytes, or where they are. */
export interface StoredFrame {
  readonly frame: Omit<Frame, 'offset'>;
  readonly stored: Piece;
}

/** One whose bytes were just made. */
export interface MadeFrame {
  readonly frame: StoredFrame['frame'];
  readonly stored: Buffer;
}

export function storedFrame(
  part: Frame['part'],
  { codec, stored }: Compressed,
  position: number,
  size: number,
): MadeFrame {
  const sha256 = createHash('sha256').update(stored).digest('hex');
  return { frame: { part, length: stored.length, size, position, codec, sha256 }, stored };
}

/** What a file with frames begins with, as JSON behind its length in four bytes. */
interface FramesHeader<About> {
  readonly about: About;
  readonly frames: readonly StoredFrame['frame'][];
}

/** Writes frames and something about them, plain data, to a file. Throws what writing throws. */
export async function writeFrames(file: string, about: unknown, frames: readonly MadeFrame[]): Promise<void> {
  const header: FramesHeader<unknown> = { about, frames: frames.map(({ frame }) => frame) };
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.length);
  const handle = await open(file, 'wx');
  try {
    for (const bytes of [length, json, ...frames.map(({ stored }) => stored)]) await handle.writeFile(bytes);
  } finally {
    await handle.close();
  }
}

/** What `writeFrames` wrote. Throws what reading throws. */
export function readFrames<About>(file: string): {
  readonly about: About;
  readonly frames: readonly StoredFrame[];
} {
  const handle = openSync(file, 'r');
  try {
    const read = (length: number, position: number) => {
      const bytes = Buffer.alloc(length);
      if (readFull(handle, bytes, position)) return bytes;
      throw new Error(`${file} is cut off. If it is in the build cache, remove it there and build again.`);
    };
    const length = read(4, 0).readUInt32LE();
    const { about, frames } = JSON.parse(read(length, 4).toString()) as FramesHeader<About>;
    let offset = 4 + length;
    const stored = frames.map((frame) => {
      const part = { file, offset, length: frame.length, sha256: frame.sha256 };
      offset += frame.length;
      return { frame, stored: part };
    });
    return { about, frames: stored };
  } finally {
    closeSync(handle);
  }
}

/** Gives every frame its offset, one behind the other. */
export function placeFrames(frames: readonly StoredFrame[]): Frame[] {
  let offset = 0;
  return frames.map(({ frame }) => {
    const placed: Frame = {
      part: frame.part,
      offset,
      length: frame.length,
      size: frame.size,
      position: frame.position,
      codec: frame.codec,
      sha256: frame.sha256,
      ...(frame.file !== undefined && { file: frame.file }),
    };
    offset += frame.length;
    return placed;
  });
}
