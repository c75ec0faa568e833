import type { Requirements } from '../executables/elf.ts';
import { compareVersions } from './native-elf.ts';
import type { NativeFile } from './native-file.ts';

/** Versions of the host's libraries that native files need, without their prefix; null: none in particular. */
export interface Needs {
  readonly glibc: string | null;
  readonly glibcxx: string | null;
  readonly cxxabi: string | null;
}

export const NO_NEEDS: Needs = { glibc: null, glibcxx: null, cxxabi: null };

/** Where a library gets its versions from, and what they are called there. */
const LIBRARIES = {
  glibc: { library: 'libc.so.6', prefix: 'GLIBC_' },
  glibcxx: { library: 'libstdc++.so.6', prefix: 'GLIBCXX_' },
  cxxabi: { library: 'libstdc++.so.6', prefix: 'CXXABI_' },
} as const;
const KEYS = ['glibc', 'glibcxx', 'cxxabi'] as const;

/**
 * What a package's files need. Of several addons that fit a loader may choose any, and with the least demanding one the
 * package may work: an executable refuses only hosts where it cannot. Programs are not loaded into the runtime.
 */
export function needsOf(files: readonly { readonly native: NativeFile | null }[]): Needs {
  const natives = files.flatMap(({ native }) => native ?? []);
  const addons = natives.filter(({ kind }) => kind === 'addon');
  const least = addons.toSorted((a, b) => compareVersions(a.glibc ?? '0', b.glibc ?? '0')).slice(0, 1);
  return highestNeeds([...least, ...natives.filter(({ kind }) => kind === 'library')]);
}

export function highestNeeds(all: readonly Needs[]): Needs {
  const highest = (key: keyof Needs) =>
    all
      .flatMap((needs) => needs[key] ?? [])
      .sort(compareVersions)
      .at(-1) ?? null;
  return { glibc: highest('glibc'), glibcxx: highest('glibcxx'), cxxabi: highest('cxxabi') };
}

/**
 * What a Linux runtime asks of the host, and what the release's native files do besides: they are loaded into it, so
 * that the higher version of each library counts. Of libraries that the runtime does not need, nothing is asked.
 */
export function raiseRequirements(requires: Requirements, needs: Needs): Requirements {
  const libraries = requires.libraries.map(({ name, versions }) => {
    const more = KEYS.flatMap((key) => {
      const { library, prefix } = LIBRARIES[key];
      const needed = needs[key];
      if (library !== name || needed === null) return [];
      const known = versions
        .filter((version) => version.startsWith(prefix))
        .map((version) => version.slice(prefix.length));
      return known.every((version) => compareVersions(version, needed) < 0) ? [`${prefix}${needed}`] : [];
    });
    return { name, versions: [...versions, ...more].sort() };
  });
  return { ...requires, libraries };
}
