/** A finished executable at its place. */
export interface Delivered {
  readonly file: string;
  readonly bytes: number;
  /** Whether there was an older one. */
  readonly replaced: boolean;
  /** Files that were put beside it, or that got a line about it. */
  readonly sidecars: readonly string[];
}

/** An executable that was written. */
export interface Artifact extends Delivered {
  readonly target: string;
  readonly name: string;
  readonly id: string;
  /** The stored bytes of its parts. */
  readonly parts: {
    readonly stub: number;
    readonly runtime: number;
    readonly release: number;
    readonly manifest: number;
  };
  readonly milliseconds: number;
}
