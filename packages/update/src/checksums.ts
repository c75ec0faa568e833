/** The name of the file with the hashes of all others of a published version. */
export const CHECKSUMS = 'SHA256SUMS';
export const SIGNATURE = `${CHECKSUMS}.minisig`;

/** What `sha256sum` writes: name → 64 hex digits. Lines of another form say nothing. */
export function parseChecksums(text: string): ReadonlyMap<string, string> {
  const found = text.split(/\r?\n/).flatMap((line) => {
    const [, digest, name] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? [];
    return digest === undefined || name === undefined ? [] : [[name, digest] as const];
  });
  return new Map(found);
}
