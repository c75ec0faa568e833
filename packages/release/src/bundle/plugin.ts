import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import path from 'node:path';
import type { OnLoadResult, OnResolveArgs, OnResolveResult, Plugin, PluginBuild } from 'esbuild';
import type { Dependency, InstalledPackage } from '../installation.ts';
import { isTypeScript, sourceExtension } from '../sources/package.ts';
import { type SourceResolver, splitSpecifier } from '../sources/resolve.ts';
import { toJavaScript } from '../sources/transpile.ts';
import { loadsComputed, unbundleable } from './unbundleable.ts';

/** What one bundle is made from, and what making it finds out. */
export interface BundleState {
  readonly resolver: SourceResolver;
  /** The entry's source file. */
  readonly entry: string;
  /** Place of a source in the release. */
  readonly placeOf: (file: string) => string | undefined;
  readonly packageOf: (file: string) => InstalledPackage | undefined;
  /** Names of packages that are in no release: what imports them fails there, as it would without them. */
  readonly excluded: readonly string[];
  /** Real paths of packages that stay outside. */
  readonly external: ReadonlySet<string>;
  /** Found: packages that have to stay outside, with the reason. */
  readonly refused: Map<string, string>;
  /** Found: what first-party packages load from outside of bundles. */
  readonly loads: Loads;
  /** Found: first-party sources that are inside. */
  readonly inside: Set<string>;
  /** Found: first-party sources that load what cannot be seen. */
  readonly computed: Set<string>;
  /** Found: files of packages that are no production dependency, but cannot be bundled, with the reason. */
  readonly strangers: Map<string, string>;
}

/** Real path of a first-party package → what is loaded from its place, by name. */
export type Loads = Map<string, Map<string, Dependency>>;

/** False when something else is already loaded by that name. */
function addLoad(loads: Loads, directory: string, name: string, dependency: Dependency): boolean {
  const own = loads.get(directory) ?? new Map<string, Dependency>();
  loads.set(directory, own);
  const known = own.get(name);
  if (known !== undefined) return known.directory === dependency.directory;
  own.set(name, dependency);
  return true;
}

const asked = Symbol('asked');

/** Sends each import where Node would send it, and keeps outside what has to stay there. */
export function bundlePlugin(state: BundleState): Plugin {
  return {
    name: 'sarma',
    setup(build) {
      build.onResolve({ filter: /.*/ }, (args) => resolve(build, state, args));
      build.onLoad({ filter: sourceExtension }, (args) => load(state, args.path));
    },
  };
}

async function resolve(
  build: PluginBuild,
  state: BundleState,
  args: OnResolveArgs,
): Promise<OnResolveResult | undefined> {
  if (args.kind === 'entry-point' || args.pluginData === asked) return undefined;
  if (isBuiltin(args.path) || isExcluded(args.path, state)) return { path: args.path, external: true };
  const own = state.packageOf(args.importer)?.firstParty === true;
  const source = own ? state.resolver.resolve(args.importer, args.path) : undefined;
  const found = source ?? (await ask(build, args));
  // Nobody has it here: an optional dependency, which fails when it is loaded, as in the project.
  if (found === undefined) return { path: args.path, external: true };
  const target = state.packageOf(found);
  if (target === undefined) return { path: found };
  if (!target.firstParty) return thirdParty(state, args, found, target);
  if (args.kind === 'require-resolve') return beside(state, found);
  return sourceExtension.test(found) || found.endsWith('.json') ? { path: found } : beside(state, found);
}

function isExcluded(specifier: string, { excluded }: BundleState): boolean {
  return excluded.length > 0 && excluded.includes(splitSpecifier(specifier)[0]);
}

async function ask(build: PluginBuild, args: OnResolveArgs): Promise<string | undefined> {
  const { kind, importer, resolveDir, namespace } = args;
  const result = await build.resolve(args.path, { kind, importer, resolveDir, namespace, pluginData: asked });
  return result.errors.length > 0 || result.path === '' ? undefined : result.path;
}

/** Anything but code and JSON of the project stays a file beside the bundle. */
function beside(state: BundleState, file: string): OnResolveResult {
  const to = path.posix.relative(path.posix.dirname(state.placeOf(state.entry)!), state.placeOf(file)!);
  return { path: to.startsWith('.') ? to : `./${to}`, external: true };
}

