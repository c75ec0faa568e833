import type { Application, ReleaseInfo, StartContext, StopContext } from '@sarma/app';
import type { ApplicationMode, BootApplication } from './boot-file.ts';
import { BootError } from './error.ts';
import { importDefault, moduleUrl } from './modules.ts';

export type ApplicationState = 'starting' | 'running' | 'stopping' | 'stopped' | 'loaded';

/** What an application needs from the node it runs on. */
export interface Surroundings {
  readonly release: ReleaseInfo | undefined;
  readonly args: readonly string[];
  readonly config: Readonly<Record<string, unknown>>;
  /** The application says that it has ended. */
  readonly exit: (reason: unknown) => void;
  /** The application asks for the signal that tells it to stop: its start may wait for that alone. */
  readonly onSignal: () => void;
}

/** An application of this node, from the import of its module to its end. */
export class RunningApplication {
  readonly name: string;
  version: string;
  mode: ApplicationMode;
  /** What `start` returned, or `codeChange` made of it. */
  value: unknown;
  state: ApplicationState = 'loaded';
  #lifecycle: Application;
  /** Made when the application asks for its signal: one that does not costs nothing. */
  #stopped: AbortController | undefined;
  /** Settles with `start`, and never rejects. */
  #started: Promise<void> = Promise.resolve();
  #stopping: Promise<void> | undefined;

  constructor({ name, version, mode }: BootApplication, lifecycle: Application) {
    this.name = name;
    this.version = version;
    this.mode = mode;
    this.#lifecycle = lifecycle;
  }

  /** Rejects with what `start` threw. */
  start({ release, args, config, exit, onSignal }: Surroundings): Promise<void> {
    const signal = () => {
      onSignal();
      this.#stopped ??= new AbortController();
      if (this.#stopping !== undefined) this.#stopped.abort();
      return this.#stopped.signal;
    };
    const context: StartContext = {
      config,
      release,
      args,
      exit,
      get signal() {
        return signal();
      },
    };
    this.state = 'starting';
    // Not in this very call: an application may say in its first line that it has ended, which waits for #started.
    const result = Promise.resolve().then(async () => {
      this.value = await this.#lifecycle.start?.(context);
    });
    this.#started = result.then(
      () => this.#become('running'),
      () => this.#become('stopped'),
    );
    return result;
  }

  /** Whether it cannot run beside itself, in another process. */
  get isExclusive(): boolean {
    return this.#lifecycle.exclusive === true && this.mode !== 'load' && this.mode !== 'none';
  }

  /** Rejects with what it threw, and where it says that it is not well. */
  async checkHealth(): Promise<void> {
    if (!this.isRunning || (await this.#lifecycle.health?.(this.value)) !== false) return;
    throw new BootError('NOT_HEALTHY', `Application ${this.name} runs and is not well: its health is false.`);
  }

  /** Waits for a `start` that is under way, then calls `stop` once. Rejects with what it threw. */
  stop(context: StopContext = {}): Promise<void> {
    this.#stopping ??= this.#stop(context);
    return this.#stopping;
  }

  async #stop(context: StopContext): Promise<void> {
    const reached = this.state;
    if (reached === 'loaded' || reached === 'stopped') return;
    this.#stopped?.abort();
    await this.#started;
    if (!this.isRunning) return;
    this.state = 'stopping';
    try {
      await this.#lifecycle.stop?.(this.value, context);
    } finally {
      this.state = 'stopped';
    }
  }

  get isRunning(): boolean {
    return this.state === 'running';
  }

  /** Does nothing in an application that does not run. */
  async changeConfiguration(
    config: Readonly<Record<string, unknown>>,
    changed: Readonly<Record<string, unknown>>,
    removed: readonly string[],
  ): Promise<void> {
    if (this.isRunning) await this.#lifecycle.configChange?.(this.value, { config, changed, removed });
  }

  get lifecycle(): Application {
    return this.#lifecycle;
  }

  /** From here on it is that version, with this state. */
  exchange({ version, mode }: BootApplication, lifecycle: Application, value: unknown): void {
    this.version = version;
    this.mode = mode;
    this.#lifecycle = lifecycle;
    this.value = value;
  }

  #become(state: ApplicationState): void {
    this.state = state;
  }
}

/** Imports an application's lifecycle module. Throws BootError APPLICATION_NOT_LOADED. */
export async function loadApplication(
  root: string,
  application: BootApplication,
): Promise<RunningApplication> {
  return new RunningApplication(application, await loadLifecycle(root, application));
}

/** What the module exports. Throws BootError APPLICATION_NOT_LOADED. */
export async function loadLifecycle(root: string, application: BootApplication): Promise<Application> {
  const { name, module } = application;
  // A package without a lifecycle module counts as running once its turn has come: others may depend on it.
  const exported = module === null ? {} : await importLifecycle(root, name, module);
  if (!isLifecycle(exported)) {
    throw new BootError(
      'APPLICATION_NOT_LOADED',
      `The lifecycle module of application ${name} (${module}) has no default export made by defineApplication ` +
        "of '@sarma/app'.",
    );
  }
  return exported;
}

async function importLifecycle(root: string, name: string, module: string): Promise<unknown> {
  try {
    return await importDefault(moduleUrl(root, module));
  } catch (cause) {
    throw new BootError('APPLICATION_NOT_LOADED', `Application ${name} could not be loaded.`, { cause });
  }
}

function isLifecycle(exported: unknown): exported is Application {
  if (typeof exported !== 'object' || exported === null) return false;
  const functions = exported as Record<string, unknown>;
  return ['start', 'stop', 'configChange', 'codeChange', 'health'].every(
    (name) => functions[name] === undefined || typeof functions[name] === 'function',
  );
}
