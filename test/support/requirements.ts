import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { nativeProgramLocation } from '@sarma/stub';

/** What a machine may lack for a test, as a person would say it. */
const CHECKS = {
  root: () => process.getuid?.() === 0,
  /** Mounts that nobody else sees, and that are gone with the process. */
  mounts: () => process.getuid?.() === 0 && spawnSync('unshare', ['-m', 'true']).status === 0,
  /** Layers over a directory, seen by nobody else. */
  overlays: () => {
    const tmpfs = 'mount -t tmpfs tmpfs /mnt && mkdir /mnt/upper /mnt/work';
    const overlay = 'mount -t overlay -o lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work overlay /etc';
    return spawnSync('unshare', ['-m', 'sh', '-c', `${tmpfs} && ${overlay}`]).status === 0;
  },
  /** A first process of one's own, as a container has it. */
  pidNamespaces: () => spawnSync('unshare', ['--pid', '--fork', 'true']).status === 0,
  /** What `unshare --user` makes: a process that is its own root. */
  userNamespaces: () => spawnSync('unshare', ['--user', '--map-root-user', 'true']).status === 0,
  /** FUSE, and Debian's package bindfs, which shows a directory through it. */
  fuse: () => {
    const mount = 'bindfs -o nonempty /usr /mnt && umount /mnt';
    return process.getuid?.() === 0 && spawnSync('unshare', ['-m', 'sh', '-c', mount]).status === 0;
  },
  /** File systems in a file. */
  loops: () => process.getuid?.() === 0 && spawnSync('losetup', ['-f']).status === 0,
  systemd: () => existsSync('/lib/systemd/systemd'),
  strace: () => spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0,
  /** The kernel starts arm64 programs through an emulator (binfmt_misc), so that the stub can execute its Node. */
  arm64: () =>
    process.arch === 'arm64' || spawnSync(nativeProgramLocation('linux-arm64', 'stub')).status === 125,
  /** Debian's package of that name. */
  musl: () => existsSync('/lib/ld-musl-x86_64.so.1'),
  ...tools(
    'chromium',
    'setpriv',
    'choom',
    'chrt',
    'taskset',
    'setcap',
    'setfacl',
    'script',
    'mkfs.btrfs',
    'mkfs.ext4',
    'osslsigncode',
    'openssl',
    'minisign',
    'shellcheck',
    'ruby',
    'pwsh',
    'dash',
    'bash',
    'busybox',
    'zsh',
    'curl',
    'wget',
    'dpkg-deb',
    'llvm-readelf',
    'llvm-readobj',
    'llvm-strip',
    'llvm-objcopy',
    'strip',
    'eu-strip',
    'objcopy',
    'patchelf',
    'afl-fuzz',
    'prlimit',
    'systemd-socket-activate',
  ),
  ...tools('wine', 'qemu-aarch64-static', 'qemu-arm-static', 'qemu-ppc64le-static', 'qemu-s390x-static'),
} as const satisfies Record<string, () => boolean>;

/** True, and a line that says why, if this machine lacks anything; for `test.skipIf`. */
export function lacks(...needed: readonly (keyof typeof CHECKS)[]): boolean {
  const missing = needed.filter((name) => !CHECKS[name]());
  if (missing.length > 0) console.warn(`Skipped, for want of: ${missing.join(', ')}`);
  return missing.length > 0;
}

function tools<Name extends string>(...names: readonly Name[]) {
  return Object.fromEntries(names.map((name) => [name, () => isInstalled(name)])) as Record<
    Name,
    () => boolean
  >;
}

function isInstalled(tool: string): boolean {
  return process.env.PATH!.split(path.delimiter).some((directory) => existsSync(path.join(directory, tool)));
}
