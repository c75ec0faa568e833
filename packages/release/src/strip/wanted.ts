import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Tree, TreeEntry } from '../tree.ts';
import { type Candidate, candidatesOf, type Dispensable } from './dispensable.ts';
import { addMentions } from './mentions.ts';
import type { StoredPackage } from './packages.ts';

const CODE = /\.[cm]?[jt]sx?$/;
const JSON_FILE = /\.json$/;
/** Declarations, and what tools read where the package is developed. `package.json` is read by its fields. */
const NOT_RUN =
  /\.d\.[cm]?ts$|^([^/]+\.(config|conf)|\.[^/]+|gruntfile|gulpfile)\.[cm]?[jt]s$|^(package|.*-lock|npm-shrinkwrap|bower|component|[tj]sconfig.*|[^/]*\.config|\.[^/]+)\.json$/i;
/** What turns source maps on, for Node or by itself. */
const MAPS_ON = /enable-source-maps|setSourceMaps(Enabled|Support)|findSourceMap|source-map-support/;
/** Comes with every compiler of TypeScript; those read the declarations of packages. */
const COMPILER_FILE = 'lib.es5.d.ts';

interface Searched {
  readonly owner: StoredPackage;
  readonly candidates: Set<Candidate>;
  /** What the package's own code names. */
  readonly names: Set<string>;
}

/** What of each package nothing in the release wants, as far as names in `package.json` and in strings of code tell. */
export function unwanted(
  tree: Tree,
  packages: readonly StoredPackage[],
): ReadonlyMap<StoredPackage, ReadonlySet<Candidate>> {
  const candidates = new Map(packages.map((owner) => [owner, new Set(candidatesOf(owner))]));
  // Much time for nothing, otherwise: of what lies in the release nearly all would be read.
  if ([...candidates.values()].every(({ size }) => size === 0)) return candidates;
  const everywhere = new Set<string>();
  const kindsWanted = new Set<Dispensable>();
  const read = (name: string, entry: TreeEntry, names: Set<string>): void => {
    const text = textOf(entry);
    addMentions(text, { names, paths: everywhere });
    if (!JSON_FILE.test(name) && MAPS_ON.test(text)) kindsWanted.add('source maps');
  };
  const theirs = new Set(packages.flatMap(({ files }) => [...files.values()]));
  for (const [name, entry] of tree) {
    if (path.posix.basename(name) === COMPILER_FILE) kindsWanted.add('type declarations');
    if (!theirs.has(entry) && (CODE.test(name) || JSON_FILE.test(name) || entry.type === 'text'))
      read(name, entry, new Set());
  }
  const searched = packages.map((owner): Searched => {
    const own = candidates.get(owner)!;
    const names = new Set<string>();
    for (const [file, entry] of owner.files)
      if (isSearched(file, owner) && !inFolder(file, own)) read(file, entry, names);
    return { owner, candidates: own, names };
  });
  // The code of a folder that stays may want another one.
  for (let found = true; found; ) {
    found = false;
    for (const { owner, candidates, names } of searched) {
      for (const candidate of [...candidates].filter((one) => isWanted(one, owner, names, everywhere))) {
        candidates.delete(candidate);
        if (!candidate.isFolder) continue;
        found = true;
        for (const [file, entry] of owner.files)
          if (file.startsWith(`${candidate.path}/`) && isSearched(file, owner)) read(file, entry, names);
      }
    }
  }
  return new Map(
    searched.map(({ owner, candidates }) => [
      owner,
      new Set([...candidates].filter(({ kind }) => !kindsWanted.has(kind))),
    ]),
  );
}

function isSearched(file: string, { named }: StoredPackage): boolean {
  // Programs may have no ending.
  const isProgram = CODE.test(file) || path.posix.extname(file) === '';
  if (isProgram && named.includes(file.toLowerCase())) return true;
  return (CODE.test(file) || JSON_FILE.test(file)) && !NOT_RUN.test(file);
}

function textOf(entry: TreeEntry): string {
  if (entry.type === 'link') return '';
  return entry.type === 'text' ? entry.text : readFileSync(entry.from, 'latin1');
}

function inFolder(file: string, candidates: ReadonlySet<Candidate>): boolean {
  const top = file.slice(0, Math.max(0, file.indexOf('/')));
  return top !== '' && [...candidates].some(({ isFolder, path: folder }) => isFolder && folder === top);
}

function isWanted(
  { path: place, isFolder }: Candidate,
  { name, named }: StoredPackage,
  names: ReadonlySet<string>,
  everywhere: ReadonlySet<string>,
): boolean {
  const low = place.toLowerCase();
  return (
    names.has(path.posix.basename(low)) ||
    everywhere.has(`${name}/${low}`) ||
    named.some((one) => one === low || (isFolder && one.startsWith(`${low}/`)))
  );
}
