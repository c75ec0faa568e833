/** One name of a tar: what `from` holds, a text, a link, or a directory. Paths are relative, with `/`. */
export type TarEntry =
  | { readonly type: 'directory' }
  | { readonly type: 'file'; readonly from: string; readonly mode: number; readonly size: number }
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'link'; readonly target: string };

export type TarEntries = ReadonlyMap<string, TarEntry>;
