import type { Executable } from './build.ts';

/** An executable that was written. */
export interface Artifact {
  readonly target: string;
  readonly name: string;
  readonly file: string;
  readonly bytes: number;
  readonly replaced: boolean;
  readonly id: string;
  readonly parts: Executable['parts'];
  readonly milliseconds: number;
}
