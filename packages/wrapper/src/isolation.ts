import { spawnSync } from 'node:child_process';

/** A command line that starts a program where a machine is as it is but for some directories. */
export interface Isolation {
  /** Where the program finds `work`. */
  readonly work: string;
  /** Program and arguments; what is to be started there follows. */
  readonly command: readonly [string, ...string[]];
}

/** In the new root, and no name that a system has. */
const WORK = '/start-check';

/**
 * A root of its own in a mount namespace: everything that this machine's has, an empty directory over each hidden one, and
 * `work`. All of it goes with the process. The root's owner is who starts the program, as the stub demands of what lies
 * above an install; of other directories a namespace of users would say that they belong to nobody.
 */
const SCRIPT = `
set -eu
root=$1 work=$2 uid=$3 gid=$4
shift 4
mount -t tmpfs -o mode=755 tmpfs "$root"
for entry in /* /.[!.]*; do
  if [ -L "$entry" ]; then cp -P "$entry" "$root$entry"
  elif [ -d "$entry" ]; then mkdir "$root$entry"; mount --rbind "$entry" "$root$entry"
  fi
done
while [ "$1" != -- ]; do
  mount -t tmpfs -o mode=755 tmpfs "$root$1"
  shift
done
shift
mkdir "$root${WORK}" "$root/.old"
mount --bind "$work" "$root${WORK}"
cd "$root"
pivot_root . .old
cd ${WORK}/empty
umount -l /.old
rmdir /.old
[ "$uid" = 0 ] || exec unshare -U --map-user="$uid" --map-group="$gid" env -i HOME=${WORK}/home "$@"
exec env -i HOME=${WORK}/home "$@"
`;

/**
 * For a program that is to see nothing of the `hidden` directories (absolute, no links in them), starts in `work`/empty with
 * `work`/home as its HOME and no other variable; `work`/root is an empty directory. Undefined where the system has no mount
 * namespaces or does not let this user have one.
 */
export function isolation(work: string, hidden: readonly string[]): Isolation | undefined {
  if (process.platform !== 'linux' || hidden.includes('/')) return undefined;
  const [uid, gid] = [process.getuid!(), process.getgid!()];
  const place = [`${work}/root`, work, String(uid), String(gid)];
  const command = [
    'unshare',
    uid === 0 ? '-m' : '-Urm',
    'sh',
    '-c',
    SCRIPT,
    'sh',
    ...place,
    ...hidden,
    '--',
  ] as const;
  const { status } = spawnSync(command[0], [...command.slice(1), 'true'], {
    env: ISOLATION_ENVIRONMENT,
    stdio: 'ignore',
  });
  return status === 0 ? { work: WORK, command: [...command] } : undefined;
}

/** What the tools of the script are found by; the program gets none of it. */
export const ISOLATION_ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } as const;

/** For a program that is started without isolation. Windows cannot load its own libraries without the first of these. */
export function bareEnvironment(home: string): Record<string, string> {
  if (process.platform !== 'win32') return { HOME: home };
  return {
    SystemRoot: process.env.SystemRoot!,
    USERPROFILE: home,
    LOCALAPPDATA: home,
    TEMP: home,
    TMP: home,
  };
}
