import type { Executable } from './build.ts';
import type { Delivered } from './deliver.ts';

/** An executable that was written. */
export interface Artifact extends Delivered {
  readonly target: string;
  readonly name: string;
  readonly id: string;
  readonly parts: Executable['parts'];
  readonly milliseconds: number;
}
