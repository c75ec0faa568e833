import type { Configuration, ReleaseInfo, StopContext } from '@sarma/app';
import { loadApplication, type RunningApplication } from './applications.ts';
import type { BootFile, HookName, Instruction } from './boot-file.ts';
import { loadConfiguration } from './configuration.ts';
import type { ReleaseEnvironment } from './environment.ts';
import { BootError } from './error.ts';
import { errorText, failureText } from './error-text.ts';
import { importAhead, moduleUrl } from './modules.ts';
import type { PidFiles } from './ready-made-hooks.ts';
import { releaseInfo, setReleaseState } from './release-state.ts';
import { Changes } from './reload/changes.ts';
import type { LoadedPackages } from './reload/loaded-packages.ts';
import type { ReloadableNode, RunningVersion } from './reload/reloadable-node.ts';
import type { ReloadRecord, ReloadRequest, ReloadResult } from './reload/request.ts';
import type { Handover, NodeState, RunningNode, StopReason } from './running-node.ts';
import type { Script, ScriptEnding } from './script.ts';
import { NEVER_SETTLED, settledSoon } from './settled.ts';
import { handleSignals } from './signals.ts';
import type { Servers } from './sockets/servers.ts';
import { late, seconds, stopApplications, timeShared } from './stop-applications.ts';
import type { Succession } from './upgrade/successor.ts';

/**
 * Executes the instructions of boot.json. Rejects with a BootError where nothing has been started yet (configuration,
 * hooks); an application that fails to start ends the process with exit code 1, in order. `beforeApplications` is called
 * once there is a configuration, before the first application is imported. With `succession` it takes the place of
 * another node.
 */
export async function startNode(
  boot: BootFile,
  environment: ReleaseEnvironment,
  args: readonly string[],
  beforeApplications: (node: RunningNode) => Promise<void>,
  servers: Servers,
  succession: Succession | undefined,
): Promise<RunningNode> {
  const node = new Node(boot, environment, args, beforeApplications, servers, succession);
  await node.start();
  return node;
}

class Node implements ReloadableNode {
  current: RunningVersion;
  loadedPackages: LoadedPackages | undefined;
  readonly args: readonly string[];
  readonly started = new Date();
  readonly servers: Servers;
  handover: Handover | undefined;
  isRestarting = false;
  readonly #beforeApplications: (node: RunningNode) => Promise<void>;
  readonly #succession: Succession | undefined;
  #release: ReleaseInfo | undefined;
  readonly #listeners: ((exitCode: number) => unknown)[] = [];
  /**
   * A node runs until it is stopped, whatever its applications hold open. Until it has started it holds nothing open
   * itself: a start that nothing could ever end is to be seen by that.
   */
  readonly #running = setInterval(() => {}, 2 ** 30).unref();
  #progress: 'starting' | 'started' | 'running' = 'starting';
  #isPrepared = false;
  #mayStart = false;
  #signalListeners: ReadonlySet<unknown> = new Set();
  #script: Script | undefined;
  #stopping: Promise<void> | undefined;
  #exitCode = 0;
  readonly #changes = new Changes(this);
  readonly #pidFiles: PidFiles = { paths: [], isNode: () => this.#succession?.hasTaken !== false };

  constructor(
    boot: BootFile,
    environment: ReleaseEnvironment,
    args: readonly string[],
    beforeApplications: (node: RunningNode) => Promise<void>,
    servers: Servers,
    succession: Succession | undefined,
  ) {
    this.current = { boot, environment, configuration: {}, applications: new Map() };
    this.args = args;
    this.#beforeApplications = beforeApplications;
    this.servers = servers;
    this.#succession = succession;
    this.#release = releaseInfo(environment);
  }

  get boot(): BootFile {
    return this.current.boot;
  }

  get environment(): ReleaseEnvironment {
    return this.current.environment;
  }

  get configuration(): Configuration {
    return this.current.configuration;
  }

