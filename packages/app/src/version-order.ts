/**
 * Below 0 where `one` comes before `other`, above where it comes after, by Semantic Versioning 2.0.0 (section 11).
 * Undefined where one of them is no such version: a commit's hash, say.
 */
export function compareVersions(one: string, other: string): number | undefined {
  const [a, b] = [identifiersOf(one), identifiersOf(other)];
  if (a === undefined || b === undefined) return undefined;
  for (const index of [0, 1, 2]) {
    const order = Number(a.numbers[index]) - Number(b.numbers[index]);
    if (order !== 0) return order;
  }
  if (a.prerelease.length === 0 || b.prerelease.length === 0)
    return b.prerelease.length - a.prerelease.length;
  return comparePrereleases(a.prerelease, b.prerelease);
}

function identifiersOf(version: string) {
  const found = /^v?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$/.exec(version);
  if (found === null) return undefined;
  return { numbers: found.slice(1, 4), prerelease: found[4]?.split('.') ?? [] };
}

/** Numbers by their value and below words; what is the beginning of the other comes before it. */
function comparePrereleases(one: readonly string[], other: readonly string[]): number {
  for (const [index, a] of one.entries()) {
    const b = other[index];
    if (b === undefined) return 1;
    if (a === b) continue;
    const [isNumber, isOtherNumber] = [/^\d+$/.test(a), /^\d+$/.test(b)];
    if (isNumber && isOtherNumber) return Number(a) - Number(b);
    if (isNumber !== isOtherNumber) return isNumber ? -1 : 1;
    return a < b ? -1 : 1;
  }
  return one.length - other.length;
}
