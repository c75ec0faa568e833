/** What of `releases/<version>/release.json` a reload looks at. Written by packages/release for services. */
export interface ReleaseFile {
  readonly name: string;
  readonly version: string;
  /** The line of Node it was made for; null where any will do. */
  readonly nodeLine: number | null;
  readonly vmArgs?: readonly string[];
  readonly packages: readonly PackageFacts[];
  /** Digests of what a running node cannot change. Absent in a release of an older Sarma. */
  readonly fixed?: {
    /** Of the boot's own code. */
    readonly boot: string;
    /** Of each preloaded module, with the first-party files that it leads to. */
    readonly preload: readonly PreloadFacts[];
  };
}

export interface PreloadFacts {
  readonly digest: string;
  /** Paths of the packages of others that it imports. */
  readonly packages: readonly string[];
}

/** A package at its place. Paths are relative to the release's root and written with `/`. */
export interface PackageFacts {
  readonly name: string;
  readonly version: string;
  readonly path: string;
  /** SHA-256, hexadecimal, over path, mode and content of its files, packages below it left out. */
  readonly digest?: string;
  /** Name that it imports → path of the package that this leads to. */
  readonly dependencies?: Readonly<Record<string, string>>;
}
