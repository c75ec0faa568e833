import type { Requirements } from '../executables/elf.ts';
import type { NativeFile } from './native-file.ts';
import { compareVersions } from './versions.ts';

/** A version of one of the host's libraries that a native file of the release needs. */
export interface Need {
  readonly library: string;
  /** `GLIBC_`; the version is without it, `2.33`. */
  readonly prefix: string;
  readonly version: string;
  /** The file, relative to the release's root. */
  readonly place: string;
}

/** Which library has which versions. */
const SOURCES = [
  { key: 'glibc', library: 'libc.so.6', prefix: 'GLIBC_' },
  { key: 'glibcxx', library: 'libstdc++.so.6', prefix: 'GLIBCXX_' },
  { key: 'cxxabi', library: 'libstdc++.so.6', prefix: 'CXXABI_' },
] as const;

interface Placed {
  readonly place: string;
  readonly native: NativeFile | null;
}

/**
 * What a package's files need. Of several addons that fit its loader may choose any, and with the least demanding one the
 * package may work: an executable refuses only hosts where it cannot. Programs are not loaded into the runtime.
 */
export function needsOf(files: readonly Placed[]): readonly Need[] {
  const addons = files.filter(({ native }) => native?.kind === 'addon');
  const least = addons.toSorted((a, b) => compareVersions(a.native?.glibc ?? '0', b.native?.glibc ?? '0'));
  const libraries = files.filter(({ native }) => native?.kind === 'library');
  return [...least.slice(0, 1), ...libraries].flatMap(({ place, native }) =>
    SOURCES.flatMap(({ key, library, prefix }) => {
      const version = native?.[key] ?? null;
      return version === null ? [] : [{ library, prefix, version, place }];
    }),
  );
}

/** The needs that a runtime does not have already: of each library and prefix the highest. */
function needsBeyond(requires: Requirements, needs: readonly Need[]): readonly Need[] {
  return SOURCES.flatMap(({ library, prefix }) => {
    const own = requires.libraries.find(({ name }) => name === library);
    // Libraries that the runtime does not need lie in the release itself.
    if (own === undefined) return [];
    const versions = own.versions.filter((version) => version.startsWith(prefix));
    // GLIBC_ABI_DT_RELR and the like are no versions.
    const known = versions.map((version) => version.slice(prefix.length)).filter((one) => /^\d/.test(one));
    const highest = needs
      .filter((need) => need.library === library && need.prefix === prefix)
      .toSorted((a, b) => compareVersions(b.version, a.version) || (a.place < b.place ? -1 : 1))[0];
    const isHigher = known.every((version) => highest && compareVersions(version, highest.version) < 0);
    return highest !== undefined && isHigher ? [highest] : [];
  });
}

/** For who builds: what the runtime alone does not need. Undefined if that is nothing. */
export function newerSystemNotice(requires: Requirements, needs: readonly Need[]): string | undefined {
  const beyond = needsBeyond(requires, needs).map(
    ({ library, prefix, version, place }) => `${prefix}${version} of ${library} for ${inPackage(place)}`,
  );
  if (beyond.length === 0) return undefined;
  return `Needs a newer system than Node itself: ${beyond.join(', ')}. Where that is missing the executable says so.`;
}

/** A virtual store has long names for the folders of packages. */
function inPackage(place: string): string {
  return place.split('node_modules/').at(-1)!;
}

/** What a runtime asks of the host, and what the release's native files do besides. */
export function raiseRequirements(requires: Requirements, needs: readonly Need[]): Requirements {
  const beyond = needsBeyond(requires, needs);
  const libraries = requires.libraries.map((library) => {
    const added = beyond
      .filter((need) => need.library === library.name)
      .map(({ prefix, version, place }) => [`${prefix}${version}`, place] as const);
    if (added.length === 0) return library;
    const versions = [...library.versions, ...added.map(([version]) => version)].sort();
    return { ...library, versions, for: Object.fromEntries(added) };
  });
  return { ...requires, libraries };
}
