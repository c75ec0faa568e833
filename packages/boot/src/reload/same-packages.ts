import type { PackageFacts } from './release-file.ts';

/**
 * Path of each package of `after` → path of the package of `before` that is the same: the same content, and so is all that
 * it imports, however far away. What this says nothing of has changed or is new.
 */
export function samePackages(
  before: readonly PackageFacts[],
  after: readonly PackageFacts[],
): ReadonlyMap<string, string> {
  const [kindsBefore, kindsAfter] = kindsOf([before, after]) as [Kinds, Kinds];
  const places = new Map<number, string[]>();
  for (const { path } of before) {
    const kind = kindsBefore.get(path)!;
    places.set(kind, [...(places.get(kind) ?? []), path]);
  }
  const same = new Map<string, string>();
  for (const { path } of after) {
    const candidates = places.get(kindsAfter.get(path)!);
    if (candidates === undefined) continue;
    // Of several copies that are equal in all, the one at the same place.
    same.set(path, candidates.includes(path) ? path : candidates[0]!);
  }
  return same;
}

/** Path → a number that two packages have in common when nothing tells them apart. */
type Kinds = ReadonlyMap<string, number>;

/**
 * Partition refinement: packages of one kind are told apart by the kinds of what they import, until that tells no more
 * apart. Packages may import each other in circles.
 */
function kindsOf(releases: readonly (readonly PackageFacts[])[]): readonly Kinds[] {
  let kinds: Kinds[] = releases.map((packages) => new Map(packages.map(({ path }) => [path, 0])));
  for (let count = 0; ; ) {
    const numbers = new Map<string, number>();
    const numberOf = (text: string) => {
      const number = numbers.get(text) ?? numbers.size;
      numbers.set(text, number);
      return number;
    };
    kinds = releases.map((packages, index) => {
      const known = kinds[index]!;
      return new Map(packages.map((one) => [one.path, numberOf(description(one, known))]));
    });
    if (numbers.size === count) return kinds;
    count = numbers.size;
  }
}

function description({ name, path, digest, dependencies = {} }: PackageFacts, kinds: Kinds): string {
  const imports = Object.entries(dependencies)
    .map(([imported, place]) => `${imported} ${kinds.get(place) ?? 'none'}`)
    .sort();
  return [name, digest, kinds.get(path), ...imports].join('\n');
}
