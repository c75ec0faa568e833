import { closeSync, openSync, readSync } from 'node:fs';

/** What a program is for, in the words of targets.json. */
export interface System {
  readonly os: 'linux' | 'darwin' | 'win';
  readonly cpu: string;
  /** Undefined where there is but one, or none. */
  readonly libc?: 'glibc' | 'musl' | undefined;
}

/** That of this process. No file is read for it: the runtime may be in memory, or be another user's by now. */
export function ownSystem(): System {
  const os = process.platform === 'win32' ? 'win' : process.platform === 'darwin' ? 'darwin' : 'linux';
  const cpu = CPUS[process.arch] ?? process.arch;
  return os === 'linux' ? { os, cpu, libc: ownLibc() } : { os, cpu };
}

const CPUS: Readonly<Record<string, string>> = { arm: 'armv7l', ppc64: 'ppc64le' };

function ownLibc(): System['libc'] {
  const report = process.report as typeof process.report & { excludeNetwork: boolean };
  // Looking up the names of open connections may take seconds.
  report.excludeNetwork = true;
  const { header } = report.getReport() as { readonly header: { readonly glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime === undefined ? 'musl' : 'glibc';
}

/** `linux-x64-musl`. */
export function systemName({ os, cpu, libc }: System): string {
  return `${os}-${cpu}${libc === 'musl' ? '-musl' : ''}`;
}

/** Of an executable file, by its headers; undefined where it is none. */
export function systemOf(file: string): System | undefined {
  const head = Buffer.alloc(4096);
  const descriptor = openSync(file, 'r');
  try {
    const length = readSync(descriptor, head, 0, head.length, 0);
    const bytes = head.subarray(0, length);
    if (bytes.toString('latin1', 0, 4) === '\x7fELF') return elf(bytes);
    // Mach-O of 64 bits: MH_MAGIC_64, then cputype.
    if (length > 8 && bytes.readUInt32LE(0) === 0xfeedfacf)
      return { os: 'darwin', cpu: bytes.readUInt32LE(4) === 0x0100000c ? 'arm64' : 'x64' };
    if (bytes.toString('latin1', 0, 2) === 'MZ') return { os: 'win', cpu: 'x64' };
    return undefined;
  } finally {
    closeSync(descriptor);
  }
}

/** e_machine of the System V ABI. */
const MACHINES: Readonly<Record<number, string>> = {
  21: 'ppc64le',
  22: 's390x',
  40: 'armv7l',
  62: 'x64',
  183: 'arm64',
};

function elf(bytes: Buffer): System {
  const isBig = bytes[5] === 2;
  const machine = isBig ? bytes.readUInt16BE(18) : bytes.readUInt16LE(18);
  // The path of the loader (PT_INTERP) lies right behind the headers.
  const libc = bytes.includes('/ld-musl-') ? 'musl' : bytes.includes('/ld') ? 'glibc' : undefined;
  return { os: 'linux', cpu: MACHINES[machine] ?? `machine ${machine}`, libc };
}
