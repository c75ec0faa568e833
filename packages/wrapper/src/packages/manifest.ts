import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type PlatformFields, platformFields } from './platform.ts';

/** The little of a `package.json` that native files are found by (docs.npmjs.com, package.json). */
export interface PackageManifest {
  readonly name: string | undefined;
  readonly version: string | undefined;
  readonly main: string | undefined;
  /** Where the package runs. */
  readonly platform: PlatformFields;
  /** The files that npm makes commands of, relative to the package. */
  readonly programs: readonly string[];
  /** What is run when the package is installed, as one line; empty where nothing is. */
  readonly installScript: string;
  /** What prebuild-install and node-pre-gyp are told. */
  readonly binary: Fields;
  readonly config: Fields;
  readonly repository: unknown;
  readonly homepage: unknown;
  /** Versions, ranges and what else npm takes for one, by the names of packages. */
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
}

type Fields = Readonly<Record<string, unknown>>;

/** Undefined where there is none, as in a folder that a bundle has left nothing of. */
export function readManifest(directory: string): PackageManifest | undefined {
  const file = path.join(directory, 'package.json');
  return existsSync(file) ? parseManifest(readFileSync(file, 'utf8')) : undefined;
}

/** What is not as it should be counts as not being there; undefined for what is no JSON object. */
export function parseManifest(json: string): PackageManifest | undefined {
  try {
    const manifest = JSON.parse(json.replace(/^\uFEFF/, '')) as unknown;
    return isObject(manifest) ? manifestOf(manifest) : undefined;
  } catch {
    return undefined;
  }
}

function manifestOf(manifest: Fields): PackageManifest {
  const { bin, repository, homepage } = manifest;
  const scripts = strings(manifest.scripts);
  const installScripts = ['preinstall', 'install', 'postinstall'].map((name) => scripts[name] ?? '');
  return {
    name: text(manifest.name),
    version: text(manifest.version),
    main: text(manifest.main),
    platform: platformFields(manifest),
    programs: Object.values(typeof bin === 'string' ? { bin } : strings(bin)).map((file) =>
      path.posix.normalize(file),
    ),
    installScript: installScripts.filter((script) => script !== '').join(' && '),
    binary: object(manifest.binary),
    config: object(manifest.config),
    repository,
    homepage,
    dependencies: dependencies(manifest.dependencies),
    optionalDependencies: dependencies(manifest.optionalDependencies),
  };
}

/** The manifest of what has none. */
export const NO_MANIFEST: PackageManifest = manifestOf({});

/** A name becomes a place in `node_modules`: none that leads out of there. */
function dependencies(value: unknown): Readonly<Record<string, string>> {
  const named = Object.entries(strings(value)).filter(([name]) =>
    /^(@[^/\\]+\/)?[^/\\.@][^/\\]*$/.test(name),
  );
  return Object.fromEntries(named);
}

function strings(value: unknown): Readonly<Record<string, string>> {
  const entries = Object.entries(object(value)).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  return Object.fromEntries(entries);
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function object(value: unknown): Fields {
  return isObject(value) ? value : {};
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
