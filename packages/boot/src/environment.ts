import { existsSync, realpathSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';
import type { BootFile } from './boot-file.ts';
import { BootError } from './error.ts';
import { firstRoot } from './versions/home.ts';

/** What `RELEASE_*` say, or their defaults: read once, at the edge. Paths are absolute. */
export interface ReleaseEnvironment {
  readonly root: string;
  readonly name: string;
  readonly version: string;
  /** What the user called: `bin/kv`, `./kv_linux-x64`. */
  readonly prog: string;
  readonly command: string;
  /** The node's name: two nodes with different names run side by side from one install. */
  readonly node: string;
  readonly distribution: 'none' | 'sname' | 'name';
  readonly mode: 'embedded' | 'interactive';
  /** Where logs, cookie, pid files and `.conf` lie. */
  readonly mutableDirectory: string;
  /** Where `.conf` and other files of the host's own configuration are looked for. */
  readonly configDirectory: string;
  readonly tmp: string;
  /** Nothing is written to `mutableDirectory`. */
  readonly readOnly: boolean;
  /** Set by the user; the file in `mutableDirectory` is used otherwise. */
  readonly cookie: string | undefined;
  readonly sysConfig: string;
  readonly bootFile: string;
  /** The wrapped executable; undefined in a directory. */
  readonly executable: string | undefined;
  /** Started from sources by `sarma run`. */
  readonly isSource: boolean;
}

type Variables = Readonly<Record<string, string | undefined>>;

/**
 * Reads `RELEASE_*` for a release that lies at `root`; those of another release are forgotten by then. `argv` are the
 * words of the command line: the command first. Throws BootError for values that mean nothing (INVALID_VARIABLE) and
 * where no state directory can be found (NO_STATE_DIRECTORY).
 */
export function readEnvironment(
  root: string,
  boot: BootFile,
  argv: readonly string[],
  env: Variables,
): ReleaseEnvironment {
  const isWrapped = existsSync(path.join(root, '.sarma', 'marker'));
  const executable = isWrapped ? env.SARMA_BIN : undefined;
  const { name, version } = boot;
  const mutableDirectory = env.RELEASE_MUTABLE_DIR
    ? path.resolve(env.RELEASE_MUTABLE_DIR)
    : stateDirectory(root, boot, isWrapped, env);
  return {
    root,
    // Those of the boot.json that is there, whatever RELEASE_NAME (Helm has one too) and RELEASE_VSN say.
    name,
    version,
    prog: env.RELEASE_PROG || executable || path.join('bin', name),
    // A child of a node inherits the RELEASE_COMMAND of that one.
    command: argv[0] || env.RELEASE_COMMAND || 'start',
    node: nodeName(env.RELEASE_NODE || name),
    distribution: oneOf('RELEASE_DISTRIBUTION', env.RELEASE_DISTRIBUTION, ['sname', 'name', 'none']),
    mode: oneOf('RELEASE_MODE', env.RELEASE_MODE, ['embedded', 'interactive']),
    mutableDirectory,
    configDirectory: env.RELEASE_CONFIG_DIR ? path.resolve(env.RELEASE_CONFIG_DIR) : mutableDirectory,
    tmp: env.RELEASE_TMP ? path.resolve(env.RELEASE_TMP) : path.join(mutableDirectory, 'tmp'),
    readOnly: isSet(env.RELEASE_READ_ONLY),
    cookie: env.RELEASE_COOKIE || undefined,
    sysConfig: env.RELEASE_SYS_CONFIG
      ? path.resolve(env.RELEASE_SYS_CONFIG)
      : path.join(root, boot.configuration.sys),
    bootFile: env.RELEASE_BOOT_SCRIPT
      ? path.resolve(env.RELEASE_BOOT_SCRIPT)
      : path.join(root, 'releases', version, 'boot.json'),
    executable,
    isSource: boot.source === true,
  };
}

/** `RELEASE_*` as hooks and children of this node see them. The cookie is a secret and not among them unless it was set. */
export function releaseVariables(environment: ReleaseEnvironment): Record<string, string> {
  return {
    RELEASE_ROOT: environment.root,
    RELEASE_NAME: environment.name,
    RELEASE_VSN: environment.version,
    RELEASE_PROG: environment.prog,
    RELEASE_COMMAND: environment.command,
    RELEASE_NODE: environment.node,
    RELEASE_DISTRIBUTION: environment.distribution,
    RELEASE_MODE: environment.mode,
    RELEASE_MUTABLE_DIR: environment.mutableDirectory,
    RELEASE_CONFIG_DIR: environment.configDirectory,
    RELEASE_TMP: environment.tmp,
    RELEASE_SYS_CONFIG: environment.sysConfig,
    RELEASE_BOOT_SCRIPT: environment.bootFile,
  };
}

/**
 * A release that was started by another one inherits what that one said about itself: none of it counts here, nor for
 * what this one starts.
 */
export function forgetOtherRelease(root: string, env: NodeJS.ProcessEnv): void {
  if (!env.RELEASE_ROOT || isSameDirectory(firstRoot(env.RELEASE_ROOT), firstRoot(root))) return;
  for (const name of Object.keys(env)) if (name.startsWith('RELEASE_')) delete env[name];
}

const PATHS = [
  'RELEASE_MUTABLE_DIR',
  'RELEASE_CONFIG_DIR',
  'RELEASE_TMP',
  'RELEASE_SYS_CONFIG',
  'RELEASE_BOOT_SCRIPT',
  'RELEASE_VM_ARGS',
  'RELEASE_REMOTE_VM_ARGS',
] as const;

/** Several may stand in one of these, as in `PATH`. */
const PATH_LISTS = ['CONFORM_CONF_PATH', 'CONFORM_SCHEMA_PATH'] as const;

/**
 * Paths are relative to the working directory of the command that got them: a daemon has another one, and a restart may
 * have. `RELEASE_BASE_DIR` keeps the first, since env.sh says the same relative path again in each process.
 */
export function makePathsAbsolute(env: NodeJS.ProcessEnv): void {
  for (const name of [...PATHS, ...PATH_LISTS]) {
    const isList = (PATH_LISTS as readonly string[]).includes(name);
    const given = (isList ? env[name]?.split(path.delimiter) : [env[name]]) ?? [];
    if (given.every((one) => !one || path.isAbsolute(one))) continue;
    env.RELEASE_BASE_DIR ||= process.cwd();
    const base = env.RELEASE_BASE_DIR;
    env[name] = given.map((one) => one && path.resolve(base, one)).join(path.delimiter);
  }
}

function isSameDirectory(one: string, other: string): boolean {
  if (one === other) return true;
  try {
    return realpathSync(one) === realpathSync(other);
  } catch {
    return false;
  }
}

/** Where a release keeps what outlives its version. */
function stateDirectory(root: string, { name, kind }: BootFile, isWrapped: boolean, env: Variables): string {
  if (!isWrapped) return path.join(firstRoot(root), 'var');
  // systemd's StateDirectory=: several are separated by colons, the first is the unit's main one.
  const [systemd] = env.STATE_DIRECTORY?.split(':') ?? [];
  if (systemd) return systemd;
  const states = userStates(env);
  if (states !== undefined) return path.join(states, name);
  // A program may never need it, and must run without. Not in the temporary directory, where it is anybody's to make.
  if (kind === 'cli') return path.join(root, 'var');
  throw new BootError(
    'NO_STATE_DIRECTORY',
    `There is no place for the state of ${name} (logs, cookie): neither HOME nor an entry of this user says where its home is. Set RELEASE_MUTABLE_DIR to a directory.`,
  );
}

/** Where the programs of this user keep their state, by the custom of the system. */
function userStates(env: Variables): string | undefined {
  if (process.platform === 'win32') return env.LOCALAPPDATA || undefined;
  // The XDG specification says that relative paths are to be ignored.
  if (env.XDG_STATE_HOME && path.isAbsolute(env.XDG_STATE_HOME)) return env.XDG_STATE_HOME;
  const home = homeDirectory(env);
  if (home === undefined) return undefined;
  return path.join(home, process.platform === 'darwin' ? 'Library/Application Support' : '.local/state');
}

/** `HOME`, unless it belongs to somebody else, as after `sudo`: then the home of the user whose rights we have. */
function homeDirectory(env: Variables): string | undefined {
  const home = env.HOME && path.isAbsolute(env.HOME) ? env.HOME : undefined;
  if (home !== undefined && isOwn(home)) return home;
  try {
    const { homedir } = userInfo();
    return path.isAbsolute(homedir) ? homedir : home;
  } catch {
    // No entry in the password database, as for the numeric users of containers.
    return home;
  }
}

function isOwn(directory: string): boolean {
  try {
    return statSync(directory).uid === process.geteuid?.();
  } catch {
    return false;
  }
}

function nodeName(name: string): string {
  // It becomes part of file names and, with `name`, of an address.
  if (/^[A-Za-z0-9_.@-]+$/.test(name) && !name.startsWith('.')) return name;
  throw new BootError(
    'INVALID_VARIABLE',
    `RELEASE_NODE is ${JSON.stringify(name)}; it may hold letters, digits, and _ . @ - (not first a dot).`,
  );
}

/** One of the values that a variable may have; the first where it is not set. */
function oneOf<const Value extends string>(
  variable: string,
  given: string | undefined,
  values: readonly [Value, ...Value[]],
): Value {
  const found = given ? values.find((value) => value === given) : values[0];
  if (found !== undefined) return found;
  throw new BootError(
    'INVALID_VARIABLE',
    `${variable} is ${JSON.stringify(given)}; it may be ${values.join(', ')}.`,
  );
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && !['', '0', 'false', 'no', 'off'].includes(value.toLowerCase());
}
