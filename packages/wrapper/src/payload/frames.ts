import { createHash } from 'node:crypto';
import type { Compressed } from '../compression.ts';
import type { Frame } from '../manifest.ts';

/** A frame and its stored bytes, not yet given its place in the payload. */
export interface StoredFrame {
  readonly frame: Omit<Frame, 'offset'>;
  readonly stored: Buffer;
}

export function storedFrame(
  part: Frame['part'],
  { codec, stored }: Compressed,
  position: number,
  size: number,
): StoredFrame {
  const sha256 = createHash('sha256').update(stored).digest('hex');
  return { frame: { part, length: stored.length, size, position, codec, sha256 }, stored };
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
    };
    offset += frame.length;
    return placed;
  });
}
