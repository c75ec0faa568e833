import type { Tree } from './tree.ts';

/** The release is beyond what a stub accepts. */
export class TooLargeError extends Error {
  override readonly name = 'TooLargeError';
  readonly code = 'TOO_LARGE';
}

// docs/format.md, "Limits". The stub calls what is beyond them damaged, so it has to be refused here.
const DIRECTORIES_FILES_OR_LINKS = 2 ** 20;
const PATH = 1024;
const DIRECTORY_NAME = 199;

/** Throws TooLargeError when a stub would not accept the tree, or the name of the directory it is installed to. */
export function checkLimits({ directories, files, links }: Tree, directoryName: string): void {
  for (const [what, { length }] of Object.entries({ directories, files, links })) {
    if (length > DIRECTORIES_FILES_OR_LINKS)
      throw new TooLargeError(
        `The release has ${length} ${what}, and an executable holds ${DIRECTORIES_FILES_OR_LINKS} of them. Leave some out.`,
      );
  }
  const paths = [
    ...directories,
    ...files.map((file) => file.path),
    ...links.flatMap((l) => [l.path, l.target]),
  ];
  const long = paths.find((path) => Buffer.byteLength(path) > PATH);
  if (long !== undefined)
    throw new TooLargeError(
      `"${long}" has ${Buffer.byteLength(long)} bytes, and a path in an executable has at most ${PATH}. Shorten it.`,
    );
  if (Buffer.byteLength(directoryName) > DIRECTORY_NAME)
    throw new TooLargeError(
      `The release would be installed as "${directoryName}", and that name may have ${DIRECTORY_NAME} bytes. ` +
        'Shorten its name or version.',
    );
}
