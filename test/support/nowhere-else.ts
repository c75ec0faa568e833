import { homedir, userInfo } from 'node:os';

/**
 * A command that starts the one behind it where no other place than the one that a variable names will do to unpack into: the
 * home and the directories for temporary files are read-only, but for what the tests made. For root.
 */
export function nowhereElse(): readonly string[] {
  const homes = [...new Set([homedir(), userInfo().homedir])];
  const script = `
    mount --bind "$0" /mnt
    for place in ${homes.join(' ')}; do mount -t tmpfs -o mode=755 tmpfs "$place"; done
    for place in /tmp /var/tmp /dev/shm; do mount -t tmpfs -o ro,mode=1777 tmpfs "$place"; done
    mkdir -p "$0"
    mount --move /mnt "$0"
    for place in ${homes.join(' ')}; do mount -o remount,ro "$place"; done
    exec "$@"
  `;
  return ['unshare', '-m', 'sh', '-ec', script, process.env.SARMA_TEST_DIRECTORY!];
}
