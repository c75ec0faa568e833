import { access, constants, mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { type Contents, contentSize } from './contents.ts';
import { isPkgExecutable } from './engines/pkg-mark.ts';
import { isOwnExecutable } from './executable-file.ts';
import { IntegrityError } from './runtimes/errors.ts';
import type { Target } from './targets.ts';
import { writeWhole } from './write-whole.ts';

export class OutputError extends Error {
  override readonly name = 'OutputError';
  readonly code: 'OUTPUT_IS_DIRECTORY' | 'OUTPUT_IS_FILE' | 'OUTPUT_IS_FOREIGN' | 'OUTPUT_NOT_WRITABLE';
  constructor(code: OutputError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * Where each program of each target goes: `output` names the file when there is just one and `output` is no directory
 * (it does not exist as one and does not end in a slash); else it names the directory. Throws OutputError.
 */
export async function outputPaths(
  output: string,
  programs: readonly string[],
  targets: readonly Target[],
): Promise<(program: string, target: Target) => string> {
  if (await isNamedFile(output, programs, targets)) return () => path.resolve(output);
  const found = await stat(output).catch(() => undefined);
  if (found !== undefined && !found.isDirectory()) {
    throw new OutputError(
      'OUTPUT_IS_FILE',
      `${output} is a file, but ${programs.length * targets.length} executables are built; name a folder with -o.`,
    );
  }
  return (program, target) => path.resolve(output, executableName(program, target));
}

/** In a folder with those of other programs and targets. */
export function executableName(program: string, { name, os }: Target): string {
  return `${program}_${name}${os === 'win' ? '.exe' : ''}`;
}

/** Whether `output` is the name of the one executable that is built; else it names a directory. */
export async function isNamedFile(
  output: string,
  programs: readonly string[],
  targets: readonly Target[],
): Promise<boolean> {
  if (programs.length * targets.length !== 1 || /[/\\]$/.test(output)) return false;
  const found = await stat(output).catch(() => undefined);
  return !found?.isDirectory() && path.basename(output) !== 'burrito_out';
}

/**
 * Throws OutputError when there is something by that name which is no executable of ours, and so not ours to replace,
 * and when nothing can be written there.
 */
export async function checkReplaceable(file: string): Promise<void> {
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) return await checkFolder(file, path.dirname(file));
  if (found.isDirectory()) {
    throw new OutputError('OUTPUT_IS_DIRECTORY', `${file} is a directory; remove it or choose another -o.`);
  }
  if (!found.isFile() || !((await isOwnExecutable(file)) || (await isPkgExecutable(file)))) {
    throw new OutputError(
      'OUTPUT_IS_FOREIGN',
      `${file} exists and was not made by Sarma; remove it or choose another -o.`,
    );
  }
  await checkFolder(file, path.dirname(file));
}

/** Of folders that are yet to be made, the one that they would be made in decides. */
async function checkFolder(file: string, folder: string): Promise<void> {
  const cannot = (reason: string, cause?: unknown) =>
    new OutputError('OUTPUT_NOT_WRITABLE', `${file} cannot be written: ${reason}; choose another -o.`, {
      cause,
    });
  try {
    if (!(await stat(folder)).isDirectory()) throw cannot(`${folder} is a file`);
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const parent = path.dirname(folder);
    if ((code === 'ENOENT' || code === 'ENOTDIR') && parent !== folder)
      return await checkFolder(file, parent);
    if (cause instanceof OutputError) throw cause;
    throw cannot(`${folder} is ${code === 'EROFS' ? 'read-only' : 'not yours to write to'} (${code})`, cause);
  }
}

/** Writes an executable so that its name never holds half of one. Returns whether an older file was replaced. Throws OutputError and IntegrityError. */
export async function writeExecutable(file: string, contents: Contents): Promise<boolean> {
  const previous = await stat(file).catch(() => undefined);
  try {
    await mkdir(path.dirname(file), { recursive: true });
    await writeWhole(file, contents, 0o755);
  } catch (cause) {
    if (cause instanceof IntegrityError) throw cause;
    throw notWritable(file, contentSize(contents), cause);
  }
  return previous !== undefined;
}

/** What is said when an executable of so many bytes cannot be put where it should be. */
export function notWritable(file: string, bytes: number, cause: unknown): OutputError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const reason = code === 'ENOSPC' || code === 'EDQUOT' ? `no space left for ${bytes} bytes` : message;
  return new OutputError('OUTPUT_NOT_WRITABLE', `${file} could not be written: ${reason}.`, { cause });
}
