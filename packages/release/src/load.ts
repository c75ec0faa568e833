import { realpathSync } from 'node:fs';
import path from 'node:path';
import { type Definition, readConfiguration, readDefinition } from './definition/definition.ts';
import { checkedName, checkedVersion } from './definition/names.ts';
import { choosePrograms, type Programs, packageName, programChoice } from './definition/programs.ts';
import { type Project, readProject } from './definition/project.ts';
import type { ReleaseConfig } from './definition/sarma-config.ts';
import {
  readApplications,
  readOverlays,
  readProviders,
  readRuntime,
  readSettings,
  readSteps,
} from './definition/settings.ts';
import { readVersion } from './definition/version.ts';
import { ReleaseError } from './error.ts';
import type { Release, ReleaseKind, ReleaseOptions, RuntimeSettings } from './release.ts';

/**
 * What a project says about its release, in its configuration and in `package.json`; `options` override both. Nothing
 * is written, and of the project's code only the configuration runs. Throws ReleaseError.
 */
export async function loadRelease(options: ReleaseOptions): Promise<Release> {
  const project = await readProject(options);
  const definition = await readDefinition(options, project);
  const { config, environment, environments, configFile, where } = definition;
  const { directory, manifest } = project;
  const kind = kindOf(options, config, project);
  const programs = await readPrograms(options, definition, project, kind);
  const name = checkedName(definition.release ?? options.name ?? programs.name);
  const version =
    options.version === undefined
      ? await readVersion(config.version, project, where)
      : checkedVersion(options.version);
  const usesSarma = kind === 'service' || configFile !== undefined || isSarmaUser(project);
  return {
    name,
    version,
    kind,
    environment,
    project: directory,
    manifest,
    singleFile: project.singleFile,
    entries: mapValues(programs.entries, (entry) => entry.file),
    code: options.code ?? config.code ?? 'copy',
    path: releasePath(options, config, directory, environment, name),
    output: path.resolve(options.output ?? path.join(directory, 'burrito_out')),
    applications: readApplications(config),
    configProviders: readProviders(config, directory, where),
    overlays: readOverlays(config, directory, usesSarma),
    overlayVars: config.overlayVars ?? {},
    options: readSettings(withSnapshot(config, options), {
      project: directory,
      kind,
      usesSarma,
      configFile,
      environments,
      among: { name, sharesRepository: definition.sharesRepository, isMain: definition.isMain },
      where,
    }),
    steps: readSteps(config),
    notes: [note(name, version, project, definition, programs)],
  };
}

function withSnapshot(config: ReleaseConfig, { snapshot }: ReleaseOptions): ReleaseConfig {
  return snapshot === undefined ? config : { ...config, wrap: { ...config.wrap, snapshot } };
}

/** A program that is named on the command line is one, whatever else the project is. */
function kindOf(options: ReleaseOptions, config: ReleaseConfig, project: Project): ReleaseKind {
  if (config.kind !== undefined) return config.kind;
  if ((options.entry ?? options.bin ?? project.file) !== undefined) return 'cli';
  return hasApplications(config, project) ? 'service' : 'cli';
}

function hasApplications({ applications = {} }: ReleaseConfig, { manifest }: Project): boolean {
  return Object.keys(applications).length > 0 || manifest.sarma?.application !== undefined;
}

/** A service of applications has programs only where they are named. */
async function readPrograms(
  options: ReleaseOptions,
  { config, release, where }: Definition,
  project: Project,
  kind: ReleaseKind,
): Promise<Programs> {
  const choice = programChoice(options, config, project, where);
  const isNamed = choice.entry !== undefined || choice.bin !== undefined;
  if (kind === 'service' && !isNamed && hasApplications(config, project))
    return { name: release ?? packageName(project), entries: {} };
  return await choosePrograms(choice, project, release);
}

function isSarmaUser({ manifest }: Project): boolean {
  return manifest.sarma !== undefined || manifest.dependencies?.['@sarma/app'] !== undefined;
}

function releasePath(
  options: ReleaseOptions,
  config: ReleaseConfig,
  directory: string,
  environment: string,
  name: string,
): string {
  if (options.releaseDirectory !== undefined) return path.resolve(options.releaseDirectory);
  return path.resolve(directory, config.path ?? path.join('_build', environment, 'rel', name));
}

/** The names of the releases that a project's configuration has; [] where it names none. Throws ReleaseError. */
export async function listReleases(options: ProjectChoice): Promise<readonly string[]> {
  const project = await readReadyProject(options);
  const configFile = project === undefined ? undefined : await readConfiguration(options, project);
  return Object.keys(configFile?.config.releases ?? {});
}

/** Which project, as `loadRelease` takes it. */
export type ProjectChoice = Pick<ReleaseOptions, 'project' | 'workspace' | 'environment' | 'sarma'>;

/** Where a project lies, and what its release says of Node. */
export interface ProjectPlace {
  readonly directory: string;
  /** `engines.node`. */
  readonly engines: string | undefined;
  readonly targets: readonly string[];
  readonly runtime: RuntimeSettings;
}

/**
 * The project that `loadRelease` would read, whether or not it is ready to be released: a folder without a
 * `package.json` and an entry that is not built yet will do. Throws ReleaseError.
 */
export async function findProject(
  options: ProjectChoice & Pick<ReleaseOptions, 'name'>,
): Promise<ProjectPlace> {
  const project = await readReadyProject(options);
  if (project === undefined) {
    const directory = realpathSync(path.resolve(options.project));
    return { directory, engines: undefined, targets: [], runtime: readRuntime({}, directory, '') };
  }
  const { directory, manifest } = project;
  const { config, where } = await readDefinition(options, project);
  const runtime = readRuntime(config, directory, where);
  return { directory, engines: manifest.engines?.node, targets: config.targets ?? [], runtime };
}

/** Undefined for a folder without a `package.json`. */
async function readReadyProject(options: ProjectChoice): Promise<Project | undefined> {
  try {
    return await readProject(options);
  } catch (error) {
    if (error instanceof ReleaseError && error.code === 'NO_PACKAGE_JSON') return undefined;
    throw error;
  }
}

function note(
  name: string,
  version: string,
  project: Project,
  { configFile, config }: Definition,
  { entries }: Programs,
): string {
  const from = project.singleFile ? 'a single file' : path.basename(configFile ?? 'package.json');
  const programs = Object.entries(entries).map(([program, entry]) => {
    const file = path.relative(project.directory, entry.file).replaceAll(path.sep, '/');
    return Object.keys(entries).length === 1 ? `${entry.from} → ${file}` : `${program} → ${file}`;
  });
  const applications = readApplications(config).map((one) => `${one.name} ${one.mode}`);
  const { application } = project.manifest.sarma ?? {};
  const own = application === undefined ? [] : [`sarma.application → ${application}`];
  return `${name} ${version} from ${from}: ${[...programs, ...own, ...applications].join(', ')}`;
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, map: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}
