import type { Package } from '../packages/package.ts';
import { isPlatformPackage } from '../packages/platform.ts';

/** How the packages of a release depend on each other, by their names. */
export interface Families {
  /** Names of the packages one of which is chosen by the system: those that some package has as optional ones. */
  readonly relativesOf: (name: string) => readonly Package[];
  /** The package that has this one as an optional dependency. */
  readonly parentOf: (name: string) => Package | undefined;
  /**
   * Whether the project cannot do without: it is reached without passing an optional dependency, but for those that are
   * optional because they are for one system.
   */
  readonly isRequired: (name: string) => boolean;
}

export function familiesOf(packages: readonly Package[]): Families {
  const byName = Map.groupBy(packages, ({ name }) => name);
  const parentOf = (name: string) =>
    packages.find(({ manifest }) => Object.hasOwn(manifest.optionalDependencies, name));
  const required = requiredNames(packages, byName);
  return {
    parentOf,
    relativesOf: (name) => {
      const parent = parentOf(name);
      const names = Object.keys(parent?.manifest.optionalDependencies ?? {});
      return parent === undefined ? [] : [parent, ...names.flatMap((one) => byName.get(one) ?? [])];
    },
    isRequired: (name) => required.has(name),
  };
}

function requiredNames(
  packages: readonly Package[],
  byName: ReadonlyMap<string, readonly Package[]>,
): ReadonlySet<string> {
  const reached = new Set(packages.filter(({ firstParty }) => firstParty).map(({ name }) => name));
  for (const name of reached) {
    for (const { manifest } of byName.get(name) ?? []) {
      const optional = Object.keys(manifest.optionalDependencies);
      const needed = Object.keys(manifest.dependencies).filter((one) => !optional.includes(one));
      for (const one of needed) reached.add(one);
      for (const one of optional)
        if (byName.get(one)?.some((found) => isPlatformPackage(found.manifest.platform))) reached.add(one);
    }
  }
  return reached;
}
