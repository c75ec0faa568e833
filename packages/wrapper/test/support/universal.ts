import { contentsOf } from '../../src/contents.ts';
import { joinSlices } from '../../src/executables/fat.ts';

/** The universal file of complete executables. */
export function universalOf(executables: readonly Buffer[]): Buffer {
  return Buffer.concat(joinSlices(executables.map(contentsOf)).pieces as readonly Buffer[]);
}
