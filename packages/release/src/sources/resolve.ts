import { createRequire } from 'node:module';
import path from 'node:path';
import type { PathsMatcher, TsConfigResult } from 'get-tsconfig';
import { type InstalledPackage, packageOf } from '../installation.ts';
import { isFile } from '../tree.ts';
import { isTypeScript } from './package.ts';

// Both are CommonJS when required: loaded when the first TypeScript project comes, and synchronously.
const require = createRequire(import.meta.url);

/** What an import in first-party code means, as far as it leads to first-party code. */
export interface SourceResolver {
  /** The file that a specifier leads to; undefined when it leads elsewhere or nowhere. */
  readonly resolve: (from: string, specifier: string) => string | undefined;
  /** Whether a specifier is one of tsconfig's `paths`, which Node does not know. */
  readonly isAlias: (from: string, specifier: string) => boolean;
  readonly owner: (file: string) => InstalledPackage | undefined;
  readonly tsconfig: (file: string) => TsConfigResult | undefined;
  /** tsconfig files that could not be read, with the reason. */
  readonly problems: ReadonlySet<string>;
}

const conditions = [
  ['node', 'import', 'module-sync', 'node-addons'],
  ['node', 'require', 'module-sync', 'node-addons'],
];
const typeScriptFirst = ['.ts', '.tsx', '.mts', '.cts', '.js', '.mjs', '.cjs', '.jsx', '.json'];
const javaScriptFirst = ['.js', '.json', '.mjs', '.cjs', '.ts', '.tsx', '.mts', '.cts', '.jsx'];

export function sourceResolver(firstParty: readonly InstalledPackage[]): SourceResolver {
  const byDirectory = new Map(firstParty.map((installed) => [installed.directory, installed]));
  const problems = new Set<string>();
  const tsconfig = tsconfigs(problems);
  const matchers = new Map<TsConfigResult, PathsMatcher | null>();
  const aliases = (from: string, specifier: string): readonly string[] => {
    const config = tsconfig(from);
    if (config === undefined) return [];
    if (!matchers.has(config)) matchers.set(config, getTsconfig().createPathsMatcher(config));
    return matchers.get(config)?.(specifier) ?? [];
  };
  const owner: SourceResolver['owner'] = (file) => packageOf(file, byDirectory);
  const alias = (from: string, specifier: string): string | undefined =>
    isBare(specifier) ? first(from, aliases(from, specifier), owner) : undefined;
  return {
    owner,
    tsconfig,
    problems,
    isAlias: (from, specifier) => alias(from, specifier) !== undefined,
    resolve: (from, specifier) => {
      if (/^\.{1,2}(\/|$)/.test(specifier))
        return first(from, [path.resolve(path.dirname(from), specifier)], owner);
      if (!isBare(specifier)) return undefined;
      return (
        alias(from, specifier) ?? first(from, packageTargets(owner(from), byDirectory, specifier), owner)
      );
    },
  };
}

function isBare(specifier: string): boolean {
  return /^[^./\s][^\s:]*$/.test(specifier);
}

/** The first candidate that is a file of a first-party package, with an extension added where one is missing. */
function first(
  from: string,
  candidates: readonly string[],
  owner: SourceResolver['owner'],
): string | undefined {
  // JavaScript that lies beside its TypeScript means itself when it leaves out the extension.
  const added = isTypeScript(from) ? typeScriptFirst : javaScriptFirst;
  const found = candidates.flatMap((candidate) => spellings(candidate, added)).find(isFile);
  return found === undefined || owner(found) === undefined ? undefined : found;
}

/** TypeScript's ways to name a file: itself, `.js` for `.ts`, without extension, and a folder's index. */
function spellings(file: string, added: readonly string[]): readonly string[] {
  const script = /^(.*)\.([cm]?)jsx?$/.exec(file);
  return [
    file,
    ...(script === null
      ? []
      : [`${script[1]}.${script[2]}ts`, ...(script[2] === '' ? [`${script[1]}.tsx`] : [])]),
    ...added.map((extension) => file + extension),
    ...added.map((extension) => path.join(file, `index${extension}`)),
  ];
}

/** `#name` through the package's own `imports`, `name/path` through the `exports` or `main` of a first-party one. */
function packageTargets(
  from: InstalledPackage | undefined,
  byDirectory: ReadonlyMap<string, InstalledPackage>,
  specifier: string,
): readonly string[] {
  if (from === undefined) return [];
  if (specifier.startsWith('#')) return mapped(from, specifier, 'imports');
  const [name, subpath] = splitSpecifier(specifier);
  const directory = name === from.name ? from.directory : from.dependencies.get(name)?.directory;
  const target = directory === undefined ? undefined : byDirectory.get(directory);
  if (target === undefined) return [];
  if (target.manifest.exports !== undefined) return mapped(target, subpath, 'exports');
  const file = subpath === '' ? (target.manifest.main ?? 'index') : subpath;
  return [path.join(target.directory, file), path.join(target.directory, 'index')];
}

/** Files that a module of a package (`@acme/vault/provider`) can be, seen from one that depends on it; none need exist. */
export function moduleTargets(
  from: InstalledPackage,
  packages: ReadonlyMap<string, InstalledPackage>,
  specifier: string,
): readonly string[] {
  return packageTargets(from, packages, specifier).flatMap((file) => spellings(file, javaScriptFirst));
}

/** Files that importing a package by its name can load; none of them need exist. */
export function mainTargets(installed: InstalledPackage): readonly string[] {
  const { manifest, directory } = installed;
  if (manifest.exports !== undefined) return [...new Set(mapped(installed, '', 'exports'))];
  return manifest.main === undefined ? [] : spellings(path.join(directory, manifest.main), javaScriptFirst);
}

function mapped({ directory, manifest }: InstalledPackage, request: string, field: 'exports' | 'imports') {
  const { resolveExports, resolveImports } = require('resolve-pkg-maps') as typeof import('resolve-pkg-maps');
  const resolve = field === 'exports' ? resolveExports : resolveImports;
  return conditions.flatMap((set) => {
    try {
      return resolve(manifest[field] as never, request, set).map((target) => path.join(directory, target));
    } catch {
      // Not exported: Node would refuse it too, when it gets there.
      return [];
    }
  });
}

/** The package's name and what follows its slash: `@a/b/c` → `@a/b` and `c`. */
export function splitSpecifier(specifier: string): readonly [string, string] {
  const parts = specifier.split('/');
  const length = specifier.startsWith('@') ? 2 : 1;
  return [parts.slice(0, length).join('/'), parts.slice(length).join('/')];
}

function getTsconfig(): typeof import('get-tsconfig') {
  return require('get-tsconfig') as typeof import('get-tsconfig');
}

function tsconfigs(problems: Set<string>): SourceResolver['tsconfig'] {
  const found = new Map<string, TsConfigResult | undefined>();
  const cache = new Map();
  return (file) => {
    const folder = path.dirname(file);
    if (!found.has(folder)) found.set(folder, read(folder));
    return found.get(folder);
  };
  function read(folder: string): TsConfigResult | undefined {
    try {
      return getTsconfig().getTsconfig(folder, 'tsconfig.json', cache) ?? undefined;
    } catch (error) {
      problems.add((error as Error).message);
      return undefined;
    }
  }
}
