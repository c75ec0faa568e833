// Whom a directory belongs to does not always show in its owner and mode: access lists, user namespaces and FUSE disguise it
// (promise P10).
import { beforeAll, describe, expect, test } from 'vitest';
import { plant } from './support/planted.ts';
import { lacks } from './support/requirements.ts';
import { machineThatPrintsItsBase, type SealedMachine } from './support/sealed.ts';

let machine: SealedMachine;

beforeAll(async () => {
  machine = await machineThatPrintsItsBase('planted');
});

describe.skipIf(lacks('mounts', 'setpriv'))('what others have planted is not executed from', () => {
  test.skipIf(lacks('setfacl'))('a directory that an access list lets another user write to', async () => {
    const { stdout, stderr } = await machine.shell(`
      echo 'own:x:1234:1234::/mnt/home-1234:/bin/sh' >passwd
      echo 'own:x:1234:' >group
      for file in passwd group; do mount --bind $file /etc/$file; done
      ${plant('/mnt/base')} chown -R 1234:1234 /mnt/base; chmod 775 /mnt/base
      as 1234 env SARMA_CACHE_DIR=/mnt/base ./app
      setfacl -m u:666:rwx /mnt/base
      as 1234 env SARMA_CACHE_DIR=/mnt/base ./app
    `);
    // A group that nobody else is in is oneself; the list shows in the mode as the group's rights.
    expect({ stdout, stderr }).toEqual({ stdout: 'planted\n/mnt/home-1234/.cache/sarma\n', stderr: '' });
  });

  test.skipIf(lacks('userNamespaces'))(
    'a directory of another user in /var/tmp that looks like one of root in a user namespace',
    async () => {
      const { stdout, stderr } = await machine.shell(`
        for user in 0 65534; do ${plant('/var/tmp/sarma-$user')} done
        chown -R 666:666 /var/tmp/sarma-*
        as 1234 env -u HOME unshare --user --map-root-user ./app
        as 1234 ./app
        as 1234 unshare --user --map-root-user ./app
        as 1234 unshare --user ./app
        as 1234 env -u HOME unshare --user ./app
      `);
      expect(stderr).toBe('');
      expect(stdout).toBe(`/tmp/sarma-0\n${'/mnt/home-1234/.cache/sarma\n'.repeat(3)}/tmp/sarma-65534\n`);
    },
  );

  test.skipIf(lacks('fuse'))(
    'a FUSE file system of another user in /var/tmp, which shows what owners he likes',
    async () => {
      const { stdout, stderr } = await machine.shell(`
        ${plant('/mnt/evil')}
        install -d -o 666 /var/tmp/sarma-1234
        trap 'umount /var/tmp/sarma-1234' EXIT
        bindfs -o allow_other --force-user=1234 /mnt/evil /var/tmp/sarma-1234
        stat -c %u /var/tmp/sarma-1234
        as 1234 env -u HOME ./app
      `);
      expect({ stdout, stderr }).toEqual({ stdout: '1234\n/tmp/sarma-1234\n', stderr: '' });
    },
  );
});
