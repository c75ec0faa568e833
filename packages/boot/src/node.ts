import type { Configuration, ReleaseInfo } from '@sarma/app';
import { type ApplicationState, loadApplication, type RunningApplication } from './applications.ts';
import type { ApplicationMode, BootFile, HookName, Instruction } from './boot-file.ts';
import { loadConfiguration } from './configuration.ts';
import type { ConfigurationDifference } from './configuration-changes.ts';
import type { ReleaseEnvironment } from './environment.ts';
import { BootError } from './error.ts';
import { errorText, failureText } from './error-text.ts';
import { importAhead, moduleUrl } from './modules.ts';
import { releaseInfo, setReleaseState } from './release-state.ts';
import { handleSignals } from './signals.ts';

export type StopReason = 'command' | 'signal' | 'restart' | 'crash';

/** A node that is starting, runs, or stops: what control and commands see of it. */
export interface RunningNode {
  readonly boot: BootFile;
  readonly environment: ReleaseEnvironment;
  readonly configuration: Configuration;
  readonly started: Date;
  readonly applications: readonly {
    readonly name: string;
    readonly version: string;
    readonly mode: ApplicationMode;
    readonly state: ApplicationState;
  }[];
  /** What an application's `start` returned. */
  stateOf(application: string): unknown;
  /**
   * Stops the applications in reverse order. Resolves when everything is stopped; the process then exits with the
   * code, but for the reason `restart`: there the caller replaces the process.
   */
  stop(reason: StopReason, exitCode?: number): Promise<void>;
  /** Providers and `config/runtime.ts` again; tells the applications. Rejects and changes nothing where one fails. */
  reloadConfiguration(): Promise<{ readonly changed: readonly string[] }>;
  /** Called once everything is stopped, before the process exits. */
  onStopped(listener: () => unknown): void;
}

/** What happens around the start besides applications. */
export interface AroundStart {
  /** Once there is a configuration, before the first application is imported. */
  readonly beforeApplications?: (node: RunningNode) => Promise<void>;
}

/**
 * Executes the instructions of boot.json. Rejects with a BootError where nothing has been started yet (configuration,
 * hooks); an application that fails to start ends the process with exit code 1, in order.
 */
export async function startNode(
  boot: BootFile,
  environment: ReleaseEnvironment,
  args: readonly string[],
  around: AroundStart = {},
): Promise<RunningNode> {
  const node = new Node(boot, environment, args, around);
  await node.start();
  return node;
}

class Node implements RunningNode {
  readonly boot: BootFile;
  readonly environment: ReleaseEnvironment;
  readonly started = new Date();
  configuration: Configuration = {};
  readonly #args: readonly string[];
  readonly #around: AroundStart;
  readonly #release: ReleaseInfo | undefined;
  /** In the order in which they were loaded, which is that in which they start. */
  readonly #loaded = new Map<string, RunningApplication>();
  readonly #listeners: (() => unknown)[] = [];
  /** A node runs until it is stopped, whatever its applications hold open. */
  readonly #running = setInterval(() => {}, 2 ** 30);
  #isPrepared = false;
  /** The node is a program without a lifecycle. */
  #script = false;
  #stopping: Promise<void> | undefined;
  #exitCode = 0;
  #reload: Promise<unknown> = Promise.resolve();

  constructor(boot: BootFile, environment: ReleaseEnvironment, args: readonly string[], around: AroundStart) {
    this.boot = boot;
    this.environment = environment;
    this.#args = args;
    this.#around = around;
    this.#release = releaseInfo(environment);
  }

