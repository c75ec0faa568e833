import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Configuration, Provider, RuntimeConfiguration } from '@sarma/app';
import { deepMerge, EnvironmentError, isPlainObject, resolveEnvMarkers } from '@sarma/app/internal';
import type { BootFile, BootProvider } from './boot-file.ts';
import type { ReleaseEnvironment } from './environment.ts';
import { BootError } from './error.ts';
import { importDefault, moduleUrl } from './modules.ts';
import { replacesVariables, replaceVariables } from './os-variables.ts';
import { releaseInfo } from './release-state.ts';
import { settledSoon } from './settled.ts';
import { readVmArgs } from './vm-args.ts';

/**
 * What the applications get, from first to last: sys.config.json with the environment put in, `-app key value` of
 * vm.args, the providers, `config/runtime.ts`, each laid over what came before. Then the required variables and what
 * was inlined when the release was built are checked. Throws a BootError that names the source of the failure;
 * nothing may start then.
 */
export async function loadConfiguration(
  boot: BootFile,
  environment: ReleaseEnvironment,
  options: LoadOptions = {},
): Promise<Configuration> {
  const configuration = await compute(boot, environment, options).catch((error: unknown) => {
    // Whoever needs a variable that is not there fails in ways of its own: the variable is what has to be said.
    requireVariables(boot, process.env);
    throw error;
  });
  requireVariables(boot, process.env);
  validateCompiled(boot, configuration);
  return configuration;
}

export interface LoadOptions {
  readonly isReload?: boolean;
  /** Is told what each source says before it is laid over the rest. */
  readonly onLayer?: (layer: Layer) => void;
}

/** What one source of the configuration says. */
export interface Layer {
  /** As a person is told. */
  readonly source: string;
  /** With the markers of `env()` in it. */
  readonly values: Configuration;
  /** What a provider says of single values: keys, application first, and where they come from. */
  readonly said: readonly (readonly [keys: readonly string[], where: string])[];
}

async function compute(
  boot: BootFile,
  environment: ReleaseEnvironment,
  { isReload = false, onLayer }: LoadOptions,
): Promise<Configuration> {
  const { providers, runtime } = boot.configuration;
  const { settings } = readVmArgs(boot, environment, process.env);
  let configuration: Configuration = {};
  const lay = (source: string, values: Configuration, said: Layer['said'] = []): void => {
    onLayer?.({ source, values, said });
    configuration = deepMerge(configuration, values);
  };
  lay('sys.config.json', readSysConfig(environment.sysConfig));
  configuration = resolved(configuration);
  for (const { application, key, value } of settings) lay('vm.args', { [application]: { [key]: value } });
  for (const provider of providers) {
    const said: [readonly string[], string][] = [];
    const loading = load(provider, environment, configuration, (...one) => said.push(one));
    lay(provider.name, await settledSoon(boot, `Config provider ${provider.name}`, loading), said);
  }
  if (runtime !== null) {
    const computing = runtimeConfiguration(boot, environment, configuration, isReload);
    lay('config/runtime.ts', await settledSoon(boot, 'config/runtime.ts', computing));
  }
  // `env()` means the same in config/runtime.ts.
  return resolved(configuration);
}

