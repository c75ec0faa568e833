import { attempt, ReleaseError } from '../error.ts';
import { importSource } from '../import-source.ts';
import type { Tree } from '../tree.ts';
import { ownConditions } from './code.ts';
import type { ProviderSource } from './roots.ts';
import { serialisable } from './serialisable.ts';

/**
 * Calls `init` of each provider with its options; what it returns is what `load` gets at every boot. Without an
 * `init` that is the options themselves. Throws ReleaseError CONFIG_PROVIDER.
 */
export async function initProviders(providers: readonly ProviderSource[]): Promise<readonly unknown[]> {
  const states: unknown[] = [];
  for (const provider of providers) states.push(await initProvider(provider));
  return states;
}

async function initProvider({ module: name, file, options }: ProviderSource): Promise<unknown> {
  const what = `The config provider ${name}`;
  const failed = (text: string) => new ReleaseError('CONFIG_PROVIDER', `${what} ${text}`);
  const module = await attempt('CONFIG_PROVIDER', `${what} (${file})`, () => importSource(file));
  const { init, load } = exportedProvider(module);
  if (typeof load !== 'function')
    throw failed(
      `(${file}) exports no function load(configuration, state). Write: export default { load: (configuration, state) => ({}) }`,
    );
  const given = checked(options, (found) => failed(`has options that are no JSON: ${found}.`));
  if (init === undefined) return given;
  const state = await attempt('CONFIG_PROVIDER', `init of the config provider ${name}`, () => init(given));
  return checked(state ?? null, (found) =>
    failed(`returned from init what is no JSON: ${found}. Return what load needs at boot, as plain data.`),
  );
}

interface ProviderModule {
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

/** Adds a provider of Sarma's own as one file, since the project has no package it could come from. */
export async function addShippedProvider(tree: Tree, at: string, file: string): Promise<void> {
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    entryPoints: [file],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    minifySyntax: true,
    charset: 'utf8',
    conditions: ownConditions(file),
    logLevel: 'silent',
  });
  tree.set(at, { type: 'text', text: outputFiles[0]!.text, mode: 0o644 });
}
