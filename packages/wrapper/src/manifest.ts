import { createHash } from 'node:crypto';
import type { BranchRange } from './executables/branch-filter.ts';
import type { Requirements } from './executables/elf.ts';

/** A file of the release as it will be installed. */
export interface ManifestFile {
  /** Relative, with `/`. */
  readonly path: string;
  readonly size: number;
  /** 0o755 or 0o644. */
  readonly mode: number;
  /** XXH3-64, 16 hex digits. */
  readonly xxh3: string;
  /** Stays as the program left it; absent elsewhere. */
  readonly mutable?: true;
}

export interface ManifestLink {
  readonly path: string;
  /** Relative to the link's directory, inside the release. */
  readonly target: string;
  /** Whether it leads to a directory (on Windows: a junction). */
  readonly directory: boolean;
}

/** A run of stored bytes that one thread decodes by itself. */
export interface Frame {
  readonly part: 'runtime' | 'release';
  /** From the payload offset, in stored bytes. */
  readonly offset: number;
  readonly length: number;
  /** Decoded bytes. */
  readonly size: number;
  /** Where the decoded bytes lie in the runtime's file, in the tar, or in `file`. */
  readonly position: number;
  readonly codec: 'zstd' | 'lzma' | 'none';
  /** SHA-256 of the stored bytes. */
  readonly sha256: string;
  /** The path of the large file of the release that these are bytes of, and not of the tar; absent elsewhere. */
  readonly file?: string;
}

export interface ManifestRuntime {
  readonly version: string;
  readonly directory: string;
  readonly executable: string;
  readonly size: number;
  readonly mode: number;
  readonly xxh3: string;
  /** Of the file as installed. */
  readonly sha256: string;
  readonly official: { readonly source: string; readonly sha256: string };
  readonly changes: readonly string[];
  readonly filter: BranchRange | null;
}

/** What is in an executable; docs/format.md describes every key. */
export interface Manifest {
  readonly format: 1;
  readonly layout: 1;
  readonly name: string;
  readonly version: string;
  readonly target: string;
  readonly kind: 'cli' | 'service';
  readonly runtime: ManifestRuntime;
  readonly requires: Requirements;
  readonly directories: readonly string[];
  readonly files: readonly ManifestFile[];
  readonly links: readonly ManifestLink[];
  readonly frames: readonly Frame[];
}

/** A manifest as stored, its SHA-256 and the id that names its install. */
export interface StoredManifest {
  readonly bytes: Buffer;
  readonly digest: string;
  readonly id: string;
}

/** Keys are written in the order in which the object has them, so the callers' literals fix the bytes. */
export function storeManifest(manifest: Manifest): StoredManifest {
  const bytes = Buffer.from(JSON.stringify(manifest));
  const digest = createHash('sha256').update(bytes).digest('hex');
  return { bytes, digest, id: digest.slice(0, 12) };
}
