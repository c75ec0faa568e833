import path from 'node:path';
import type { BuildFailure, Message } from 'esbuild';
import { ReleaseError } from '../error.ts';
import { type Installation, packageOf } from '../installation.ts';
import { holdsAddon, wantsAddon } from '../native.ts';
import type { ReleaseSettings } from '../release.ts';
import type { ModuleFormat } from '../sources/module-type.ts';
import type { SourceResolver } from '../sources/resolve.ts';
import { inlined, target } from '../sources/transpile.ts';
import { type BundleState, bundlePlugin, type Loads } from './plugin.ts';

export interface Bundle {
  readonly code: string;
  /** First-party sources that are in it. */
  readonly inside: ReadonlySet<string>;
  /** Files in it that are nobody's source here. */
  readonly foreign: ReadonlySet<string>;
  /** First-party sources in it that load what no bundler sees. */
  readonly computed: ReadonlySet<string>;
  /** Files in it of packages that are no production dependency, and that may miss what lies beside them → why. */
  readonly strangers: ReadonlyMap<string, string>;
}

export interface Bundles {
  /** Source file → its bundle. */
  readonly files: ReadonlyMap<string, Bundle>;
  readonly loads: Loads;
  /** Real path of each package that stays outside for its own sake → why. */
  readonly refused: ReadonlyMap<string, string>;
}

/**
 * One file per entry. What cannot be bundled is found out by trying: each round leaves more packages outside,
 * with everything they depend on, so that no package is there twice. Throws ReleaseError BUNDLE_FAILED.
 */
export async function bundle(
  entries: readonly string[],
  installation: Installation,
  resolver: SourceResolver,
  placeOf: (file: string) => string | undefined,
  formatOf: (file: string) => ModuleFormat,
  workersOf: (inside: ReadonlySet<string>) => readonly string[],
  { define, excludePackages: excluded }: Pick<ReleaseSettings, 'define' | 'excludePackages'>,
): Promise<Bundles> {
  const refused = packagesWithAddons(installation);
  for (;;) {
    const known = refused.size;
    const external = closure(installation, refused.keys());
    const loads: Loads = new Map();
    const files = new Map<string, Bundle>();
    const queue = new Set(entries);
    for (const entry of queue) {
      const state: BundleState = {
        resolver,
        entry,
        placeOf,
        packageOf: (file) => packageOf(file, installation.packages),
        excluded,
        external,
        refused,
        loads,
        inside: new Set(),
        computed: new Set(),
        strangers: new Map(),
      };
      const built = await build(state, formatOf(entry) === 'module', define);
      if (built === undefined) continue;
      const { inside, computed, strangers } = state;
      files.set(entry, { ...built, inside, computed, strangers });
      for (const worker of workersOf(state.inside)) queue.add(worker);
    }
    if (refused.size === known) return { files, loads, refused };
  }
}

/** The bundle's code and whose files are in it; undefined when a package got in the way, which is then refused. */
async function build(
  state: BundleState,
  module: boolean,
  define: Readonly<Record<string, unknown>>,
): Promise<Pick<Bundle, 'code' | 'foreign'> | undefined> {
  const esbuild = await import('esbuild');
  try {
    const result = await esbuild.build({
      entryPoints: [state.entry],
      bundle: true,
      write: false,
      metafile: true,
      platform: 'node',
      target,
      format: module ? 'esm' : 'cjs',
      charset: 'utf8',
      // Node's, without the "module" that bundlers add.
      conditions: ['module-sync', 'node-addons'],
      keepNames: true,
      define: inlined(define),
      logLevel: 'silent',
      plugins: [bundlePlugin(state)],
    });
    const inputs = Object.keys(result.metafile.inputs).map((file) => path.resolve(file));
    const foreign = new Set(inputs.filter((file) => !state.inside.has(file)));
    return { code: withHead(result.outputFiles[0]!.text, module), foreign };
  } catch (error) {
    const own = (error as BuildFailure).errors?.find(({ detail }) => detail instanceof ReleaseError);
    if (own !== undefined) throw own.detail;
    if (!refuseCulprits(state, (error as BuildFailure).errors ?? []))
      throw bundleFailed(state.entry, error as BuildFailure);
    return undefined;
  }
}