  get applications() {
    return [...this.#loaded.values()].map(({ name, version, mode, state }) => ({
      name,
      version,
      mode,
      state,
    }));
  }

  stateOf(application: string): unknown {
    return this.#loaded.get(application)?.value;
  }

  onStopped(listener: () => unknown): void {
    this.#listeners.push(listener);
  }

  async start(): Promise<void> {
    handleSignals(this);
    // Rejections that nobody handles come here as well. They belong to no application: the node ends in every mode.
    process.on('uncaughtException', (error) => this.#crash(errorText(error)));
    for (const instruction of this.boot.instructions) {
      if (this.#stopping !== undefined) return;
      await this.#execute(instruction);
    }
    await this.#prepare();
    if (this.#stopping === undefined)
      await this.#hooks('post_start').catch((error) => this.#crash(errorText(error)));
  }

  async #execute(instruction: Instruction): Promise<void> {
    switch (instruction.do) {
      case 'configure':
        return await this.#configure();
      case 'preload':
        await import(moduleUrl(this.environment.root, instruction.module));
        return;
      case 'link':
        return await importAhead(this.environment, instruction.modules);
      case 'load':
        await this.#prepare();
        return await this.#load(instruction.application);
      case 'start':
        await this.#prepare();
        return await this.#start(instruction.application);
      case 'run':
        await this.#prepare();
        return await this.#run(instruction.program);
    }
  }

  async #configure(): Promise<void> {
    await this.#hooks('pre_configure');
    this.configuration = await loadConfiguration(this.boot, this.environment);
    setReleaseState(this.#release, this.environment, this.configuration);
    await this.#hooks('post_configure');
    await this.#hooks('pre_start');
  }

  /** Once, before the first application. */
  async #prepare(): Promise<void> {
    if (this.#isPrepared) return;
    this.#isPrepared = true;
    await this.#around.beforeApplications?.(this);
  }

  async #load(name: string): Promise<void> {
    const application = this.boot.applications.find((candidate) => candidate.name === name);
    if (application === undefined)
      throw new BootError('INVALID_BOOT_FILE', `boot.json loads ${name} and says nothing of it.`);
    try {
      this.#loaded.set(name, await loadApplication(this.environment.root, application));
    } catch (error) {
      await this.#crash(errorText(error));
    }
  }

  async #start(name: string): Promise<void> {
    const application = this.#loaded.get(name);
    if (application === undefined)
      throw new BootError('INVALID_BOOT_FILE', `boot.json starts ${name} before it is loaded.`);
    try {
      await application.start({
        release: this.#release,
        args: this.#args,
        config: this.configuration[name] ?? {},
        exit: (reason) => this.#ended(application, reason),
      });
    } catch (error) {
      // It was told to stop and did.
      if (this.#stopping !== undefined && (error as Error | undefined)?.name === 'AbortError') return;
      await this.#crash(failureText(`Application ${name} could not start`, error));
    }
  }

  /** A script as its own main: it ends the node when it has nothing left to do, as it would end Node. */
  async #run(program: string): Promise<void> {
    const { runMain } = await import('./run-program.ts');
    this.#running.unref();
    process.once('beforeExit', (code) => void this.stop('command', code));
    this.#script = true;
    runMain(this.environment.root, this.boot, program, this.#args);
  }

  /** The application itself says that it has ended: what that means is said by its mode. */
  #ended(application: RunningApplication, reason: unknown): void {
    if (this.#stopping !== undefined || application.state === 'stopping' || application.state === 'stopped')
      return;
    const isNormal = reason === undefined;
    if (!isNormal) this.#report(failureText(`Application ${application.name} has ended`, reason));
    if (application.mode === 'permanent' || (application.mode === 'transient' && !isNormal)) {
      void this.stop('crash', isNormal ? 0 : 1);
    } else {
      application
        .stop()
        .catch((error) => this.#report(failureText(`Application ${application.name} failed to stop`, error)));
    }
  }

  #crash(text: string): Promise<void> {
    this.#report(text);
    this.#exitCode ||= 1;
    return this.stop('crash', 1);
  }

  stop(reason: StopReason, exitCode = 0): Promise<void> {
    this.#stopping ??= this.#stop(reason, exitCode);
    return this.#stopping;
  }

  async #stop(reason: StopReason, exitCode: number): Promise<void> {
    this.#exitCode ||= exitCode;
    await this.#stopHooks('pre_stop');
    await this.#stopApplications();
    if (this.#script) await this.#stopScript(reason);
    await this.#stopHooks('post_stop');
    for (const listener of this.#listeners) await listener();
    clearInterval(this.#running);
    if (reason !== 'restart') setImmediate(() => process.exit(this.#exitCode));
  }

  async #stopApplications(): Promise<void> {
    const limit = this.boot.shutdownTimeout;
    const late = Symbol('late');
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<typeof late>((resolve) => {
      timer = setTimeout(resolve, limit, late);
    });
    for (const application of [...this.#loaded.values()].reverse()) {
      const stopped = application
        .stop()
        .catch((error) => this.#fail(failureText(`Application ${application.name} failed to stop`, error)));
      if ((await Promise.race([stopped, timeout])) !== late) continue;
      this.#fail(`Application ${application.name} did not stop within ${limit / 1000} s.`);
      break;
    }
    clearTimeout(timer);
  }

  /**
   * A script that listens to SIGTERM gets it, unless that is what stops the node, and its time to end: it ends the
   * process itself, or has nothing left to do.
   */
  async #stopScript(reason: StopReason): Promise<void> {
    const handles = (signal: NodeJS.Signals) => process.listenerCount(signal) > 1;
    if (reason === 'crash' || !(handles('SIGTERM') || handles('SIGINT'))) return;
    if (reason !== 'signal') process.emit('SIGTERM');
    await new Promise<void>((resolve) => {
      process.once('beforeExit', () => resolve());
      setTimeout(() => {
        this.#fail(`The program did not end within ${this.boot.shutdownTimeout / 1000} s.`);
        resolve();
      }, this.boot.shutdownTimeout).unref();
    });
  }

  #fail(text: string): void {
    this.#report(text);
    this.#exitCode ||= 1;
  }

  reloadConfiguration(): Promise<{ readonly changed: readonly string[] }> {
    const result = this.#reload.then(() => this.#reloadConfiguration());
    this.#reload = result.catch(() => {});
    return result;
  }

  async #reloadConfiguration(): Promise<{ readonly changed: readonly string[] }> {
    const before = this.configuration;
    const after = await loadConfiguration(this.boot, this.environment, { isReload: true });
    const { compareConfigurations } = await import('./configuration-changes.ts');
    const differences = compareConfigurations(before, after);
    this.configuration = after;
    setReleaseState(this.#release, this.environment, after);
    for (const difference of differences) await this.#tell(difference);
    return {
      changed: differences.flatMap(({ application, changed, removed }) =>
        [...Object.keys(changed), ...removed].map((key) => `${application}.${key}`),
      ),
    };
  }

  async #tell({ application, config, changed, removed }: ConfigurationDifference): Promise<void> {
    try {
      await this.#loaded.get(application)?.changeConfiguration(config, changed, removed);
    } catch (cause) {
      throw new BootError(
        'CONFIG_CHANGE_FAILED',
        `Application ${application} failed to take its new configuration.`,
        { cause },
      );
    }
  }

  async #hooks(name: HookName): Promise<void> {
    if (this.boot.hooks[name] === undefined) return;
    const { runHooks } = await import('./hooks.ts');
    await runHooks(this.boot, this.environment, name);
  }

  /** A hook that fails keeps nothing from stopping. */
  async #stopHooks(name: HookName): Promise<void> {
    try {
      await this.#hooks(name);
    } catch (error) {
      this.#fail(errorText(error));
    }
  }

  /** Whoever reads what a node prints may be gone: that must not be the next thing to report, and so on for ever. */
  #report(text: string): void {
    const { stderr } = process;
    if (!stderr.listeners('error').includes(ignore)) stderr.on('error', ignore);
    stderr.write(`${this.boot.name}: ${text}\n`);
  }
}

function ignore(): void {}
