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
  /** As they were written; nothing here depends on their form. */
  readonly description?: unknown;
  readonly author?: unknown;
  readonly license?: unknown;
  readonly licenses?: unknown;
  readonly homepage?: unknown;
  readonly workspaces?: readonly string[] | { readonly packages?: readonly string[] };
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
  readonly bundleDependencies?: readonly string[] | boolean;
  readonly bundledDependencies?: readonly string[] | boolean;
  /** What Sarma itself is told: `application` names the lifecycle module, the rest is configuration. */
  readonly sarma?: Readonly<Record<string, unknown>>;
}

/**
 * The manifest of a directory; undefined where there is none. Fields of the wrong type are taken as missing, as
 * Node takes them: published packages have them. Throws ReleaseError INVALID_PACKAGE_JSON for what is no JSON.
 */
export function readManifest(directory: string): Manifest | undefined {
  const manifest = readObject(path.join(directory, 'package.json'));
  if (manifest === undefined) return undefined;
  const wrong = fields.filter(({ key, holds }) => !holds(manifest[key])).map(({ key }) => key);
  return Object.fromEntries(Object.entries(manifest).filter(([key]) => !wrong.includes(key)));
}

/** The same for the project itself, whose mistakes the user can mend. Throws ReleaseError INVALID_PACKAGE_JSON. */
export function readProjectManifest(directory: string): Manifest | undefined {
  const file = path.join(directory, 'package.json');
  const manifest = readObject(file);
  for (const { key, what, holds } of fields) {
    const value = manifest?.[key];
    if (what === undefined || value === undefined || value === null || holds(value)) continue;
    const found = JSON.stringify(value).slice(0, 60);
    throw new ReleaseError('INVALID_PACKAGE_JSON', `${file}: expected ${key} to be ${what}, found ${found}.`);
  }
  return manifest === undefined ? undefined : readManifest(directory);
}

function readObject(file: string): Record<string, unknown> | undefined {
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

function parseManifest(file: string, text: string): Record<string, unknown> {
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
  return value as Record<string, unknown>;
}

/** V8 gives a position only in some of its messages; the end of the text is where the others mean. */
function lineOf(text: string, message: string): string {
  const given = /\(line (\d+)/.exec(message)?.[1];
  if (given !== undefined) return `:${given}`;
  const position = /position (\d+)/.exec(message)?.[1];
  if (position !== undefined) return `:${text.slice(0, Number(position)).split('\n').length}`;
  return /end of JSON/.test(message) ? `:${text.split('\n').length}` : '';
}

interface Field {
  readonly key: string;
  readonly holds: (value: unknown) => boolean;
  /** What the project's own must be; undefined where Node and npm do not mind either. */
  readonly what?: string;
}

const fields: readonly Field[] = [
  { key: 'name', what: 'a string', holds: isString },
  { key: 'version', what: 'a string', holds: isString },
  { key: 'type', holds: isString },
  { key: 'main', holds: isString },
  {
    key: 'bin',
    what: 'a string, or an object of strings',
    holds: (value) => isString(value) || isRecordOf(value, isString),
  },
  {
    key: 'files',
    what: 'a list of strings',
    holds: (value) => Array.isArray(value) && value.every(isString),
  },
  { key: 'scripts', what: 'an object of strings', holds: (value) => isRecordOf(value, isString) },
  { key: 'sarma', what: 'an object', holds: (value) => isRecordOf(value, () => true) },
  { key: 'engines', holds: (value) => isRecordOf(value, isString) },
  ...[
    'dependencies',
    'devDependencies',
    'optionalDependencies',
    'peerDependencies',
    'peerDependenciesMeta',
  ].map((key) => ({
    key,
    what: 'an object',
    holds: (value: unknown) => isRecordOf(value, () => true),
  })),
];

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