/** The packages that errors lie in stay outside; false when an error lies elsewhere. */
function refuseCulprits(state: BundleState, errors: readonly Message[]): boolean {
  const culprits = errors.map(({ location }) =>
    location === null ? undefined : state.packageOf(path.resolve(location.file)),
  );
  if (culprits.length === 0 || culprits.some((one) => one === undefined || one.firstParty)) return false;
  for (const [index, culprit] of culprits.entries())
    state.refused.set(culprit!.directory, errors[index]!.text);
  return true;
}

function bundleFailed(entry: string, failure: BuildFailure): ReleaseError {
  const [first] = failure.errors ?? [];
  const where = first?.location ? `${path.resolve(first.location.file)}:${first.location.line}` : entry;
  return new ReleaseError(
    'BUNDLE_FAILED',
    `${where} cannot be bundled: ${first?.text ?? failure.message}. Correct it, or take the code as it is: --code copy`,
    { cause: failure },
  );
}

/**
 * Gives a bundle what its parts rely on: `require` in a module, and where the sources lie. A directive counts only
 * where nothing but a comment stands before it.
 */
function withHead(code: string, module: boolean): string {
  const [, start = '', body = ''] = /^((?:#!.*\n)?(?:["']use strict["'];?\n)?)([\s\S]*)$/.exec(code)!;
  const lines: string[] = [];
  if (module && body.includes('__require')) {
    lines.push("import { createRequire as __sarmaCreateRequire } from 'node:module';");
    lines.push('const require = __sarmaCreateRequire(import.meta.url);');
  }
  if (body.includes('__sarma.')) {
    lines.push(...(module ? moduleHead : commonJsHead));
    const base = module ? 'import.meta.url' : '__sarmaUrl.pathToFileURL(__filename)';
    lines.push(`const __sarma = {
  url: (place) => new URL(place.split('/').map(encodeURIComponent).join('/'), ${base}).href,
  file: (place) => __sarmaPath.join(${module ? 'import.meta.dirname' : '__dirname'}, place),
};`);
  }
  return `${start}${lines.map((line) => `${line}\n`).join('')}${body}`;
}

const moduleHead = ["import __sarmaPath from 'node:path';"];
const commonJsHead = ["const __sarmaPath = require('node:path');", "const __sarmaUrl = require('node:url');"];

function packagesWithAddons({ packages }: Installation): Map<string, string> {
  const native = [...packages.values()].filter(
    (installed) => !installed.firstParty && (wantsAddon(installed) || holdsAddon(installed.directory)),
  );
  return new Map(native.map(({ directory }) => [directory, 'it has a native addon']));
}

/** Packages and everything they depend on. */
function closure({ packages }: Installation, directories: Iterable<string>): ReadonlySet<string> {
  const reached = new Set(directories);
  for (const directory of reached) {
    for (const dependency of packages.get(directory)!.dependencies.values())
      reached.add(dependency.directory);
  }
  return reached;
}

/**
 * What is left to install beside bundles: first-party packages, from which nothing is loaded any more but by the
 * bundles, and the packages that stay outside, `kept` (real paths) among them.
 */
export function besideBundles(
  installation: Installation,
  bundles: Bundles,
  kept: readonly string[],
): Installation {
  const loaded = [...bundles.loads.values()].flatMap((loads) => [...loads.values()]);
  const outside = closure(installation, [...kept, ...loaded.map(({ directory }) => directory)]);
  const packages = [...installation.packages].flatMap(([directory, installed]) => {
    if (outside.has(directory)) return [[directory, installed] as const];
    if (!installed.firstParty) return [];
    return [[directory, { ...installed, dependencies: bundles.loads.get(directory) ?? new Map() }] as const];
  });
  return { packages: new Map(packages), notices: [] };
}
