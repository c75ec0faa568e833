import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { homedir, userInfo } from 'node:os';
import path from 'node:path';
import { temporaryDirectory } from './run.ts';

/** A command that runs what is given to it behind its arguments. */
export type Surroundings = readonly string[];

/** The machine after it was started again: with another boot id, as far as the command can see. Needs `mounts`. */
export async function restarted(): Promise<Surroundings> {
  const id = path.join(await temporaryDirectory(), 'boot_id');
  await writeFile(id, `${randomUUID()}\n`);
  const script = 'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"';
  return ['unshare', '-m', 'sh', '-c', script, id];
}

/** A machine that has no boot id. Needs `mounts`. */
export const WITHOUT_BOOT_ID: Surroundings = [
  ...['unshare', '-m', 'sh', '-c', 'mount -t tmpfs tmpfs /proc/sys/kernel/random && exec "$@"', 'sh'],
];

/**
 * A machine where nobody else has processes: their number, and so that of the calls which look at them, is the same each time.
 * Ends as the command does, by SIGKILL too. Needs `mounts` and `pidNamespaces`.
 */
export const WITHOUT_OTHERS: Surroundings = [
  ...[
    'sh',
    '-c',
    'unshare --mount-proc --pid --fork sh -c "$0" sh "$@"; code=$?; [ $code != 137 ] || kill -9 $$; exit $code',
  ],
  // What is killed has to be another process than the first one, which is not killed by itself.
  '"$@"; exit $?',
];

/**
 * No other place than the one that a variable names will do to unpack into: the home and the directories for temporary files are
 * read-only, but for what the tests made; the Node that runs the tests is where it was. Needs `mounts`.
 */
export function nowhereElse(): Surroundings {
  const homes = [...new Set([homedir(), userInfo().homedir])];
  const script = `
    mount --bind "$0" /mnt
    mount --bind "$1" /media
    for place in ${homes.join(' ')}; do mount -t tmpfs -o mode=755 tmpfs "$place"; done
    for place in /tmp /var/tmp /dev/shm; do mount -t tmpfs -o mode=1777 tmpfs "$place"; done
    mkdir -p "$0" "$1"
    mount --move /mnt "$0"
    mount --move /media "$1"
    for place in ${homes.join(' ')} /tmp /var/tmp /dev/shm; do mount -o remount,ro "$place"; done
    shift
    exec "$@"
  `;
  const kept = [process.env.SARMA_TEST_DIRECTORY!, path.dirname(process.execPath)];
  return ['unshare', '-m', 'sh', '-ec', script, ...kept];
}

/** On one CPU, so that one thread does all, in the same order every time. Linux. */
export function onOneCore(): Surroundings {
  return ['taskset', '-c', oneCore()];
}

/** The number of a CPU that this process may use; files of tests that run at the same time have different ones, if they can. Linux. */
export function oneCore(): string {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]!;
  const cores = list.split(',').flatMap((range) => {
    const [first, last = first] = range.split('-').map(Number) as [number, number?];
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
  return String(cores[Number(process.env.VITEST_POOL_ID) % cores.length]);
}
