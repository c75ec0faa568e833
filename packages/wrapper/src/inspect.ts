import type { Executable } from './build.ts';
import {
  type ExecutableFile,
  ExecutableFileError,
  openExecutable,
  type Span,
  spansOf,
} from './executable-file.ts';
import type { Manifest } from './manifest.ts';
import { SbomError, sbomOf } from './sbom/read-sbom.ts';
import type { Stamp } from './stamp.ts';
import { type PackageFacts, packageFacts, type Weight, weigh } from './weights.ts';

/** What is inside an executable and what it weighs. */
export interface Inspection {
  readonly file: string;
  readonly bytes: number;
  readonly id: string;
  /** Stored bytes of each part; they add up to `bytes`. */
  readonly parts: Executable['parts'];
  /** What weighs what. */
  readonly tree: Weight;
  /** Those of the tree without what is in them, first what weighs most when it is unpacked. */
  readonly packages: readonly Omit<Weight, 'parts'>[];
  readonly stamp: Stamp;
  readonly manifest: Manifest;
}

/** Reads each executable of a file without running it: a universal one for macOS has several. Throws what `inspect` throws. */
export async function inspectSlices(file: string): Promise<readonly Inspection[]> {
  return await Promise.all((await spansOf(file)).map((span) => inspect(file, span)));
}

/**
 * Reads an executable without running it, the first of a universal one unless `span` says which. Throws what
 * `openExecutable` and reading the bill of materials throw.
 */
export async function inspect(file: string, span?: Span): Promise<Inspection> {
  const executable = await openExecutable(file, span);
  const facts = await factsIn(executable).finally(executable.close);
  const { bytes, id, stamp, manifest } = executable;
  const stored = (part: 'runtime' | 'release') =>
    manifest.frames.reduce((sum, frame) => (frame.part === part ? sum + frame.length : sum), 0);
  const runtime = stored('runtime');
  const release = stored('release');
  const stub = bytes - runtime - release - stamp.manifestLength;
  const parts = { stub, runtime, release, manifest: stamp.manifestLength };
  const tree = weigh(manifest, parts, facts);
  return { file, bytes, id, parts, tree, packages: packagesIn(tree), stamp, manifest };
}

/** Without a bill of materials packages have no versions. That its frame is damaged is for `verify` to say. */
async function factsIn(executable: ExecutableFile): Promise<ReadonlyMap<string, PackageFacts>> {
  try {
    return packageFacts(await sbomOf(executable));
  } catch (error) {
    const isDamaged = error instanceof ExecutableFileError && error.code === 'FRAME_DAMAGED';
    if (isDamaged || error instanceof SbomError) return new Map();
    throw error;
  }
}

function packagesIn({ parts = [] }: Weight): Inspection['packages'] {
  return parts
    .flatMap(({ kind, parts }) => (kind === 'release' ? (parts ?? []) : []))
    .map(({ parts, ...one }) => one)
    .sort((a, b) => b.unpacked - a.unpacked || (a.name < b.name ? -1 : 1));
}
