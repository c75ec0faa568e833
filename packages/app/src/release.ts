import {
  findProject,
  loadProjectConfiguration,
  projectEnvironment,
  requireProjectConfiguration,
} from './project.ts';
import { type Configuration, type ReleaseInfo, releaseState, setReleaseState } from './state.ts';

/** The release this program is part of; undefined outside one (tests, plain Node). */
export function release(): ReleaseInfo | undefined {
  return releaseState()?.release;
}

export function isRelease(): boolean {
  return release() !== undefined;
}

/** What starts this release again: the wrapped executable, or `bin/<name>`. Undefined outside a release. */
export function binPath(): string | undefined {
  return releaseState()?.binPath;
}

/**
 * The configuration of an application, as it is now. Outside a release it is that of the project around the working
 * directory: `config/config.*`, `config/<environment>.*` and `config/runtime.*`, read at the first call; the
 * environment is `SARMA_ENV`, else `test` where `NODE_ENV` is `test`, else `dev`. TypeScript there is read by Node itself,
 * from 22.18 on. Throws AppError.
 */
export function config<Keys extends Readonly<Record<string, unknown>> = Readonly<Record<string, unknown>>>(
  application: string,
): Keys {
  const { configuration } =
    releaseState() ?? outside(requireProjectConfiguration(here(), projectEnvironment()));
  return (configuration[application] ?? {}) as Keys;
}

/** Outside a release: reads the project's configuration, also one that takes its time, for `config()` to answer with. */
export async function loadConfiguration(): Promise<Configuration> {
  const state = releaseState() ?? outside(await loadProjectConfiguration(here(), projectEnvironment()));
  return state.configuration;
}

function here() {
  return findProject(process.cwd());
}

function outside(configuration: Configuration) {
  return setReleaseState({ release: undefined, binPath: undefined, configuration });
}
