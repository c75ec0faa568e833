declare module 'npm-packlist' {
  /** The part of an Arborist node that is read when nothing is bundled. */
  interface Tree {
    readonly path: string;
    readonly package: object;
    readonly isProjectRoot: boolean;
    readonly edgesOut: ReadonlyMap<string, never>;
  }
  /** Paths relative to `tree.path`, with `/`. */
  export default function packlist(tree: Tree): Promise<string[]>;
}
