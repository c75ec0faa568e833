import { open } from 'node:fs/promises';
import type { Target } from '../targets.ts';

/** What an executable says of the machine that it is for. */
export interface ExecutableFormat {
  readonly os: Target['os'];
  readonly cpu: string;
  readonly libc?: 'glibc' | 'musl';
}

/** `e_machine`, bits and byte order (System V ABI, and the supplements of the processors). */
const ELF_MACHINES: Readonly<Record<string, string>> = {
  '62/64/little': 'x64',
  '3/32/little': 'x86',
  '183/64/little': 'arm64',
  '40/32/little': 'armv7l',
  '21/64/little': 'ppc64le',
  '22/64/big': 's390x',
  '243/64/little': 'riscv64',
  '258/64/little': 'loong64',
};

/** `Machine` of the COFF header (Microsoft, "PE Format"). */
const PE_MACHINES: Readonly<Record<number, string>> = { 34404: 'x64', 43620: 'arm64', 332: 'x86' };

/** `cputype` of the Mach-O header (mach/machine.h). */
const MACHO_CPUS: Readonly<Record<number, string>> = { 16777223: 'x64', 16777228: 'arm64' };

/** Enough for every header that is looked at, and the name of an ELF file's interpreter. */
const HEAD = 4096;

/** The format of an executable, from its first bytes; undefined when it is none that a target could have. */
export async function executableFormat(file: string): Promise<ExecutableFormat | undefined> {
  const head = await readHead(file);
  if (head.length < 64) return undefined;
  if (head.readUInt32BE(0) === 0x7f454c46) return elf(head);
  if (head.readUInt16BE(0) === 0x4d5a) return portable(head);
  if (head.readUInt32LE(0) === 0xfeedfacf) return machO(head);
  return undefined;
}

/** The first 4 KiB of a file, or all of a shorter one. */
export async function readHead(file: string): Promise<Buffer> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD), 0, HEAD, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

export function fits(format: ExecutableFormat, target: ExecutableFormat): boolean {
  return format.os === target.os && format.cpu === target.cpu && format.libc === target.libc;
}

/** `linux-x64`, `linux-x64-musl`. */
export function formatName({ os, cpu, libc }: ExecutableFormat): string {
  return [os, cpu, ...(libc === 'musl' ? [libc] : [])].join('-');
}

function elf(head: Buffer): ExecutableFormat | undefined {
  const bits = head[4] === 2 ? 64 : 32;
  const order = head[5] === 2 ? 'big' : 'little';
  const machine = order === 'big' ? head.readUInt16BE(18) : head.readUInt16LE(18);
  const cpu = ELF_MACHINES[`${machine}/${bits}/${order}`];
  if (cpu === undefined) return undefined;
  return { os: 'linux', cpu, libc: head.includes('/ld-musl-') ? 'musl' : 'glibc' };
}

function portable(head: Buffer): ExecutableFormat | undefined {
  const at = head.readUInt32LE(0x3c);
  if (at + 6 > head.length || head.readUInt32LE(at) !== 0x4550) return undefined;
  const cpu = PE_MACHINES[head.readUInt16LE(at + 4)];
  return cpu === undefined ? undefined : { os: 'win', cpu };
}

function machO(head: Buffer): ExecutableFormat | undefined {
  const cpu = MACHO_CPUS[head.readUInt32LE(4)];
  return cpu === undefined ? undefined : { os: 'darwin', cpu };
}
