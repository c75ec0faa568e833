import path from 'node:path';
import { ReleaseError } from './error.ts';
import { type Manifest, programs } from './package-json.ts';
import { isFile } from './tree.ts';

/** A source file to run, and the key that named it. */
export interface Entry {
  readonly file: string;
  readonly from: string;
}

const extensions = ['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts', '.tsx', '.jsx', '.json'];
const indexExtensions = ['.ts', '.js', '.mts', '.mjs', '.cts', '.cjs', '.tsx'];

/** Files that Node does not run, and that are easily taken for a project: `wrap package.json`. */
const notCode = /\.(json|lock|ya?ml|md|txt|html|css|node|wasm)$/;

/** Throws ReleaseError ENTRY_NOT_CODE. */
export function requireCode({ file, from }: Entry): void {
  if (!notCode.test(file)) return;
  throw new ReleaseError(
    'ENTRY_NOT_CODE',
    `${from}: ${file} is no program. Name a JavaScript or TypeScript file, or the folder of a project.`,
  );
}

/** An entry the user named, and where: `--entry`, or a key in a file. Throws ReleaseError ENTRY_NOT_FOUND. */
export function namedEntry(project: string, file: string, from = '--entry', within?: string): Entry {
  return existing(project, file, from, within, {});
}

/** The entries of programs of `bin`, by name. Throws ReleaseError UNKNOWN_BIN or ENTRY_NOT_FOUND. */
export function binEntries(
  project: string,
  manifest: Manifest,
  names: readonly string[],
): Record<string, Entry> {
  const bin = programs(manifest);
  return Object.fromEntries(
    names.map((name) => {
      const file = bin[name];
      if (file === undefined) {
        const known = Object.keys(bin).join(', ');
        throw new ReleaseError(
          'UNKNOWN_BIN',
          `${manifestFile(project)} has no bin "${name}"${known === '' ? '' : `; it has ${known}`}.`,
        );
      }
      return [name, existing(project, file, binKey(manifest, name), manifestFile(project), manifest)];
    }),
  );
}

function binKey(manifest: Manifest, name: string): string {
  return typeof manifest.bin === 'string' ? 'bin' : `bin.${name}`;
}

/** `main`, `scripts.start` or an index file; undefined when there is none. Throws ReleaseError ENTRY_NOT_FOUND. */
export function plainEntry(project: string, manifest: Manifest): Entry | undefined {
  return mainEntry(project, manifest) ?? startEntry(project, manifest) ?? indexEntry(project);
}

function mainEntry(project: string, manifest: Manifest): Entry | undefined {
  if (manifest.main === undefined || manifest.main === '') return undefined;
  const file = sourceFile(path.resolve(project, manifest.main));
  if (file !== undefined) return { file, from: 'main' };
  // `npm init` writes this one whether or not the file is ever made.
  if (manifest.main === 'index.js') return undefined;
  throw notFound(project, manifest.main, 'main', manifestFile(project), manifest);
}

function startEntry(project: string, manifest: Manifest): Entry | undefined {
  const file = /^node\s+([^\s-]\S*)$/.exec(manifest.scripts?.start?.trim() ?? '')?.[1];
  if (file === undefined) return undefined;
  return existing(project, file, 'scripts.start', manifestFile(project), manifest);
}

function indexEntry(project: string): Entry | undefined {
  const file = indexExtensions.map((extension) => path.join(project, `index${extension}`)).find(isFile);
  return file === undefined ? undefined : { file, from: path.basename(file) };
}

function manifestFile(project: string): string {
  return path.join(project, 'package.json');
}

function existing(
  project: string,
  file: string,
  from: string,
  within: string | undefined,
  manifest: Manifest,
): Entry {
  const found = sourceFile(path.resolve(project, file));
  if (found === undefined) throw notFound(project, file, from, within, manifest);
  return { file: found, from };
}

function notFound(
  project: string,
  file: string,
  from: string,
  within: string | undefined,
  manifest: Manifest,
): ReleaseError {
  const where = within === undefined ? from : `${from} in ${within}`;
  const advice =
    manifest.scripts?.build === undefined
      ? 'Correct the path, or name another file with --entry FILE.'
      : 'Build the project first: npm run build';
  return new ReleaseError(
    'ENTRY_NOT_FOUND',
    `${where} says ${file}, but ${path.resolve(project, file)} does not exist. ${advice}`,
  );
}

/** The file a path stands for as Node reads `main`: itself, with an extension, or an index file inside. */
function sourceFile(given: string): string | undefined {
  const candidates = [
    given,
    ...extensions.map((extension) => given + extension),
    ...indexExtensions.map((extension) => path.join(given, `index${extension}`)),
  ];
  return candidates.find(isFile);
}