function readSysConfig(file: string): Configuration {
  try {
    const parsed: unknown = JSON.parse(readFileSync(file, 'utf8'), replacingReviver());
    return checked(parsed, file);
  } catch (cause) {
    if (cause instanceof BootError) throw cause;
    throw new BootError('UNREADABLE_SYS_CONFIG', `${file} cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  }
}

function resolved(configuration: Configuration): Configuration {
  try {
    return resolveEnvMarkers(configuration, process.env);
  } catch (error) {
    throw error instanceof EnvironmentError ? new BootError('INVALID_VARIABLE', error.message) : error;
  }
}

/** Strings are replaced one by one after parsing, so that no value can break out of its quotes. */
function replacingReviver(): ((key: string, value: unknown) => unknown) | undefined {
  if (!replacesVariables(process.env)) return undefined;
  return (_key, value) => (typeof value === 'string' ? replaceVariables(value, process.env) : value);
}

async function load(
  { name, module, state }: BootProvider,
  { root, version, configDirectory }: ReleaseEnvironment,
  configuration: Configuration,
  onSource: (keys: readonly string[], where: string) => void,
): Promise<Configuration> {
  const failed = (text: string, options?: ErrorOptions) =>
    new BootError('PROVIDER_FAILED', `Config provider ${name} ${text}`, options);
  const provider = (await importDefault(moduleUrl(root, module)).catch((cause: unknown) => {
    throw failed('could not be loaded.', { cause });
  })) as Partial<Provider> | undefined;
  if (typeof provider?.load !== 'function') throw failed('exports no load function.');
  let result: unknown;
  try {
    const directory = path.join(root, 'releases', version, 'config');
    result = await provider.load(configuration, state, { configDirectory, directory, onSource });
  } catch (cause) {
    // What our own providers say is written for whoever reads it; of others the stack is all there is.
    throw isForUser(cause) ? failed(`failed: ${cause.message}`) : failed('failed.', { cause });
  }
  return checked(result, `What config provider ${name} returned`);
}

/** By name: a provider has a copy of its own of the class. */
function isForUser(error: unknown): error is Error {
  return error instanceof Error && ['AppError', 'ConformError'].includes(error.name);
}

async function runtimeConfiguration(
  boot: BootFile,
  environment: ReleaseEnvironment,
  configuration: Configuration,
  isReload: boolean,
): Promise<Configuration> {
  const file = path.resolve(environment.root, boot.configuration.runtime!);
  try {
    // An edited file is another module to the loader, and a reload is to see it.
    const version = isReload ? `?${statSync(file).mtimeMs}` : '';
    const exported = (await importDefault(
      moduleUrl(environment.root, file) + version,
    )) as RuntimeConfiguration;
    const result =
      typeof exported === 'function'
        ? await exported({
            environment: boot.environment,
            configuration,
            release: releaseInfo(environment),
            env: process.env,
          })
        : exported;
    return checked(result, `What ${file} exports`);
  } catch (cause) {
    if (cause instanceof BootError) throw cause;
    throw new BootError('RUNTIME_CONFIGURATION_FAILED', `${file} failed.`, { cause });
  }
}

/** Application → key → value, or a BootError. */
function checked(value: unknown, what: string): Configuration {
  if (!isPlainObject(value))
    throw new BootError('INVALID_CONFIGURATION', `${what} is no object of applications.`);
  for (const [application, keys] of Object.entries(value)) {
    if (isPlainObject(keys)) continue;
    throw new BootError(
      'INVALID_CONFIGURATION',
      `${what} has no object of keys for application ${application}.`,
    );
  }
  return value as Configuration;
}

/** All that is missing in one sentence. An empty variable counts as missing. */
function requireVariables({ name, configuration }: BootFile, env: NodeJS.ProcessEnv): void {
  const groups = configuration.requiredEnv
    .map((required) => (typeof required === 'string' ? [required] : required))
    .filter((group) => !group.some((variable) => env[variable]));
  const missing = groups.map((group) => (group.length > 1 ? `one of ${group.join(', ')}` : group[0]!));
  if (missing.length === 0) return;
  const last = missing.pop()!;
  const list = missing.length > 0 ? `${missing.join(', ')} and ${last}` : last;
  const empty = groups.flat().filter((variable) => env[variable] === '');
  const note = empty.length === 0 ? '' : ` Set, but empty: ${empty.join(', ')}.`;
  throw new BootError('MISSING_VARIABLE', `${list} must be set in the environment of ${name}.${note}`);
}

/** What was inlined when the release was built cannot be configured any more: a value that differs is a mistake. */
function validateCompiled(
  { configuration: { compiled, validateCompileEnv } }: BootFile,
  configuration: Configuration,
): void {
  if (!validateCompileEnv) return;
  for (const [key, value] of Object.entries(compiled)) {
    const now = lookUp(configuration, key);
    if (now === undefined || JSON.stringify(now) === JSON.stringify(value)) continue;
    throw new BootError(
      'COMPILED_VALUE_CHANGED',
      `${key} was compiled into the release with another value than it is configured with now. ` +
        'Build the release again with the new value, or set validateCompileEnv: false to go on with the compiled one.',
    );
  }
}

/** `application.key.key`, where an application's name may hold dots itself. */
function lookUp(value: unknown, key: string): unknown {
  if (!isPlainObject(value)) return undefined;
  if (Object.hasOwn(value, key)) return value[key];
  for (let dot = key.indexOf('.'); dot !== -1; dot = key.indexOf('.', dot + 1)) {
    const first = key.slice(0, dot);
    if (!Object.hasOwn(value, first)) continue;
    const found = lookUp(value[first], key.slice(dot + 1));
    if (found !== undefined) return found;
  }
  return undefined;
}
