import type { Frame } from './executable.ts';
import type { Range } from './fetch.ts';

/** A run of bytes of the new file, and where the old file has the same ones. */
export interface Copy extends Range {
  readonly from: number;
}

/** Where each byte of a new file comes from. Together the runs are the whole file, without overlap. */
export interface Plan {
  readonly copies: readonly Copy[];
  readonly downloads: readonly Range[];
}

/** Frames that lie in a file, behind `payload`. */
export interface Laid {
  readonly payload: number;
  readonly frames: readonly Frame[];
}

/** A further request costs as much time as so many bytes do. */
const WORTH_A_REQUEST = 64 * 1024;

/** Takes from the old file each frame that it has too, and the rest from the server. Sizes in bytes. */
export function planUpdate(size: number, wanted: readonly Laid[], old: readonly Laid[]): Plan {
  const known = new Map(placesOf(old).map((place) => [place.sha256, place]));
  const copies = placesOf(wanted)
    .flatMap(({ offset, length, sha256 }): Copy[] => {
      const place = known.get(sha256);
      return place?.length === length && length >= WORTH_A_REQUEST
        ? [{ offset, length, from: place.offset }]
        : [];
    })
    .sort((one, other) => one.offset - other.offset);
  const downloads: Range[] = [];
  let position = 0;
  for (const { offset, length } of [...copies, { offset: size, length: 0 }]) {
    if (offset > position) downloads.push({ offset: position, length: offset - position });
    position = offset + length;
  }
  return { copies, downloads };
}

/** The frames, with their offsets in the file. */
function placesOf(parts: readonly Laid[]): readonly Frame[] {
  return parts.flatMap(({ payload, frames }) =>
    frames.map((frame) => ({ ...frame, offset: payload + frame.offset })),
  );
}

/** In bytes. */
export function downloadSize({ downloads }: Plan): number {
  return downloads.reduce((sum, { length }) => sum + length, 0);
}
