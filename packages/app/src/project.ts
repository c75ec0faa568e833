import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { deepMerge, isPlainObject } from './deep-merge.ts';
import { resolveEnvMarkers } from './env-markers.ts';
import { AppError } from './error.ts';
import type { Configuration } from './state.ts';

// Outside a release there is the project itself: its package.json and its config/.

const EXTENSIONS = ['ts', 'mts', 'js', 'mjs', 'cjs'];

/** What `config/` and the applications are found from. */
export interface Project {
  /** Where `config/` lies; undefined where there is none. */
  readonly config: string | undefined;
  /** The nearest `package.json`'s directory. */
  readonly directory: string;
}

/** `config/` lies in the project, or at the root of the workspaces it is one of: it is code, and runs. */
export function findProject(from: string): Project {
  const here = path.resolve(from);
  const directory = upwards(here).find((folder) => existsSync(path.join(folder, 'package.json'))) ?? here;
  const config = [directory, ...workspaceRoots(directory)]
    .map((folder) => path.join(folder, 'config'))
    .find((folder) => configFile(folder, 'config') ?? configFile(folder, 'runtime'));
  return { directory, config };
}

/** At most one. It belongs to the same user: above a project in /tmp there is what others put there. */
function workspaceRoots(directory: string): readonly string[] {
  const { uid } = statSync(directory);
  const root = upwards(directory)
    .slice(1)
    .find((folder) => {
      const marker = workspaceMarker(folder);
      return marker !== undefined && statSync(marker).uid === uid;
    });
  return root === undefined ? [] : [root];
}

/** The file that makes a folder the root of workspaces. */
function workspaceMarker(directory: string): string | undefined {
  if (readManifest(directory).workspaces !== undefined) return path.join(directory, 'package.json');
  const file = path.join(directory, 'pnpm-workspace.yaml');
  return existsSync(file) ? file : undefined;
}

function upwards(directory: string): readonly string[] {
  const parent = path.dirname(directory);
  return parent === directory ? [directory] : [directory, ...upwards(parent)];
}

function configFile(directory: string, name: string): string | undefined {
  const files = EXTENSIONS.map((extension) => path.join(directory, `${name}.${extension}`));
  return files.find((file) => existsSync(file));
}

/** `SARMA_ENV`; without it `test` where NODE_ENV says so (test runners set it), and else `dev`. */
export function projectEnvironment(): string {
  return process.env.SARMA_ENV || (process.env.NODE_ENV === 'test' ? 'test' : 'dev');
}

/**
 * `config/config.*`, then `config/<environment>.*`, then `config/runtime.*`, each laid over what came before: what a
 * boot does, but for the providers of a release. Its sources are asked for one after the other, so that they can be
 * awaited or not.
 */
function* evaluate(
  { config }: Project,
  environment: string,
): Generator<readonly [string, unknown], Configuration, unknown> {
  if (config === undefined) return {};
  let configuration: Configuration = {};
  for (const name of ['config', environment, 'runtime']) {
    const file = configFile(config, name);
    if (file === undefined) continue;
    if (name === 'runtime') configuration = resolveEnvMarkers(configuration, process.env);
    const context = { environment, configuration, release: undefined, env: process.env };
    configuration = deepMerge(configuration, checked(yield [file, context], file));
  }
  return resolveEnvMarkers(configuration, process.env);
}

function checked(value: unknown, file: string): unknown {
  if (isPlainObject(value) && Object.values(value).every(isPlainObject)) return value;
  throw new AppError(
    'CONFIGURATION_INVALID',
    `${file} has to export an object (or a function that returns one): application → key → value.`,
  );
}

export async function loadProjectConfiguration(
  project: Project,
  environment: string,
): Promise<Configuration> {
  const steps = evaluate(project, environment);
  let step = steps.next();
  while (step.done !== true) {
    const [file, context] = step.value;
    const exported = unwrapped(await importFile(file));
    step = steps.next(typeof exported === 'function' ? await exported(context) : exported);
  }
  return step.value;
}

/** The same without waiting: for `config()`, which answers at once. */
export function requireProjectConfiguration(project: Project, environment: string): Configuration {
  const steps = evaluate(project, environment);
  let step = steps.next();
  while (step.done !== true) {
    const [file, context] = step.value;
    const exported = unwrapped(requireFile(file));
    const result: unknown = typeof exported === 'function' ? exported(context) : exported;
    if (result instanceof Promise) {
      throw new AppError(
        'CONFIGURATION_NOT_LOADED',
        `${file} takes its time: outside a release, await startApplications() or loadConfiguration() first.`,
      );
    }
    step = steps.next(result);
  }
  return step.value;
}

export async function importFile(file: string): Promise<unknown> {
  const { pathToFileURL } = await import('node:url');
  return await import(pathToFileURL(file).href);
}

function requireFile(file: string): unknown {
  return createRequire(file)(file);
}

/** The default export, of a module or of what one was compiled to. */
export function unwrapped(module: unknown): unknown {
  const exported = hasDefault(module) ? module.default : module;
  return hasDefault(exported) ? exported.default : exported;
}

function hasDefault(value: unknown): value is { readonly default: unknown } {
  return typeof value === 'object' && value !== null && 'default' in value;
}

/** A package that can be started, found from a project. */
export interface InstalledApplication {
  readonly name: string;
  /** Its lifecycle module. */
  readonly module: string;
  /** Names of the applications it needs. */
  readonly dependencies: readonly string[];
}

interface Manifest {
  readonly name?: string;
  readonly sarma?: { readonly application?: string };
  readonly workspaces?: unknown;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** The project's own application and those of its dependencies, in the order in which they start. */
export function findApplications(directory: string): readonly InstalledApplication[] {
  const found = new Map<string, InstalledApplication>();
  visit(realpathSync(directory), found, new Set());
  return [...found.values()];
}

/** Dependencies first. */
function visit(directory: string, found: Map<string, InstalledApplication>, seen: Set<string>): void {
  if (seen.has(directory)) return;
  seen.add(directory);
  const needed = neededBy(directory, new Set([directory]));
  for (const application of needed) visit(application, found, seen);
  const application = readManifest(directory).sarma?.application;
  if (!application) return;
  const name = nameOf(directory);
  found.set(name, { name, module: path.join(directory, application), dependencies: needed.map(nameOf) });
}

/** Where the nearest applications among the production dependencies lie; packages that are none are looked through. */
function neededBy(directory: string, seen: Set<string>): readonly string[] {
  const { dependencies, optionalDependencies } = readManifest(directory);
  return Object.keys({ ...dependencies, ...optionalDependencies }).flatMap((name) => {
    const installed = findInstalled(directory, name);
    if (installed === undefined || seen.has(installed)) return [];
    seen.add(installed);
    return readManifest(installed).sarma?.application ? [installed] : neededBy(installed, seen);
  });
}

function nameOf(directory: string): string {
  return readManifest(directory).name ?? path.basename(directory);
}

function readManifest(directory: string): Manifest {
  try {
    return JSON.parse(readFileSync(path.join(directory, 'package.json'), 'utf8')) as Manifest;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}

/** Not by require.resolve: `exports` of a package may well hide its package.json. */
function findInstalled(from: string, name: string): string | undefined {
  const candidates = upwards(from).map((directory) => path.join(directory, 'node_modules', name));
  const found = candidates.find((candidate) => existsSync(path.join(candidate, 'package.json')));
  // By its real path, as Node has it: with pnpm, its own dependencies lie beside that and not beside the link.
  return found === undefined ? undefined : realpathSync(found);
}
