import path from 'node:path';
import type { ProviderBuild } from '@sarma/app';
import { attempt, ReleaseError } from '../error.ts';
import { importSource } from '../import-source.ts';
import type { Release } from '../release.ts';
import { sourceExtension } from '../sources/package.ts';
import { isFile, type Tree } from '../tree.ts';
import { bundleModule } from './bundle-module.ts';
import { versionFolder } from './release-files.ts';
import type { ProviderSource } from './roots.ts';
import { serialisable } from './serialisable.ts';

/** What of the providers goes into a release, besides their modules. */
export interface ProviderParts {
  /** What `load` of each gets at every boot, in their order. */
  readonly states: readonly unknown[];
  /** Name → text: what lies in the folder `config` of the version. */
  readonly files: ReadonlyMap<string, string>;
}

/**
 * Calls `init` of each provider with its options; what it returns is what `load` gets at every boot. Without an
 * `init` that is the options themselves. Compiles the modules that their options name, and asks for their files.
 * Throws ReleaseError CONFIG_PROVIDER.
 */
export async function readProviders(
  release: Release,
  providers: readonly ProviderSource[],
): Promise<ProviderParts> {
  const states: unknown[] = [];
  const files = new Map<string, string>();
  for (const provider of providers) {
    const { state, files: own } = await readProvider(release, provider);
    states.push(state);
    for (const [name, text] of own) {
      if (files.has(name) && files.get(name) !== text) throw twoFiles(provider, name);
      files.set(name, text);
    }
  }
  return { states, files };
}

/** Adds the files of providers where `load` finds them. */
export function addProviderFiles(tree: Tree, release: Release, { files }: ProviderParts): void {
  for (const [name, text] of files)
    tree.set(`${versionFolder(release)}/config/${name}`, { type: 'text', text, mode: 0o644 });
}

function twoFiles({ module }: ProviderSource, name: string): ReleaseError {
  return new ReleaseError(
    'CONFIG_PROVIDER',
    `The config provider ${module} has a file ${name} for the release, and there is another one of that name, of ` +
      'the same provider or of one before it. Call one of them differently.',
  );
}

type NamedText = readonly [name: string, text: string];

interface ProviderPart {
  readonly state: unknown;
  readonly files: readonly NamedText[];
}

type Fail = (text: string) => ReleaseError;

async function readProvider(release: Release, source: ProviderSource): Promise<ProviderPart> {
  const what = `The config provider ${source.module}`;
  const failed: Fail = (text) => new ReleaseError('CONFIG_PROVIDER', `${what} ${text}`);
  const provider = exportedProvider(
    await attempt('CONFIG_PROVIDER', `${what} (${source.file})`, () => importSource(source.file)),
  );
  if (typeof provider.load !== 'function')
    throw failed(
      `(${source.file}) exports no function load(configuration, state). Write: export default { load: (configuration, state) => ({}) }`,
    );
  const options = checked(source.options, (found) => failed(`has options that are no JSON: ${found}.`));
  const state = await initialState(source, provider, options, failed);
  const { texts, modules } = await readModules(release, provider, options, failed);
  const { project, environment } = release;
  const files = await attempt('CONFIG_PROVIDER', what, () =>
    provider.files?.(options, { project, environment, modules }),
  );
  return { state, files: [...texts, ...Object.entries(files ?? {})] };
}

async function initialState(
  { module }: ProviderSource,
  { init }: ProviderModule,
  options: unknown,
  failed: Fail,
): Promise<unknown> {
  if (init === undefined) return options;
  const state = await attempt('CONFIG_PROVIDER', `init of the config provider ${module}`, () =>
    init(options),
  );
  return checked(state ?? null, (found) =>
    failed(`returned from init what is no JSON: ${found}. Return what load needs at boot, as plain data.`),
  );
}

interface ReadModules {
  readonly texts: readonly NamedText[];
  readonly modules: ProviderBuild['modules'];
}

/** The modules that options name, compiled and imported. */
async function readModules(
  release: Release,
  { modules = [] }: ProviderModule,
  options: unknown,
  failed: Fail,
): Promise<ReadModules> {
  const texts: NamedText[] = [];
  const imported: Record<string, Readonly<Record<string, unknown>>[]> = {};
  for (const option of modules) {
    imported[option] = [];
    for (const source of namedModules(option, options, release, failed)) {
      imported[option].push(await attempt('CONFIG_PROVIDER', source, () => importSource(source)));
      texts.push([`${path.parse(source).name}.mjs`, await bundleModule(source)]);
    }
  }
  return { texts, modules: imported };
}

/** The sources that an option of a provider names; none where it is not given. Throws ReleaseError CONFIG_PROVIDER. */
function namedModules(
  option: string,
  options: unknown,
  { project }: Release,
  failed: Fail,
): readonly string[] {
  const given = (options as Readonly<Record<string, unknown>> | null)?.[option];
  if (given === undefined) return [];
  return [given].flat().map((name) => {
    if (typeof name !== 'string' || !sourceExtension.test(name))
      throw failed(
        `expects options.${option} to be the path of a module (.ts, .js), found ${JSON.stringify(name)}.`,
      );
    const source = path.resolve(project, name);
    if (isFile(source)) return source;
    throw failed(
      `is given ${option}: '${name}', but ${source} does not exist. Write it, or correct the path; it is relative to ${project}.`,
    );
  });
}

interface ProviderModule {
  readonly modules?: readonly string[];
  readonly files?: (
    options: unknown,
    build: ProviderBuild,
  ) => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>;
  readonly init?: (options: unknown) => unknown;
  readonly load?: unknown;
}

/** The default export, or one of a CommonJS module that was compiled from a module, or what is exported by name. */
function exportedProvider(module: Readonly<Record<string, unknown>>): ProviderModule {
  const exported = (module.default ?? module) as ProviderModule & { readonly default?: ProviderModule };
  return exported.default ?? exported;
}

function checked(value: unknown, refuse: (found: string) => Error): unknown {
  return serialisable(value, ({ keys, found }) =>
    refuse(keys.length === 0 ? found : `${keys.join('.')} is ${found}`),
  );
}
