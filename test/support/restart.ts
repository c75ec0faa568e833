import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { temporaryDirectory } from './run.ts';

const MOUNTED = 'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"';
const MISSING = 'mount -t tmpfs tmpfs /proc/sys/kernel/random && exec "$@"';

/** A command that runs what is given to it behind its arguments. */
export type Surroundings = readonly [file: string, ...args: readonly string[]];

/** The machine after it was started again: with another boot id, as far as the command can see. Needs `mounts`. */
export async function restarted(): Promise<Surroundings> {
  const id = path.join(await temporaryDirectory(), 'boot_id');
  await writeFile(id, `${randomUUID()}\n`);
  return ['unshare', '-m', 'sh', '-c', MOUNTED, id];
}

/** A machine that has no boot id. Needs `mounts`. */
export const WITHOUT_BOOT_ID: Surroundings = ['unshare', '-m', 'sh', '-c', MISSING, 'sh'];
