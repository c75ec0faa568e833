/** One name of a tar. `content` is a file (absolute path), or the bytes. */
export type TarEntry =
  | { readonly type: 'directory' }
  | {
      readonly type: 'file';
      readonly content: string | Buffer;
      readonly mode: number;
      readonly size: number;
    }
  | { readonly type: 'link'; readonly target: string };

export type TarEntries = ReadonlyMap<string, TarEntry>;

/**
 * The header of gzip (RFC 1952) that a tar of a release begins with: a comment, so that it is known again and never
 * packed; no time, and an unknown system, which would make a difference where there is none.
 */
export const TAR_HEADER = Buffer.from('\x1f\x8b\x08\x10\0\0\0\0\0\xffA release made by Sarma\0', 'latin1');
