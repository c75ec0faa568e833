import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { BundledPackage } from './sbom/release-packages.ts';

/** What `releases/<version>/release.json` says of an assembled release. */
export interface AssembledRelease {
  readonly directory: string;
  readonly name: string;
  readonly version: string;
  readonly kind: 'cli' | 'service';
  /** Program name → the file that Node executes, relative to the release's root. */
  readonly entries: Readonly<Record<string, string>>;
  /** Node's arguments before the entry; unused where `shell` is set. */
  readonly vmArgs: readonly string[];
  /** Programs are started by `bin/<program>` (Windows: with the arguments of `vm.args`), not by Node alone. */
  readonly shell: boolean;
  readonly wrap: ReleaseWrap;
  /** The npm packages in it, those of the project included. */
  readonly packages: readonly PackageOfRelease[];
  /** Packages of others whose code was bundled into the project's own. */
  readonly bundled: readonly BundledPackage[];
}

export interface PackageOfRelease {
  readonly name: string;
  readonly version: string;
  /** Relative to the release's root. */
  readonly path: string;
  readonly firstParty: boolean;
}

/** What an executable is told about itself. */
export interface ReleaseWrap {
  /** Versions of a program that stay installed, the current one included. */
  readonly keep: number;
  /** The first argument that means the stub itself; false: none. */
  readonly maintenance: string | false;
  readonly nodeOptions: 'pass' | 'ignore';
  /** Patterns of files that a repair leaves as the program made them. */
  readonly mutable: readonly string[];
  readonly compileCache: CompileCacheSettings | false;
  /** Programs start from a start-up snapshot. */
  readonly snapshot: boolean;
}

/** How the compile cache of the program or service is used, which its first runs fill. */
export interface CompileCacheSettings {
  /** Workers and child processes use it, too. */
  readonly children: boolean;
  /** It is filled while the executable is built; arguments: by a run of the program with them. */
  readonly build: boolean | readonly string[];
}

const DEFAULTS: ReleaseWrap = {
  keep: 2,
  maintenance: 'maintenance',
  nodeOptions: 'pass',
  mutable: [],
  compileCache: { children: false, build: false },
  snapshot: false,
};

export class AssembledReleaseError extends Error {
  override readonly name = 'AssembledReleaseError';
  readonly code = 'NOT_ASSEMBLED';
}

/** Reads the current version of an assembled release. Throws AssembledReleaseError when the directory is none. */
export async function readAssembledRelease(directory: string): Promise<AssembledRelease> {
  const start = await readJson(path.join(directory, 'releases', 'start.json'));
  const file = path.join(directory, 'releases', String(start.version), 'release.json');
  const release = await readJson(file);
  const { name, version, kind, entries, vmArgs, shell, wrap, packages, bundled } =
    release as Partial<AssembledRelease>;
  if (name === undefined || version === undefined || !isKind(kind) || entries === undefined) {
    throw new AssembledReleaseError(`${file} is no release of this Sarma; run \`sarma assemble\` again.`);
  }
  return {
    directory: path.resolve(directory),
    name,
    version,
    kind,
    entries,
    vmArgs: vmArgs ?? [],
    shell: shell ?? false,
    wrap: { ...DEFAULTS, ...wrap, compileCache: compileCacheOf(release) },
    packages: packages ?? [],
    bundled: bundled ?? [],
  };
}

/** As the configuration has it: true, false or an object. */
function compileCacheOf({ wrap }: Record<string, unknown>): ReleaseWrap['compileCache'] {
  const { compileCache = true } = (wrap ?? {}) as { compileCache?: boolean | Partial<CompileCacheSettings> };
  if (compileCache === false) return false;
  const { children = false, build = false } = compileCache === true ? {} : compileCache;
  return { children, build };
}

function isKind(kind: unknown): kind is AssembledRelease['kind'] {
  return kind === 'cli' || kind === 'service';
}

async function readJson(file: string): Promise<Record<string, unknown>> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  } catch (cause) {
    throw new AssembledReleaseError(`There is no assembled release here: ${file} cannot be read.`, { cause });
  }
}
