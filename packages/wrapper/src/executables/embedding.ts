import type { UnsealedFile } from './unsealed-file.ts';

/**
 * Where a payload lies in an executable: the file is `head`, the payload, `tail`, one after the other.
 * Offsets of the stub hold in `head` too.
 */
export interface Embedding {
  /** Everything before the payload. The stamp in it is overwritten before sealing. */
  readonly head: Buffer;
  /** Offset of the payload in the file, in bytes: the length of `head`. */
  readonly payloadOffset: number;
  /** Everything behind the payload. */
  readonly tail: Buffer;
  /** Computes, in place, what depends on the complete file: checksum or ad-hoc signature. */
  seal(file: UnsealedFile): void;
}

/** The next multiple of `alignment`, a power of two or not. */
export function align(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}
