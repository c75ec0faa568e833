import ignore from 'ignore';
import { type Package, placeInside } from './package.ts';

/**
 * Whether a pattern, in the syntax of `.gitignore`, means this file: its path from the release's root, or its package's
 * name with the path in the package behind it (`better-sqlite3`, `@scope/name/prebuilds`, `*.dll`).
 */
export function namedBy(patterns: readonly string[]): (place: string, owner: Package) => boolean {
  if (patterns.length === 0) return () => false;
  const rules = ignore().add([...patterns]);
  return (place, owner) =>
    rules.ignores(place) || rules.ignores(`${owner.name}/${placeInside(owner, place)}`);
}
