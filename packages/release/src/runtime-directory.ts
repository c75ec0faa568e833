import { constants } from 'node:fs';
import { access, chmod, copyFile, link, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { writeWhole } from './write-whole.ts';

/** A runtime to be put into an assembled release. */
export interface IncludedRuntime {
  /** `24.21.0`. */
  readonly version: string;
  /** Its executable, an absolute path. */
  readonly file: string;
  /** Whether it is for Windows, where it is called `node.exe`. */
  readonly windows: boolean;
}

/** Where a runtime's executable lies in a release: relative to the root, with `/`. */
export function runtimePlace({ version, windows }: Pick<IncludedRuntime, 'version' | 'windows'>): string {
  return `runtime-${version}/${windows ? 'node.exe' : 'bin/node'}`;
}

/** The text of `releases/start.json`; `runtime` is null when the host's Node is used. */
export function startText(version: string, runtime: string | null): string {
  return `${JSON.stringify({ version, runtime }, null, 2)}\n`;
}

/**
 * Puts a runtime into an assembled release and names it in `releases/start.json`. It takes no room on the disk where
 * files can be linked, so the file must not be changed afterwards. Throws what the file system throws.
 */
export async function includeRuntime(root: string, runtime: IncludedRuntime): Promise<void> {
  const place = runtimePlace(runtime);
  await writeWhole(path.join(root, place), (file) => linkOrCopy(runtime.file, file));
  const start = path.join(root, 'releases', 'start.json');
  const { version } = JSON.parse(await readFile(start, 'utf8')) as { version: string };
  await writeWhole(start, (file) => writeFile(file, startText(version, place)));
}

/**
 * Puts a launcher (an absolute path) into an assembled service for the machine it was assembled on, where its boot looks
 * for it. Throws what the file system throws.
 */
export async function includeLauncher(root: string, version: string, launcher: string): Promise<void> {
  await writeWhole(path.join(root, 'releases', version, 'launcher'), async (file) => {
    await copyFile(launcher, file);
    await chmod(file, 0o755);
  });
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    // One that cannot be executed gets another mode here, which a link would give to the original too.
    await access(from, constants.X_OK);
    await link(from, to);
  } catch {
    // Another file system, one without links, a file of another user's: a copy says what is really wrong, if anything.
    await copyFile(from, to, constants.COPYFILE_FICLONE);
    await chmod(to, 0o755);
  }
}
