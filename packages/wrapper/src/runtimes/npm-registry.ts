import semver from 'semver';
import { UnreachableError } from './errors.ts';
import type { Http } from './http.ts';
import type { Publication, RuntimeSource } from './source.ts';

/** The abbreviated metadata of a package (github.com/npm/registry, docs/responses/package-metadata.md). */
interface PackageMetadata {
  readonly versions: Readonly<
    Record<string, { readonly dist: { readonly tarball: string; readonly integrity?: string } }>
  >;
}

const ABBREVIATED = 'application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8';

/**
 * Runtimes from npm packages that hold nothing but Node's executable. Versions come from the list of versions:
 * these packages were published out of order, so that their dist-tags mean nothing.
 */
export function npmRegistry(http: Http): RuntimeSource {
  const asked = new Map<string, Promise<PackageMetadata | undefined>>();
  const metadata = (name: string) => {
    const found = asked.get(name) ?? askFor(name, http);
    asked.set(name, found);
    return found;
  };
  const versionsOf = async (name: string) => {
    const published = Object.entries((await metadata(name))?.versions ?? {});
    // Without a hash to check against it cannot be trusted.
    return published
      .filter(([version, { dist }]) => semver.valid(version) && dist.integrity)
      .map(([version]) => version);
  };
  return {
    title: 'the npm registry',
    prefix: 'npm:',
    serves: ({ npm }) => npm.length > 0,
    versions: async (target) => [...new Set((await Promise.all(target.npm.map(versionsOf))).flat())],
    locate: async (target, version) => {
      for (const name of target.npm) {
        const dist = (await metadata(name))?.versions[version]?.dist;
        if (dist?.integrity !== undefined)
          return publication(name, version, dist.tarball, dist.integrity, http);
      }
      throw new UnreachableError(`${target.npm.join(' or ')}@${version}`, 'the registry does not have it');
    },
  };
}

async function askFor(name: string, http: Http): Promise<PackageMetadata | undefined> {
  const url = (await http.registry(name)) + name.replace('/', '%2f');
  return (await http.json(url, { accept: ABBREVIATED, optional: true })) as PackageMetadata | undefined;
}

async function publication(
  name: string,
  version: string,
  tarball: string,
  integrity: string,
  http: Http,
): Promise<Publication> {
  // A mirror may pass on the addresses of the registry that it mirrors, which may be out of reach. Where an address
  // follows the usual layout, the configured registry has the file too.
  const layout = `/${name}/-/`;
  const at = tarball.lastIndexOf(layout);
  const url = at === -1 ? tarball : (await http.registry(name)) + tarball.slice(at + 1);
  // There may be several; the strongest is the last in the order of names (sha1, sha256, sha384, sha512).
  const strongest = integrity.trim().split(/\s+/).toSorted().at(-1)!;
  return { source: `npm:${name}@${version}`, url, integrity: strongest };
}
