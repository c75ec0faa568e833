import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ReleaseEnvironment } from '../environment.ts';
import { BootError } from '../error.ts';

/**
 * Where cookie and node records lie: the state directory. With RELEASE_READ_ONLY nothing may be written there, and it
 * is a directory of this user for this state directory.
 */
export function controlDirectory({ readOnly, mutableDirectory }: ReleaseEnvironment): string {
  if (!readOnly) return mutableDirectory;
  const [first] = runtimeDirectories(process.env);
  // Loaded here only: it would cost every start milliseconds.
  const { createHash } = process.getBuiltinModule('node:crypto');
  return path.join(first, createHash('sha256').update(mutableDirectory).digest('hex').slice(0, 16));
}

/**
 * The directories that have to be this user's alone, from above: whoever may write to one could put another in the
 * place of the next. The state directory itself is where the user wants it.
 */
export function privateDirectories(environment: ReleaseEnvironment): readonly string[] {
  const directory = controlDirectory(environment);
  const nodes = path.join(directory, 'nodes');
  return environment.readOnly ? [path.dirname(directory), directory, nodes] : [nodes];
}

/** The file system's own words about that directory, in a sentence; whatever else went wrong comes back as it is. */
export function controlDirectoryError(error: unknown, environment: ReleaseEnvironment): unknown {
  const { syscall, message } = error as NodeJS.ErrnoException;
  if (error instanceof BootError || syscall === undefined) return error;
  const variable = environment.readOnly ? 'TMPDIR' : 'RELEASE_MUTABLE_DIR';
  return new BootError(
    'UNUSABLE_STATE_DIRECTORY',
    `${environment.node} can keep nothing in ${controlDirectory(environment)}: ${message}. ${variable} names another directory.`,
  );
}

/** Directories of this user for what lives no longer than the machine runs; the first is the best. */
export function runtimeDirectories(env: NodeJS.ProcessEnv): readonly [string, ...string[]] {
  const user = `sarma-${process.geteuid?.() ?? env.USERNAME ?? ''}`;
  const temporary = path.join(tmpdir(), user);
  // $TMPDIR may be too long for a socket, as on macOS.
  const shared = process.platform === 'win32' ? [] : [path.join('/tmp', user)];
  const runtime = env.XDG_RUNTIME_DIR;
  if (runtime !== undefined && path.isAbsolute(runtime))
    return [path.join(runtime, 'sarma'), temporary, ...shared];
  return [temporary, ...shared];
}
