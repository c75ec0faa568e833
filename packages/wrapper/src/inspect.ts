import type { Executable } from './build.ts';
import { openExecutable, type Span, spansOf } from './executable-file.ts';
import type { Manifest } from './manifest.ts';
import type { Stamp } from './stamp.ts';

/** What is inside an executable and what it weighs. */
export interface Inspection {
  readonly file: string;
  readonly bytes: number;
  readonly id: string;
  /** Stored bytes of each part; they add up to `bytes`. */
  readonly parts: Executable['parts'];
  /** Unpacked bytes of each package, largest first; '' is what belongs to none. */
  readonly packages: readonly { readonly name: string; readonly files: number; readonly bytes: number }[];
  readonly stamp: Stamp;
  readonly manifest: Manifest;
}

/** Reads each executable of a file without running it: a universal one for macOS has several. Throws what `inspect` throws. */
export async function inspectSlices(file: string): Promise<readonly Inspection[]> {
  return await Promise.all((await spansOf(file)).map((span) => inspect(file, span)));
}

/**
 * Reads an executable without running it, the first of a universal one unless `span` says which. Throws what
 * `openExecutable` throws.
 */
export async function inspect(file: string, span?: Span): Promise<Inspection> {
  const executable = await openExecutable(file, span);
  await executable.close();
  const { bytes, id, stamp, manifest } = executable;
  const stored = (part: 'runtime' | 'release') =>
    manifest.frames.reduce((sum, frame) => (frame.part === part ? sum + frame.length : sum), 0);
  const runtime = stored('runtime');
  const release = stored('release');
  const stub = bytes - runtime - release - stamp.manifestLength;
  return {
    file,
    bytes,
    id,
    parts: { stub, runtime, release, manifest: stamp.manifestLength },
    packages: weighPackages(manifest),
    stamp,
    manifest,
  };
}

function weighPackages(manifest: Manifest): Inspection['packages'] {
  const weights = new Map<string, { files: number; bytes: number }>();
  for (const { path, size } of manifest.files) {
    const name = packageOf(path);
    const weight = weights.get(name) ?? { files: 0, bytes: 0 };
    weights.set(name, { files: weight.files + 1, bytes: weight.bytes + size });
  }
  return [...weights]
    .map(([name, weight]) => ({ name, ...weight }))
    .sort((a, b) => b.bytes - a.bytes || (a.name < b.name ? -1 : 1));
}

/** The innermost package that holds the file: below the last `node_modules`, else the directory in `lib`. */
function packageOf(path: string): string {
  const parts = path.split('/');
  const at = parts.lastIndexOf('node_modules');
  const scoped = (from: number) =>
    (parts[from]!.startsWith('@') ? parts.slice(from, from + 2) : [parts[from]!]).join('/');
  if (at !== -1 && at + 1 < parts.length) return scoped(at + 1);
  return parts[0] === 'lib' && parts.length > 2 ? scoped(1) : '';
}
