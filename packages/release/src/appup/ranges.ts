import type { VersionBound } from '@sarma/boot';
import semver from 'semver';

// Prereleases are versions among the others, as in relup.json: somebody runs them and wants to upgrade.
const options = { includePrerelease: true };

/** What is no version of semver may still be one of a release: a commit's hash. A range never is a folder's name. */
export function isVersionOrRange(text: string): boolean {
  return isRange(text) || /^[0-9A-Za-z][0-9A-Za-z.+_-]*$/.test(text);
}

/** Whether it holds for more than the one version that it may be the name of. */
export function isRange(text: string): boolean {
  return semver.valid(text) === null && semver.validRange(text, options) !== null && !isHash(text);
}

/** `1234567` is a range of npm's, 1234567.x, but of a release it is a commit. */
function isHash(text: string): boolean {
  return /^[0-9a-f]{7,40}$/.test(text);
}

/** Whether the version, or every version of the range, is in `range`. */
export function isWithin(versionOrRange: string, range: string): boolean {
  if (isRange(versionOrRange)) return semver.subset(versionOrRange, range, options);
  return semver.satisfies(versionOrRange, range, options);
}

export function overlap(one: string, other: string): boolean {
  return semver.intersects(one, other, options);
}

/** A range as a boot without semver can hold a version to it. */
export function boundsOf(range: string): readonly (readonly VersionBound[])[] {
  return new semver.Range(range, options).set.map((comparators) =>
    comparators.flatMap(({ operator, semver: version }) =>
      // `*` has a comparator that is none.
      version === undefined || typeof version === 'symbol' || version.version === undefined
        ? []
        : [{ operator: operator === '' ? '=' : operator, version: version.version }],
    ),
  );
}
