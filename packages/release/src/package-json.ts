import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ReleaseError } from './error.ts';

/** The fields of `package.json` that Sarma reads; the others are carried along. */
export interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly type?: string;
  readonly main?: string;
  readonly bin?: string | Readonly<Record<string, string>>;
  readonly files?: readonly string[];
  readonly exports?: unknown;
  readonly imports?: unknown;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly engines?: { readonly node?: string };
  readonly workspaces?: readonly string[] | { readonly packages?: readonly string[] };
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
  readonly bundleDependencies?: readonly string[] | boolean;
  readonly bundledDependencies?: readonly string[] | boolean;
  readonly gypfile?: boolean;
}

/** The manifest of a directory; undefined where there is none. Throws ReleaseError INVALID_PACKAGE_JSON. */
export function readManifest(directory: string): Manifest | undefined {
  const file = path.join(directory, 'package.json');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
  return parseManifest(file, text);
}

function parseManifest(file: string, text: string): Manifest {
  let value: unknown;
  try {
    // npm and Node accept a byte order mark too.
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (cause) {
    const where = `${file}${lineOf(text, (cause as Error).message)}`;
    throw new ReleaseError(
      'INVALID_PACKAGE_JSON',
      `${where} is not valid JSON: ${(cause as Error).message}`,
      { cause },
    );
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ReleaseError('INVALID_PACKAGE_JSON', `${file} must hold a JSON object.`);
  }
  checkTypes(file, value as Record<string, unknown>);
  return value as Manifest;
}

/** V8 gives a position only in some of its messages; the end of the text is where the others mean. */
function lineOf(text: string, message: string): string {
  const given = /\(line (\d+)/.exec(message)?.[1];
  if (given !== undefined) return `:${given}`;
  const position = /position (\d+)/.exec(message)?.[1];
  if (position !== undefined) return `:${text.slice(0, Number(position)).split('\n').length}`;
  return /end of JSON/.test(message) ? `:${text.split('\n').length}` : '';
}

const expected: Readonly<Record<string, (value: unknown) => boolean>> = {
  'name (a string)': isString,
  'version (a string)': isString,
  'main (a string)': isString,
  'bin (a string, or an object of strings)': (value) => isString(value) || isRecordOf(value, isString),
  'files (a list of strings)': (value) => Array.isArray(value) && value.every(isString),
  'scripts (an object)': (value) => isRecordOf(value, () => true),
  'dependencies (an object)': (value) => isRecordOf(value, () => true),
  'optionalDependencies (an object)': (value) => isRecordOf(value, () => true),
  'peerDependencies (an object)': (value) => isRecordOf(value, () => true),
};

function checkTypes(file: string, manifest: Record<string, unknown>): void {
  for (const [label, holds] of Object.entries(expected)) {
    const key = label.slice(0, label.indexOf(' '));
    const value = manifest[key];
    if (value === undefined || value === null || holds(value)) continue;
    throw new ReleaseError(
      'INVALID_PACKAGE_JSON',
      `${file}: expected ${label}, found ${JSON.stringify(value).slice(0, 60)}.`,
    );
  }
}

function isString(value: unknown): value is string {
  return typeof value === 'string';
}

function isRecordOf(value: unknown, holds: (value: unknown) => boolean): boolean {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every(holds)
  );
}

/** `bin` as npm normalises it: a string stands for a program named like the package, scopes are dropped. */
export function programs(manifest: Manifest): Readonly<Record<string, string>> {
  const { bin, name } = manifest;
  if (bin === undefined || bin === null || bin === '') return {};
  if (typeof bin === 'string') return { [unscoped(name ?? path.parse(bin).name)]: bin };
  return Object.fromEntries(Object.entries(bin).map(([key, file]) => [unscoped(key), file]));
}

/** `@scope/name` → `name`. */
export function unscoped(name: string): string {
  return name.startsWith('@') ? name.slice(name.indexOf('/') + 1) : name;
}
