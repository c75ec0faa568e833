import { nearest } from '@sarma/app/internal';
import type { CheckResult } from '../release.ts';
import type { Checked } from './checked.ts';

/** A package that nothing depends on needs not be left out: most often a slip, and another one is in the release. */
export function checkExcluded({ release, installation }: Checked): CheckResult {
  const wanted = new Set(
    [...installation.packages.values()].flatMap(({ manifest }) =>
      Object.keys({
        ...manifest.dependencies,
        ...manifest.optionalDependencies,
        ...manifest.peerDependencies,
      }),
    ),
  );
  return release.options.excludePackages
    .filter((name) => !wanted.has(name))
    .map((name) => {
      const meant = nearest(name, [...wanted]);
      return {
        level: 'warning',
        message:
          `excludePackages names ${name}, which no package of the release ${release.name} depends on.` +
          (meant === undefined ? '' : ` Did you mean "${meant}"?`),
      };
    });
}
