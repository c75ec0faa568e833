import type { Http } from './http.ts';

/** The abbreviated metadata of a package (github.com/npm/registry, docs/responses/package-metadata.md). */
export interface PackageMetadata {
  readonly versions: Readonly<Record<string, PublishedVersion>>;
}

/** What its `package.json` says, in part, and the tarball. */
export interface PublishedVersion extends Readonly<Record<string, unknown>> {
  readonly dist: { readonly tarball: string; readonly integrity?: string };
}

const ABBREVIATED = 'application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8';

/** Undefined for a package that the registry has not. Throws UnreachableError. */
export async function packageMetadata(name: string, http: Http): Promise<PackageMetadata | undefined> {
  const url = (await http.registry(name)) + name.replace('/', '%2f');
  return (await http.json(url, { accept: ABBREVIATED, optional: true })) as PackageMetadata | undefined;
}

/**
 * Where the configured registry has a tarball. A mirror and a lock file may pass on the addresses of another registry,
 * which may be out of reach. Where an address follows the usual layout, the configured one has the file too.
 */
export async function tarballAddress(name: string, tarball: string, http: Http): Promise<string> {
  const at = tarball.lastIndexOf(`/${name}/-/`);
  return at === -1 ? tarball : (await http.registry(name)) + tarball.slice(at + 1);
}

/** There may be several hashes; the strongest is the last in the order of names (sha1, sha256, sha384, sha512). */
export function strongest(integrity: string): string {
  return integrity.trim().split(/\s+/).toSorted().at(-1)!.replace(/\?.*$/, '');
}
