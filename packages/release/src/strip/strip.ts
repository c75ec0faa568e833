import ignore from 'ignore';
import type { StripSettings } from '../release.ts';
import { sizeOf } from '../tree.ts';
import { type Candidate, type Dispensable, isLegal } from './dispensable.ts';
import { type PackagesRequest, type StoredPackage, storedPackages } from './packages.ts';
import { unwanted } from './wanted.ts';

export interface StripRequest extends PackagesRequest {
  readonly settings: StripSettings;
}

/** What `strip` did. */
export interface StripResult {
  readonly stripped: Stripped;
  /** Of `strip.keep` and `strip.also`, those that fit no file: a typing error, or a package that changed. */
  readonly unused: readonly string[];
}

/** What was left out: kind → how many files, and their bytes. */
export type Stripped = ReadonlyMap<Kind, { readonly files: number; readonly bytes: number }>;
type Kind = Dispensable | 'files of strip.also';

/**
 * Takes out of a tree what programs do without: of the packages of others tests, examples, documentation, type
 * declarations and source maps, unless something names them (docs/release.md has the rules). The project's own files
 * are the project's choice.
 */
export function strip({ settings, ...request }: StripRequest): StripResult {
  const { tree, begins } = request;
  const packages = storedPackages(request);
  const candidates = unwanted(tree, packages);
  const isKept = matching(settings.keep);
  const isTold = matching(settings.also);
  const unused = [...settings.keep, ...settings.also].filter((pattern) => fitsNothing(pattern, packages));
  const stripped = new Map<Kind, { files: number; bytes: number }>();
  for (const one of packages) {
    const kinds = new Map<string, Kind>();
    for (const candidate of candidates.get(one)!)
      for (const file of filesOf(candidate, one)) kinds.set(file, candidate.kind);
    for (const file of one.files.keys()) if (isTold(file, one)) kinds.set(file, 'files of strip.also');
    for (const [file, kind] of kinds) {
      const name = `${one.place}/${file}`;
      if (isLegal(file) || begins.includes(name) || isKept(file, one)) continue;
      const { files, bytes } = stripped.get(kind) ?? { files: 0, bytes: 0 };
      stripped.set(kind, { files: files + 1, bytes: bytes + sizeOf(tree.get(name)!) });
      tree.delete(name);
    }
  }
  return { stripped, unused };
}

function fitsNothing(pattern: string, packages: readonly StoredPackage[]): boolean {
  const fits = matching([pattern.replace(/^!/, '')]);
  return !packages.some((one) => [...one.files.keys()].some((file) => fits(file, one)));
}

function filesOf({ path, isFolder }: Candidate, { files }: StoredPackage): readonly string[] {
  if (!isFolder) return [path];
  return [...files.keys()].filter((file) => file.startsWith(`${path}/`));
}

/** Whether patterns in the syntax of `.gitignore` mean a file: its path in the release, or behind its package's name. */
function matching(patterns: readonly string[]): (file: string, owner: StoredPackage) => boolean {
  if (patterns.length === 0) return () => false;
  const rules = ignore().add([...patterns]);
  return (file, { name, place }) => {
    const found = [place, name].map((folder) => rules.test(`${folder}/${file}`));
    return found.some(({ ignored }) => ignored) && !found.some(({ unignored }) => unignored);
  };
}

/** What a build is told; undefined where nothing was left out. */
export function strippedNotice(stripped: Stripped): string | undefined {
  if (stripped.size === 0) return undefined;
  const all = [...stripped].sort(([, a], [, b]) => b.bytes - a.bytes);
  const sum = (of: 'files' | 'bytes') => all.reduce((total, [, one]) => total + one[of], 0);
  const kinds = all.map(([kind, { bytes }]) => `${kind} ${megabytes(bytes)}`).join(', ');
  const count = sum('files');
  return `left out of packages: ${count.toLocaleString('en')} ${count === 1 ? 'file' : 'files'}, ${megabytes(sum('bytes'))} (${kinds}); strip: false keeps them`;
}

function megabytes(bytes: number): string {
  return bytes < 1e5 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
