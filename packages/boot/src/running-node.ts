import type { Configuration, StopContext } from '@sarma/app';
import type { ApplicationState } from './applications.ts';
import type { ApplicationMode, BootFile } from './boot-file.ts';
import type { ReleaseEnvironment } from './environment.ts';
import type { ReloadRecord, ReloadRequest, ReloadResult } from './reload/request.ts';
import type { Servers } from './sockets/servers.ts';

/** Why a node stops: somebody said so, a signal came, it failed, or a script has nothing left to do. */
export type StopReason = 'command' | 'restart' | 'crash' | 'end' | StopSignal;

export type StopSignal = 'SIGTERM' | 'SIGINT' | 'SIGHUP';

/**
 * `starting`: configuration is loaded, not every application runs yet. `started`: they do, `post_start` hooks are under
 * way. `running`: all is done. `stopping`: also where a start has failed.
 */
export type NodeState = 'starting' | 'started' | 'running' | 'stopping';

/** The upgrade of a node to another version, from the start of its successor until this process is the node no more. */
export interface Handover {
  readonly to: string;
  /** Of the successor. */
  readonly pid: number;
  /** This node is to stop. True where that is its successor's business. */
  stop(reason: StopReason): boolean;
  /** Settled when it is decided, and where it was given up, nothing of the successor is left. */
  readonly over: Promise<void>;
}

/** The version before, which is the node no more and ends what it has begun. */
export interface RunningPredecessor {
  readonly version: string;
  readonly pid: number;
  /** Milliseconds at most until it stops its applications. */
  readonly timeLeft: number;
  /** Settled when it has ended. */
  readonly gone: Promise<void>;
  /** It is to stop its applications at once. */
  hurry(): void;
}

/** A node that is starting, runs, or stops: what control and commands see of it. */
export interface RunningNode {
  readonly boot: BootFile;
  readonly environment: ReleaseEnvironment;
  /** The words behind the command: those of the applications. */
  readonly args: readonly string[];
  readonly configuration: Configuration;
  readonly started: Date;
  readonly state: NodeState;
  readonly applications: readonly {
    readonly name: string;
    readonly version: string;
    readonly mode: ApplicationMode;
    readonly state: ApplicationState;
  }[];
  /** Whether it stops in order to start again: not any more once somebody wants it gone. */
  readonly isRestarting: boolean;
  readonly servers: Servers;
  /** While the node is upgraded: set by who does that. */
  handover: Handover | undefined;
  /** Of a node that has taken the place of another one, as long as that one ends what it has begun. */
  readonly predecessor: RunningPredecessor | undefined;
  /** Whether one of its applications cannot run beside itself. */
  readonly isExclusive: boolean;
  /** What an application's `start` returned. */
  stateOf(application: string): unknown;
  /**
   * Stops the applications in reverse order. Resolves when everything is stopped; the process then exits with the
   * code, unless it `isRestarting`: then the caller replaces it.
   */
  stop(reason: StopReason, exitCode?: number): Promise<void>;
  /** Stops the applications for a successor: without hooks, and the process goes on. Resolves to what failed of it. */
  stopApplications(context: StopContext): Promise<readonly string[]>;
  /** Takes leave of whoever still speaks to it: the process is the node no more. */
  leave(): Promise<void>;
  /** This process is the node again, after an upgrade that has failed: files that say so name it. */
  resume(): Promise<void>;
  /** Starts them after that: there is no successor. */
  startAgain(): Promise<void>;
  /**
   * Providers and `config/runtime.ts` again; tells the applications. Rejects and changes nothing where there is no new
   * configuration; rejects once all were told where some of them failed to take it.
   */
  reloadConfiguration(): Promise<{ readonly changed: readonly string[] }>;
  /**
   * Takes the code of another version, which boot and environment are those of from then on; not twice at once. Rejects
   * with a BootError.
   */
  reload(request: ReloadRequest): Promise<ReloadResult>;
  /** Whether it is about to. */
  readonly isReloading: boolean;
  /** Those that were done, the oldest first. */
  readonly reloads: readonly ReloadRecord[];
  /** Called once everything is stopped, before the process exits with the code. */
  onStopped(listener: (exitCode: number) => unknown): void;
}
