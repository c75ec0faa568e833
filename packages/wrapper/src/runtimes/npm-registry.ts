import semver from 'semver';
import { UnreachableError } from './errors.ts';
import type { Http } from './http.ts';
import { once } from './once.ts';
import { packageMetadata, strongest, tarballAddress } from './registry-metadata.ts';
import type { Publication, RuntimeSource } from './source.ts';

/**
 * Runtimes from npm packages that hold nothing but Node's executable. Versions come from the list of versions:
 * these packages were published out of order, so that their dist-tags mean nothing.
 */
export function npmRegistry(http: Http): RuntimeSource {
  const metadata = once((name) => packageMetadata(name, http));
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
    names: ({ npm }, version) => npm.map((name) => `npm:${name}@${version}`),
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

async function publication(
  name: string,
  version: string,
  tarball: string,
  integrity: string,
  http: Http,
): Promise<Publication> {
  const url = await tarballAddress(name, tarball, http);
  return { source: `npm:${name}@${version}`, url, integrity: strongest(integrity) };
}
