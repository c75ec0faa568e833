import semver from 'semver';

/** The line that a release gets when nobody says which: the newest with long-term support. */
const DEFAULT_LINE = 24;

/**
 * The range a project's runtime is chosen from when none is named: the default line as far as `engines.node` allows it,
 * else what `engines.node` says. A program that works on ">=20" was meant for 24 rather than for what came out yesterday.
 */
export function defaultRange(engines?: string): string {
  const line = `${DEFAULT_LINE}`;
  if (engines === undefined || semver.validRange(engines) === null || semver.subset(line, engines))
    return line;
  if (!semver.intersects(line, engines)) return engines;
  const alternatives = new semver.Range(engines).set.map((comparators) => comparators.join(' '));
  return alternatives
    .map((alternative) => `>=${line}.0.0 <${DEFAULT_LINE + 1}.0.0 ${alternative}`)
    .join(' || ');
}
