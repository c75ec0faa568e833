import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { type FileHandle, open, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { handOnCapabilities } from './capabilities.ts';

/** What an update that was killed leaves behind is removed by one that comes so many milliseconds later. */
const ABANDONED_AFTER = 60 * 60 * 1000;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A name beside a file that nobody else takes. */
export function temporaryPath(file: string): string {
  const random = randomBytes(8).toString('hex');
  return path.join(path.dirname(file), `.${path.basename(file)}.${random}.update`);
}

/**
 * Has `make` write a new file beside `file`, and `use` it when that lies safely on the disk. Unless it is elsewhere by then it
 * is removed, also by a signal. Throws what the file system and they throw.
 */
export async function withTemporary(
  file: string,
  make: (handle: FileHandle) => Promise<void>,
  use: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = temporaryPath(file);
  const remove = () => rmSync(temporary, { force: true });
  const end = (signal: NodeJS.Signals) => {
    remove();
    process.kill(process.pid, signal);
  };
  for (const signal of SIGNALS) process.once(signal, end);
  try {
    const handle = await open(temporary, 'wx+', 0o700);
    try {
      await make(handle);
      await finish(handle, temporary, file);
    } finally {
      await handle.close();
    }
    await use(temporary);
  } finally {
    for (const signal of SIGNALS) process.off(signal, end);
    remove();
  }
}

/** Gives a new file the rights of the old one, and its owner where that can be; then it is on the disk. */
async function finish(handle: FileHandle, temporary: string, file: string): Promise<void> {
  const { mode, uid, gid } = await stat(file);
  // Only root can: whoever may replace the files of others has them as his own then.
  const isGiven = await handle.chown(uid, gid).then(
    () => true,
    () => false,
  );
  // What is executed as its owner (setuid) is so as that owner only.
  await handle.chmod(mode & (isGiven ? 0o7777 : 0o777));
  await handOnCapabilities(file, temporary);
  await handle.sync();
}

/** Removes what updates of this executable left that were killed. */
export async function removeAbandoned(file: string): Promise<void> {
  const folder = path.dirname(file);
  const [before, after] = [`.${path.basename(file)}.`, '.update'];
  const isOwn = (name: string) =>
    name.startsWith(before) && name.endsWith(after) && name.length === before.length + 16 + after.length;
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter(isOwn)) {
    const found = await stat(path.join(folder, name)).catch(() => undefined);
    if (found === undefined || Date.now() - found.mtimeMs < ABANDONED_AFTER) continue;
    await rm(path.join(folder, name), { force: true }).catch(() => {});
  }
}
