import { closeSync, openSync, readSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { MalformedExecutableError } from '../executables/errors.ts';
import type { Tree, TreeFile } from '../tree.ts';
import type { NativeFile } from './native-file.ts';
import { beginsNative, MAGIC_LENGTH, readNativeFile } from './read-native-file.ts';

/** A native file in a release. */
export interface PlacedFile {
  /** Relative to the release's root. */
  readonly place: string;
  readonly size: number;
  /** Null: it begins like one, is named like one, and is cut off or damaged. */
  readonly native: NativeFile | null;
}

/** Whether Node loads it. By its name alone only what is damaged: an extension of SQLite may be called `.node`, too. */
export function isAddonFile({ place, native }: PlacedFile): boolean {
  return native === null ? place.endsWith('.node') : native.kind === 'addon';
}

/** Nothing loads or executes files of these names; they are most of a release. */
const NEVER_NATIVE =
  /\.(js|cjs|mjs|ts|cts|mts|tsx|jsx|json|map|md|markdown|txt|html|css|scss|svg|png|jpe?g|gif|ico|woff2?|ttf|wasm|ya?ml|h|hpp|c|cc|cpp|gyp|gypi|sh|ps1|bat|cmd|lock)$/i;
const NAMED_NATIVE = /\.(node|dll|dylib|exe|so(\.\d+)*)$/i;

/** Reads every ELF, PE and Mach-O file of a tree, but objects; of other files, no more than the beginning. */
export async function nativeFiles(tree: Tree): Promise<readonly PlacedFile[]> {
  const candidates = tree.files.filter(({ path: place, size }) => size >= 64 && !NEVER_NATIVE.test(place));
  const found: PlacedFile[] = [];
  // One after the other, since some are large.
  for (const candidate of candidates) {
    const file = await readPlaced(candidate);
    if (file !== undefined) found.push(file);
  }
  return found.sort((a, b) => (a.place < b.place ? -1 : 1));
}

async function readPlaced({ path: place, size, content }: TreeFile): Promise<PlacedFile | undefined> {
  if (!beginsNative(beginningOf(content))) return undefined;
  const bytes = typeof content === 'string' ? await readFile(content) : content;
  try {
    const native = readNativeFile(bytes);
    return native === null || native.kind === 'object' ? undefined : { place, size, native };
  } catch (error) {
    if (!(error instanceof MalformedExecutableError)) throw error;
    // Packages that deal with such files have damaged ones on purpose; those nobody loads.
    return NAMED_NATIVE.test(path.posix.basename(place)) ? { place, size, native: null } : undefined;
  }
}

/** Waits for the disk: for so few bytes of so many files that is several times faster than to be told. */
function beginningOf(content: TreeFile['content']): Buffer {
  if (typeof content !== 'string') return content.subarray(0, MAGIC_LENGTH);
  const file = openSync(content, 'r');
  try {
    const beginning = Buffer.alloc(MAGIC_LENGTH);
    return beginning.subarray(0, readSync(file, beginning, 0, MAGIC_LENGTH, 0));
  } finally {
    closeSync(file);
  }
}
