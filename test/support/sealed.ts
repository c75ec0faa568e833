import { copyFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { makeProgram } from './programs.ts';
import { run, type Transcript, temporaryDirectory, wrapProgram } from './run.ts';

/**
 * A machine of one's own, as far as files go: /tmp, /var/tmp, /dev/shm, /root and /mnt are empty file systems that nobody
 * else sees and that are gone afterwards. `/mnt/app` is the executable. Needs root.
 */
export interface SealedMachine {
  /**
   * Runs lines of shell as root, in /mnt and without HOME, ending at the first that fails. `as UID COMMAND …` runs a
   * command as that user, with a home of his own in /mnt/home-UID. `id_of EXECUTABLE` prints the id of its install.
   */
  shell(lines: string): Promise<Transcript>;
}

const PRELUDE = `
set -eu
for directory in /tmp /var/tmp /dev/shm; do mount -t tmpfs -o mode=1777 tmpfs "$directory"; done
mount -t tmpfs -o mode=755 tmpfs /mnt
cp "$0" /mnt/app
chmod 755 /mnt/app
cd /mnt
mount -t tmpfs -o mode=700 tmpfs /root
unset HOME XDG_CACHE_HOME TMPDIR
as() {
  user=$1
  shift
  [ -e "/mnt/home-$user" ] || install -d -o "$user" -g "$user" -m 700 "/mnt/home-$user"
  HOME=/mnt/home-$user setpriv --reuid="$user" --regid="$user" --clear-groups --inh-caps=-all "$@"
}
id_of() { "$1" maintenance directory | sed 's/.*-//'; }
`;

export async function sealedMachine(file: string): Promise<SealedMachine> {
  const directory = await temporaryDirectory();
  const app = path.join(directory, 'app');
  await copyFile(file, app);
  const script = path.join(directory, 'script');
  return {
    shell: async (lines) => {
      await writeFile(script, PRELUDE + lines);
      return await run('unshare', ['-m', 'sh', '-c', '. "$1"', app, script]);
    },
  };
}

/** One whose program prints the base that it runs from, and its arguments. */
export async function machineThatPrintsItsBase(name: string): Promise<SealedMachine> {
  const program = await makeProgram(
    { name, bin: 'main.js' },
    {
      'main.js': `
        const { dirname } = require('node:path');
        console.log(dirname(dirname(dirname(dirname(__dirname)))), ...process.argv.slice(2));
      `,
    },
  );
  return await sealedMachine(await wrapProgram(program));
}
