import type { Application } from './application.ts';
import { deepMerge } from './deep-merge.ts';
import { AppError } from './error.ts';
import {
  findApplications,
  findProject,
  type InstalledApplication,
  importFile,
  loadProjectConfiguration,
  projectEnvironment,
  unwrapped,
} from './project.ts';
import { type Configuration, releaseState, setReleaseState } from './state.ts';

export interface StartApplicationsOptions {
  /** Where the project is. Default: the nearest `package.json` from the working directory upwards. */
  readonly project?: string;
  /** Default: `SARMA_ENV`, else `test` where `NODE_ENV` is `test`, else `dev`. */
  readonly environment?: string;
  /** Only these, with the applications they depend on. Default: the project's own and all it depends on. */
  readonly applications?: readonly string[];
  /** Laid over the project's configuration. */
  readonly config?: Configuration;
  /** What `start` gets as `args`. Default: none. */
  readonly args?: readonly string[];
}

/** Applications that were started without a node around them. */
export interface StartedApplications {
  /** What the application's `start` returned. Throws AppError APPLICATION_NOT_RUNNING. */
  state<State = unknown>(application: string): State;
  /** Those that said they had ended, and why; nothing else follows from it here. */
  readonly ended: readonly { readonly application: string; readonly reason: unknown }[];
  /** Stops them in reverse order, all of them; then rejects with the first failure. Once. */
  stop(): Promise<void>;
}

/**
 * Starts applications in this process, with the project's configuration and in the order of their dependencies: for
 * tests, and for programs that are no release. `config()` answers with their configuration until they are stopped.
 *
 * ```ts
 * const applications = await startApplications({ config: { kv: { port: 0 } } });
 * afterAll(() => applications.stop());
 * ```
 */
export async function startApplications(
  options: StartApplicationsOptions = {},
): Promise<StartedApplications> {
  const project = findProject(options.project ?? process.cwd());
  const known = findApplications(project.directory);
  const chosen = withDependencies(
    known,
    options.applications ?? known.map(({ name }) => name),
    project.directory,
  );
  const own = await loadProjectConfiguration(project, options.environment ?? projectEnvironment());
  const before = releaseState();
  setReleaseState({
    release: undefined,
    binPath: undefined,
    configuration: deepMerge(own, options.config ?? {}),
  });
  const running = new Running(() => setReleaseState(before));
  try {
    for (const application of chosen) await running.start(application, options.args ?? []);
  } catch (error) {
    await running.stop().catch(() => {});
    throw error;
  }
  return running;
}

function withDependencies(
  known: readonly InstalledApplication[],
  names: readonly string[],
  directory: string,
): readonly InstalledApplication[] {
  const wanted = new Set<string>();
  const want = (name: string) => {
    const application = known.find((candidate) => candidate.name === name);
    if (application === undefined || wanted.has(name)) return;
    wanted.add(name);
    application.dependencies.forEach(want);
  };
  for (const name of names) {
    want(name);
    if (!wanted.has(name)) throw unknownApplication(name, known, directory);
  }
  return known.filter(({ name }) => wanted.has(name));
}

function unknownApplication(
  name: string,
  known: readonly InstalledApplication[],
  directory: string,
): AppError {
  const names = known.map((application) => application.name).join(', ') || 'none';
  return new AppError(
    'UNKNOWN_APPLICATION',
    `There is no application ${name}: known are ${names} (looked from ${directory}).`,
  );
}

class Running implements StartedApplications {
  readonly ended: { readonly application: string; readonly reason: unknown }[] = [];
  readonly #running = new Map<
    string,
    { readonly lifecycle: Application; readonly state: unknown; readonly stopped: AbortController }
  >();
  readonly #afterwards: () => void;
  #stopping: Promise<void> | undefined;

  constructor(afterwards: () => void) {
    this.#afterwards = afterwards;
  }

  async start({ name, module }: InstalledApplication, args: readonly string[]): Promise<void> {
    const lifecycle = unwrapped(await importFile(module)) as Application;
    const stopped = new AbortController();
    const context = {
      config: releaseState()?.configuration[name] ?? {},
      release: undefined,
      args,
      signal: stopped.signal,
      exit: (reason: unknown) => void this.ended.push({ application: name, reason }),
    };
    try {
      this.#running.set(name, { lifecycle, state: await lifecycle.start?.(context), stopped });
    } catch (error) {
      stopped.abort(); // ends what it has begun; there is no state to stop
      throw error;
    }
  }

  state<State>(application: string): State {
    const running = this.#running.get(application);
    if (running === undefined)
      throw new AppError('APPLICATION_NOT_RUNNING', `Application ${application} is not running.`);
    return running.state as State;
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const failures: unknown[] = [];
    for (const { lifecycle, state, stopped } of [...this.#running.values()].reverse()) {
      stopped.abort();
      try {
        await lifecycle.stop?.(state, {});
      } catch (error) {
        failures.push(error);
      }
    }
    this.#running.clear();
    this.#afterwards();
    if (failures.length > 0) throw failures[0];
  }
}