  get applications() {
    return this.#loaded.map(({ name, version, mode, state }) => ({
      name,
      version,
      mode,
      state,
    }));
  }

  /** In the order in which they were loaded, which is that in which they start. */
  get #loaded(): RunningApplication[] {
    return [...this.current.applications.values()];
  }

  get state(): NodeState {
    return this.#stopping === undefined ? this.#progress : 'stopping';
  }

  get predecessor() {
    return this.#succession?.predecessor;
  }

  get isExclusive(): boolean {
    return this.#loaded.some(({ isExclusive }) => isExclusive);
  }

  stateOf(application: string): unknown {
    return this.current.applications.get(application)?.value;
  }

  onStopped(listener: (exitCode: number) => unknown): void {
    this.#listeners.push(listener);
  }

  async start(): Promise<void> {
    this.#signalListeners = handleSignals(this);
    // Rejections that nobody handles come here as well. They belong to no application: the node ends in every mode.
    process.on('uncaughtException', (error) => this.#crash(errorText(error)));
    for (const instruction of this.boot.instructions) {
      if (this.#stopping !== undefined) return;
      await this.#execute(instruction);
    }
    await this.#prepare();
    await this.#loadedAll();
    if (this.#stopping !== undefined) return;
    await this.#takeOver();
    if (this.#stopping !== undefined) return;
    if (this.#script === undefined) this.#running.ref();
    this.#progress = 'started';
    await this.#hooks('post_start').catch((error) => this.#crash(errorText(error)));
    if (this.#stopping === undefined) await this.#succession?.settle(this, () => this.#hooks('post_upgrade'));
    this.#progress = 'running';
    if (this.#stopping === undefined) this.#succession?.settled();
  }

  async #execute(instruction: Instruction): Promise<void> {
    switch (instruction.do) {
      case 'configure':
        return await this.#configure();
      case 'preload':
        await settledSoon(
          this.boot,
          instruction.module,
          import(moduleUrl(this.environment.root, instruction.module)),
        );
        return;
      case 'link':
        return await importAhead(this.environment, instruction.modules);
      case 'load':
        await this.#prepare();
        return await this.#load(instruction.application);
      case 'start':
        await this.#prepare();
        await this.#loadedAll();
        return await this.#start(instruction.application);
      case 'run':
        await this.#prepare();
        await this.#loadedAll();
        return await this.#run(instruction.program);
    }
  }

  async #configure(): Promise<void> {
    await this.#hooks('pre_configure');
    const configuration = await loadConfiguration(this.boot, this.environment);
    this.exchange({ ...this.current, configuration });
    await this.#hooks('post_configure');
    await this.#hooks('pre_start');
  }

  /** Once, before the first application. */
  async #prepare(): Promise<void> {
    if (this.#isPrepared) return;
    this.#isPrepared = true;
    await this.#beforeApplications(this);
  }

  /** Before the first start. */
  async #loadedAll(): Promise<void> {
    if (this.#mayStart) return;
    this.#mayStart = true;
    await this.#succession?.loaded(this.isExclusive).catch((error) => this.#crash(errorText(error)));
  }

  async #takeOver(): Promise<void> {
    try {
      if (this.#succession !== undefined)
        await settledSoon(this.boot, 'The health of the applications', this.#checkHealth());
      await this.#succession?.takeOver();
      await this.#writePids();
    } catch (error) {
      await this.#crash(errorText(error));
    }
  }

  async #checkHealth(): Promise<void> {
    for (const application of this.#loaded) await application.checkHealth();
  }

  async #load(name: string): Promise<void> {
    const application = this.boot.applications.find((candidate) => candidate.name === name);
    if (application === undefined)
      throw new BootError('INVALID_BOOT_FILE', `boot.json loads ${name} and says nothing of it.`);
    try {
      const loading = loadApplication(this.environment.root, application);
      const loaded = await settledSoon(this.boot, `The import of application ${name}`, loading);
      this.current = {
        ...this.current,
        applications: new Map(this.current.applications).set(name, loaded),
      };
    } catch (error) {
      await this.#crash(errorText(error));
    }
  }

  async #start(name: string): Promise<void> {
    const application = this.current.applications.get(name);
    if (application === undefined)
      throw new BootError('INVALID_BOOT_FILE', `boot.json starts ${name} before it is loaded.`);
    const neverEnds = () => {
      application.state = 'stopped';
      void this.stop('crash', NEVER_SETTLED);
    };
    process.once('beforeExit', neverEnds);
    try {
      await settledSoon(this.boot, `The start of application ${name}`, this.begin(application));
    } catch (error) {
      // It was told to stop and did.
      if (this.#stopping !== undefined && (error as Error | undefined)?.name === 'AbortError') return;
      await this.#crash(failureText(`Application ${name} could not start`, error));
    } finally {
      process.off('beforeExit', neverEnds);
      if (this.state === 'starting') this.#running.unref();
    }
  }

  begin(application: RunningApplication): Promise<void> {
    return application.start({
      release: this.#release,
      args: this.args,
      config: this.configuration[application.name] ?? {},
      exit: (reason) => this.#ended(application, reason),
      onSignal: () => this.#running.ref(),
    });
  }

  async #run(program: string): Promise<void> {
    const { Script } = await import('./script.ts');
    this.#script = new Script(this, this.#signalListeners);
    this.#script.run(program);
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
    this.#succession?.failed(text);
    this.#exitCode ||= 1;
    return this.stop('crash', 1);
  }

  stop(reason: StopReason, exitCode = 0): Promise<void> {
    // The process ends when its successor does.
    if (this.#stopping === undefined && this.handover?.stop(reason)) return new Promise(() => {});
    if (this.#stopping === undefined && reason !== 'crash') this.#succession?.stopping();
    if (this.#stopping === undefined) this.isRestarting = reason === 'restart';
    // Whoever wants it gone while it restarts has the last word.
    else if (!['restart', 'crash', 'end'].includes(reason)) this.isRestarting = false;
    this.#stopping ??= this.#stop(reason, exitCode);
    return this.#stopping;
  }

  async #stop(reason: StopReason, exitCode: number): Promise<void> {
    this.#exitCode ||= exitCode;
    if (this.#script === undefined) this.#running.ref();
    const endScript = this.#script?.ending(reason);
    const upgrade = this.handover?.over;
    const limit = this.boot.shutdownTimeout;
    const timeLeft = timeShared(limit);
    if (this.isReloading) await Promise.race([this.#changes.reloading, late(limit)]);
    await this.#stopHooks('pre_stop', timeLeft());
    await stopApplications(this.#loaded.reverse(), timeLeft, (text) => this.#fail(text));
    if (endScript !== undefined) await this.#endScript(endScript, timeLeft());
    await this.#stopHooks('post_stop', timeLeft());
    await upgrade;
    for (const listener of this.#listeners) await listener(this.#exitCode);
    clearInterval(this.#running);
    if (!this.isRestarting) setImmediate(() => process.exit(this.#exitCode));
  }

  async stopApplications(context: StopContext): Promise<readonly string[]> {
    const failures: string[] = [];
    const timeLeft = timeShared(this.boot.shutdownTimeout);
    await stopApplications(this.#loaded.reverse(), timeLeft, (text) => failures.push(text), context);
    for (const text of failures) this.#report(text);
    return failures;
  }

  async leave(): Promise<void> {
    for (const listener of this.#listeners) await listener(0);
    clearInterval(this.#running);
  }

  async resume(): Promise<void> {
    await this.#writePids().catch((error) => this.#report(errorText(error)));
  }

  async startAgain(): Promise<void> {
    for (const instruction of this.boot.instructions) {
      if (this.#stopping !== undefined) return;
      if (instruction.do === 'load' || instruction.do === 'start') await this.#execute(instruction);
    }
  }

  async #endScript(end: ScriptEnding, limit: number): Promise<void> {
    const exitCode = await end(limit);
    if (exitCode === undefined) this.#fail(`The program did not end within ${seconds(limit)} s.`);
    else this.#exitCode ||= exitCode;
  }

  #fail(text: string): void {
    this.#report(text);
    this.#exitCode ||= 1;
  }

  reloadConfiguration(): Promise<{ readonly changed: readonly string[] }> {
    return this.#changes.reloadConfiguration();
  }

  reload(request: ReloadRequest): Promise<ReloadResult> {
    return this.#changes.reload(request);
  }

  get isReloading(): boolean {
    return this.#changes.reloading !== undefined;
  }

  get reloads(): readonly ReloadRecord[] {
    return this.#changes.reloads;
  }

  exchange(next: RunningVersion): void {
    this.current = next;
    this.#release = releaseInfo(next.environment);
    setReleaseState(this.#release, next.environment, next.configuration);
  }

  async #hooks(name: HookName, limit?: number): Promise<void> {
    if (this.boot.hooks[name] === undefined) return;
    const { runHooks } = await import('./hooks.ts');
    await runHooks(this.boot, this.environment, name, limit, this.#pidFiles);
  }

  async #writePids(): Promise<void> {
    const { paths } = this.#pidFiles;
    if (paths.length > 0) (await import('./ready-made-hooks.ts')).writePids(paths);
  }

  /** A hook that fails keeps nothing from stopping. */
  async #stopHooks(name: HookName, limit: number): Promise<void> {
    // The node goes on, in its predecessor.
    if (this.#succession?.hasTaken === false) return;
    try {
      await this.#hooks(name, limit);
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
