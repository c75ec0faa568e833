import type { ReleaseOptions } from '../release.ts';
import type { Project } from './project.ts';
import type { ReleaseConfig } from './sarma-config.ts';

/** What the configuration of a project says of one release. */
export interface Definition {
  /** Undefined where there is no configuration. */
  readonly configFile: string | undefined;
  readonly environment: string;
  /** The name it has in `releases`; undefined where that key is missing. */
  readonly release: string | undefined;
  /** Shared keys, those of the release and those of the environment in one. */
  readonly config: ReleaseConfig;
  /** Names the configuration in messages. */
  readonly where: string;
}

export async function readDefinition(options: ReleaseOptions, _project: Project): Promise<Definition> {
  const environment = options.environment ?? process.env.SARMA_ENV ?? 'prod';
  return { configFile: undefined, environment, release: undefined, config: {}, where: 'package.json' };
}
