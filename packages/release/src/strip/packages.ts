import path from 'node:path';
import { programs, readManifest } from '../package-json.ts';
import type { Tree, TreeEntry } from '../tree.ts';

/** A package of somebody else, as it lies in a release. */
export interface StoredPackage {
  /** Relative to the release's root. */
  readonly place: string;
  /** What it is imported by, in small letters. */
  readonly name: string;
  /** Path in the package → file. */
  readonly files: ReadonlyMap<string, TreeEntry>;
  /** Paths in the package that its `package.json` names, or that Node begins with, in small letters. */
  readonly named: readonly string[];
}

/** Fields for people, for compilers and for the tools that a package is developed with. */
const NOT_RUN =
  /^(name|description|keywords|author|contributors|homepage|repository|bugs|funding|bin|scripts|files|typings|ava|c8|eslint.*|jest|lint-staged|mocha|nyc|prettier|release.*|standard|tap|testling|tsd|xo)$/i;

export interface PackagesRequest {
  readonly tree: Tree;
  /** Places of the packages of others. */
  readonly places: ReadonlySet<string>;
  /** Places of what Node or the boot begins with. */
  readonly begins: readonly string[];
}

/** The packages at these places, each with what is bundled in it as packages of their own. */
export function storedPackages({ tree, places, begins }: PackagesRequest): readonly StoredPackage[] {
  const packages = new Map<string, Map<string, TreeEntry>>();
  for (const [name, entry] of tree) {
    const place = placeOf(name, places);
    if (place === undefined) continue;
    const files = packages.get(place) ?? new Map<string, TreeEntry>();
    packages.set(place, files);
    files.set(name.slice(place.length + 1), entry);
  }
  return [...packages].map(([place, files]) => ({
    place,
    name: /((?:@[^/]+\/)?[^/]+)$/.exec(place)![1]!.toLowerCase(),
    files,
    named: [
      ...namedBy(files.get('package.json')),
      ...begins.filter((file) => file.startsWith(`${place}/`)).map((file) => file.slice(place.length + 1)),
    ].map((file) => file.toLowerCase()),
  }));
}

function placeOf(name: string, places: ReadonlySet<string>): string | undefined {
  for (let at = name.lastIndexOf('/'); at !== -1; at = name.lastIndexOf('/', at - 1)) {
    const place = name.slice(0, at);
    if (!places.has(place)) continue;
    return place + (/^(\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/))+/.exec(name.slice(at))?.[0] ?? '');
  }
  return undefined;
}

function namedBy(entry: TreeEntry | undefined): readonly string[] {
  if (entry?.type !== 'copy') return [];
  const manifest = readManifest(path.dirname(entry.from)) ?? {};
  const { main, module, browser, exports, imports, license, directories, ...others } = manifest as Readonly<
    Record<string, unknown>
  >;
  const inLicense = /^see licen[cs]e in (.+)$/i.exec(typeof license === 'string' ? license.trim() : '')?.[1];
  const { bin } = (directories ?? {}) as { readonly bin?: unknown };
  const code = [main, module, browser, exports, imports, programs(manifest), bin, inLicense].flatMap(textsIn);
  const told = Object.entries(others).filter(([field]) => !NOT_RUN.test(field));
  // A word alone (`test`) is hardly a path there.
  const paths = textsIn(Object.fromEntries(told)).filter((text) => /[./]/.test(text));
  return [...code, ...paths].map((text) => text.replace(/^\.\//, ''));
}

/** All texts in a value but what is there for compilers. */
function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => (key.startsWith('types') ? [] : textsIn(inner)));
}
