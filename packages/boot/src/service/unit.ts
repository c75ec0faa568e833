/** A service as a service manager is to know it: what all of them have in common. */
export interface ServiceUnit {
  /** The manager's name for it: that of the node unless the user chose one. */
  readonly name: string;
  /** The release's name. */
  readonly release: string;
  readonly scope: 'user' | 'system';
  /** The executable, or `bin/<name>`: an absolute path. */
  readonly program: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Whether the manager is to keep the state directory; else it is where `mutableDirectory` says. */
  readonly managedState: boolean;
  /** Where the service runs and keeps what outlives its version. */
  readonly mutableDirectory: string;
  /** Milliseconds that the applications have to stop. */
  readonly shutdownTimeout: number;
  /** The user it runs as; undefined: the one that the manager takes. */
  readonly runAs: string | undefined;
}

/** A service manager of one system. */
export interface ServiceManager {
  /** Where the unit's file lies. */
  file(unit: ServiceUnit): string;
  text(unit: ServiceUnit): string;
  /** Directories that the manager expects and does not make. */
  directories(unit: ServiceUnit): readonly string[];
  /** Commands that make a new or changed file known, so that it starts with the system or the session. */
  installing(unit: ServiceUnit): readonly ManagerCommand[];
  /** Commands that stop it, and forget it before its file is removed. */
  removing(unit: ServiceUnit): readonly ManagerCommand[];
  /** Commands after the file was removed. */
  removed(unit: ServiceUnit): readonly ManagerCommand[];
  /** Prints how it is. Its exit code is not zero when it does not run. */
  status(unit: ServiceUnit): ManagerCommand;
  /** What a person types to start it now. */
  starting(unit: ServiceUnit): ManagerCommand;
}

/** A program and its arguments. */
export type ManagerCommand = readonly [file: string, ...args: string[]];

/** In the first lines of every file we write. One without it is somebody else's and is left alone. */
export function ownMark(release: string): string {
  return `Made by "${release} service install"; "${release} service uninstall" removes it.`;
}

/** For whoever looks for what the manager has to know of upgrades. */
export function upgradeMark(release: string): string {
  return `"${release} upgrade" keeps this process for the manager: nothing here is about it.`;
}

/** Makes the state directory that of the user the service runs as. */
export function givingState({ runAs, mutableDirectory }: ServiceUnit): readonly ManagerCommand[] {
  return runAs === undefined ? [] : [['chown', '-R', runAs, mutableDirectory]];
}

/** Milliseconds → whole seconds that the manager waits before it kills: a little longer than the applications have. */
export function stopSeconds({ shutdownTimeout }: ServiceUnit): number {
  return Math.ceil(shutdownTimeout / 1000) + 5;
}