function thirdParty(
  state: BundleState,
  { importer, kind, path: specifier }: OnResolveArgs,
  file: string,
  target: InstalledPackage,
): OnResolveResult {
  const from = state.packageOf(importer);
  if (kind === 'require-resolve') state.refused.set(target.directory, 'its files are asked for');
  const isInner = from === target;
  if (!state.external.has(target.directory) || isInner) {
    if (sourceExtension.test(file) || file.endsWith('.json')) return { path: file };
    state.refused.set(target.directory, `it loads ${path.basename(file)}`);
    return { path: specifier, external: true };
  }
  const [name] = splitSpecifier(specifier);
  const dependency = from?.dependencies.get(name) ?? undeclared(from, target);
  const holder = state.packageOf(state.entry)!.directory;
  if (dependency === undefined || !addLoad(state.loads, holder, name, dependency)) {
    // The bundle can load only one package of a name: whoever wants another stays outside too.
    if (from !== undefined && !from.firstParty) state.refused.set(from.directory, `it needs its own ${name}`);
  }
  return { path: specifier, external: true };
}

/** The project's code may load what only another package depends on, when the installation lets it. */
function undeclared(from: InstalledPackage | undefined, target: InstalledPackage): Dependency | undefined {
  if (from?.firstParty !== true) return undefined;
  return { directory: target.directory, found: target.directory, optional: false };
}

async function load(state: BundleState, file: string): Promise<OnLoadResult | undefined> {
  const owner = state.packageOf(file);
  const text = readFileSync(file, 'utf8');
  if (owner?.firstParty === true) return { contents: await firstPartyCode(state, file, text), loader: 'js' };
  const reason = unbundleable(text);
  if (reason !== undefined && owner !== undefined) state.refused.set(owner.directory, reason);
  if (reason !== undefined && owner === undefined) state.strangers.set(file, reason);
  return undefined;
}

async function firstPartyCode(state: BundleState, file: string, text: string): Promise<string> {
  state.inside.add(file);
  if (loadsComputed(text)) state.computed.add(file);
  if (/\bcreateRequire\b|\bimport\.meta\.resolve\b/.test(text)) keepNamed(state, file, text);
  const needsRewrite = isTypeScript(file) || /\.[cm]?tsx?['"`]/.test(text);
  const code = needsRewrite ? await toJavaScript(file, text, state.resolver, state.placeOf) : text;
  return atItsPlace(state, file, code);
}

/** What code looks up by itself has to be there: packages that its strings name stay outside. */
function keepNamed(state: BundleState, file: string, text: string): void {
  const owner = state.packageOf(file)!;
  for (const [, , specifier] of text.matchAll(
    /(?<!\b(?:from|import)\s*)(['"`])((?:@[\w.-]+\/)?[\w.-]+)(?:\/[^'"`\n]*)?\1/g,
  )) {
    const dependency = owner.dependencies.get(specifier!);
    const target =
      dependency === undefined ? undefined : state.packageOf(`${dependency.directory}${path.sep}.`);
    if (dependency === undefined || target?.firstParty !== false) continue;
    state.refused.set(target.directory, 'it is looked up by code');
    addLoad(state.loads, owner.directory, specifier!, dependency);
  }
}

const ownPlace = /\bimport\.meta\.(?:url|dirname|filename|main)\b|\b__(?:dirname|filename)\b/;

/**
 * Code that asks where it lies gets the place of its source, not of the bundle, since its assets are there.
 * What `__sarma` is, the head of the bundle says.
 */
function atItsPlace(state: BundleState, file: string, code: string): string {
  if (file === state.entry)
    return code.replaceAll(/\brequire\.main\s*===?\s*module\b|\bmodule\s*===?\s*require\.main\b/g, 'true');
  if (!ownPlace.test(code)) return code;
  const from = path.posix.dirname(state.placeOf(state.entry)!);
  const place = JSON.stringify(path.posix.relative(from, state.placeOf(file)!));
  const folder = JSON.stringify(path.posix.dirname(JSON.parse(place) as string));
  const located = code
    .replaceAll(/\bimport\.meta\.main\b/g, 'false')
    .replaceAll(/\bimport\.meta\.url\b/g, `__sarma.url(${place})`)
    .replaceAll(/\bimport\.meta\.filename\b/g, `__sarma.file(${place})`)
    .replaceAll(/\bimport\.meta\.dirname\b/g, `__sarma.file(${folder})`);
  // Modules often make these two themselves, out of import.meta.url.
  if (/\b(?:const|let|var)\s[^;=]*\b__(?:dirname|filename)\b/.test(code)) return located;
  return located
    .replaceAll(/\b__filename\b/g, `__sarma.file(${place})`)
    .replaceAll(/\b__dirname\b/g, `__sarma.file(${folder})`);
}
