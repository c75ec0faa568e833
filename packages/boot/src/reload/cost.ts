import { statSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** What a version costs the process it was loaded into: Node frees no module that was ever loaded. */
export interface ReloadCost {
  /** Modules that were loaded for it until it ran; others come with later imports. */
  readonly modules: number;
  /** Bytes of their files. */
  readonly source: number;
  /** Bytes by which the heap has grown, garbage taken away on both sides; null where that was not measured. */
  readonly heap: number | null;
}

/** Bytes: collecting the garbage of a larger heap would keep the applications from answering for a while. */
const HEAP_LIMIT = 100 * 1024 * 1024;

/** Bytes that live in the heap and beside it, or undefined where finding that out takes too long. */
export function measureHeap(): number | undefined {
  const { heapUsed } = process.memoryUsage();
  if (heapUsed > HEAP_LIMIT) return undefined;
  collectGarbage();
  const { heapUsed: used, external } = process.memoryUsage();
  return used + external;
}

export function costOf(files: ReadonlySet<string>, before: number | undefined): ReloadCost {
  const sizes = [...files].map((file) => statSync(file, { throwIfNoEntry: false })?.size ?? 0);
  const after = before === undefined ? undefined : measureHeap();
  return {
    modules: files.size,
    source: sizes.reduce((sum, size) => sum + size, 0),
    heap: before === undefined || after === undefined ? null : after - before,
  };
}

/** Node has no function for it unless it was started with `--expose-gc`; a new context gets one. */
function collectGarbage(): void {
  const { gc = exposed() } = globalThis as { gc?: () => void };
  gc();
}

function exposed(): () => void {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  setFlagsFromString('--no-expose-gc');
  return gc;
}
