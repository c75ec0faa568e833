import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { InstalledPackage } from './installation.ts';
import { isOwnOutput } from './own-outputs.ts';
import { programs } from './package-json.ts';
import { publishedFiles } from './published-files.ts';
import { isPrivate } from './secrets.ts';
import { isFile } from './tree.ts';

/** Which files of a first-party package go into the release; paths relative to it, with `/`. */
export interface Selection {
  readonly files: readonly string[];
  /** Files left out because they look private. */
  readonly leftOut: readonly string[];
  /** Files left out because Sarma made them. */
  readonly outputs: readonly string[];
  /** Whether one of `always` was not among what the package itself selects. */
  readonly unlisted: boolean;
}

/** Version control, caches of tools, lock files (as npm leaves them out), and what Sarma itself writes. */
const neverTaken = new Set([
  '.git',
  '.hg',
  '.svn',
  '.jj',
  '.bzr',
  '_darcs',
  'CVS',
  'node_modules',
  '.cache',
  '.parcel-cache',
  '.turbo',
  '.nx',
  '.eslintcache',
  '.stylelintcache',
  '.nyc_output',
  '.npm',
  '.yarn',
  '.pnp.cjs',
  '.pnp.loader.mjs',
  '.pnpm-store',
  '.DS_Store',
  'Thumbs.db',
  '.sarmaignore',
  'package-lock.json',
  'npm-shrinkwrap.json',
  'yarn.lock',
  'pnpm-lock.yaml',
  'bun.lock',
  'bun.lockb',
  'sarma.lock.json',
  '_build',
  'burrito_out',
]);
const neverTakenEndings =
  /(\.tsbuildinfo|\.swp|~)$|^\.sarma\.lock\.json\.|^(npm|yarn|pnpm)-(debug|error)\.log/;

/**
 * Selects what `npm pack` would take when `package.json` has `files`, everything else otherwise; less what
 * `.sarmaignore` names, what is private, and `excluded` (absolute paths).
 * `always` are files that count as named (entries).
 */
export async function selectFiles(
  { directory, manifest }: InstalledPackage,
  excluded: (file: string) => boolean,
  always: readonly string[],
): Promise<Selection> {
  const listed =
    manifest.files === undefined ? everything(directory, excluded) : await packed(directory, manifest);
  const rules = await ignoreRules(directory);
  const named = new Set([...always, ...literals(manifest.files)]);
  const leftOut: string[] = [];
  const outputs: string[] = [];
  const isPublished = publishedFiles();
  const files = [...new Set([...listed, ...required(directory, manifest), ...always])].filter((file) => {
    if (always.includes(file) || file === 'package.json') return true;
    if (excluded(path.join(directory, file))) return false;
    if (isOwnOutput(path.join(directory, file)) || isPublished(path.join(directory, file))) {
      outputs.push(file);
      return false;
    }
    const verdict = rules?.(file);
    if (verdict === 'ignored') return false;
    if (!isPrivate(path.basename(file)) || verdict === 'named' || named.has(file)) return true;
    leftOut.push(file);
    return false;
  });
  return {
    files: files.sort(),
    leftOut,
    outputs,
    unlisted: always.some((file) => !listed.includes(file)),
  };
}

function everything(directory: string, excluded: (file: string) => boolean): readonly string[] {
  const files: string[] = [];
  const visit = (folder: string): void => {
    for (const entry of readdirSync(path.join(directory, folder), { withFileTypes: true })) {
      if (neverTaken.has(entry.name) || neverTakenEndings.test(entry.name)) continue;
      const file = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (excluded(path.join(directory, file))) continue;
      if (entry.isDirectory()) visit(file);
      else if (entry.isFile() || entry.isSymbolicLink()) files.push(file);
    }
  };
  visit('');
  return files;
}

async function packed(directory: string, manifest: InstalledPackage['manifest']): Promise<readonly string[]> {
  const { default: packlist } = await import('npm-packlist');
  const bin = Object.fromEntries(
    Object.entries(programs(manifest)).map(([name, file]) => [name, plain(file)]),
  );
  return packlist({
    path: directory,
    package: {
      ...manifest,
      bin,
      main: manifest.main === undefined ? undefined : plain(manifest.main),
      // Dependencies come as installed; none is packed twice.
      bundleDependencies: [],
    },
    isProjectRoot: true,
    edgesOut: new Map<string, never>(),
  });
}

/** `./a//b` → `a/b`. */
function plain(file: string): string {
  return path.posix.normalize(file.replace(/^\/+/, '')).replace(/^\.\//, '');
}

/** What npm packs whatever `files` says. */
function required(directory: string, manifest: InstalledPackage['manifest']): readonly string[] {
  const named = [manifest.main, ...Object.values(programs(manifest))]
    .filter((file) => file !== undefined)
    .map(plain);
  return named.filter((file) => !file.startsWith('..') && isFile(path.join(directory, file)));
}

function literals(files: readonly string[] | undefined): readonly string[] {
  return (files ?? []).filter((file) => !/[*?{[!]/.test(file)).map(plain);
}

type Rules = (file: string) => 'ignored' | 'named' | undefined;

/** `.sarmaignore` has the syntax of `.gitignore`; a `!name` takes what would be left out as private. */
async function ignoreRules(directory: string): Promise<Rules | undefined> {
  const file = path.join(directory, '.sarmaignore');
  if (!existsSync(file)) return undefined;
  const { default: ignore } = await import('ignore');
  const rules = ignore().add(readFileSync(file, 'utf8'));
  return (name) => {
    const { ignored, unignored } = rules.test(name);
    return ignored ? 'ignored' : unignored ? 'named' : undefined;
  };
}
