import type { ReleaseOptions } from '../release.ts';
import { checkSteps } from '../steps.ts';
import { chooseRelease, readRelease } from './choose-release.ts';
import { type ConfigFile, readConfigFile } from './config-file.ts';
import { chooseEnvironment, namedEnvironment } from './environment.ts';
import { merge } from './merge.ts';
import { checkedName } from './names.ts';
import type { Project } from './project.ts';
import type { ReleaseConfig, SharedConfig } from './sarma-config.ts';

/** What the configuration of a project says of one release. */
export interface Definition {
  /** Undefined where there is no configuration. */
  readonly configFile: string | undefined;
  readonly environment: string;
  /** All that the configuration has. */
  readonly environments: readonly string[];
  /** The name it has in `releases`; undefined where it has none. */
  readonly release: string | undefined;
  /** Whether it is one of several that are published in the same repository, as far as is known of one of them. */
  readonly sharesRepository: boolean;
  /** Of those that share one the default one, else the first; also what shares with nobody. */
  readonly isMain: boolean;
  /** Shared keys, those of the release and those of the environment in one. */
  readonly config: ReleaseConfig;
  /** Names the configuration in messages. */
  readonly where: string;
}

/** Throws ReleaseError. */
export async function readDefinition(options: ReleaseOptions, project: Project): Promise<Definition> {
  const configFile = await readConfiguration(options, project);
  const environment = chooseEnvironment(namedEnvironment(options.environment), configFile);
  if (configFile === undefined)
    return {
      configFile: undefined,
      environment,
      environments: [],
      release: undefined,
      sharesRepository: false,
      isMain: true,
      config: {},
      where: 'package.json',
    };
  const { file, config: all } = configFile;
  // A file on the command line is a program of its own, and none of the releases.
  const isOwn = project.file !== undefined && options.name === undefined;
  const release = isOwn ? undefined : chooseRelease(configFile, options.name);
  const own = release === undefined ? {} : await readRelease(configFile, release, environment);
  const config = merge(merge(shared(configFile), own), all.environments?.[environment] ?? {});
  const where = release === undefined ? file : `${file}, release ${release}`;
  if (config.steps !== undefined) checkSteps(config.steps, where);
  const environments = Object.keys(all.environments ?? {});
  const [first, ...others] = Object.keys(all.releases ?? {});
  const sharesRepository = release !== undefined && others.length > 0 && own.publish?.github === undefined;
  const isMain = !sharesRepository || release === (all.defaultRelease ?? first);
  return {
    configFile: file,
    environment,
    environments,
    release,
    sharesRepository,
    isMain,
    config,
    where,
  };
}

/** The configuration of a project, of any of its releases. Undefined where there is none. Throws ReleaseError. */
export async function readConfiguration(
  options: Pick<ReleaseOptions, 'environment' | 'sarma'>,
  project: Project,
): Promise<ConfigFile | undefined> {
  const context = { environment: namedEnvironment(options.environment) };
  const configFile = await readConfigFile(project, context, options.sarma);
  for (const name of Object.keys(configFile?.config.releases ?? {})) checkedName(name);
  return configFile;
}

function shared({ config }: ConfigFile): SharedConfig {
  const { $schema, defaultRelease, defaultEnvironment, releases, environments, ...rest } = config;
  return rest;
}
