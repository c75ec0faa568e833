import { type Requirements, requirements } from './elf.ts';
import { readElf } from './elf-headers.ts';
import { readSlices } from './fat.ts';
import { CPU_TYPE_ARM64, CPU_TYPE_X86_64, MH_MAGIC_64, readMacho } from './macho-commands.ts';
import { readPe } from './pe-headers.ts';

/** What kind of executable, shared library or addon a file is. */
export interface Identity {
  readonly format: 'elf' | 'pe' | 'macho';
  /** As `process.arch` and target names say it; `universal` for a Mach-O of several, `unknown` otherwise. */
  readonly cpu: string;
  /** From the interpreter or the C library it names; absent where it names neither (static, or not Linux). */
  readonly libc?: 'glibc' | 'musl';
}

/**
 * Tells what a complete file is by its headers; null if it is none of the three formats. Throws
 * MalformedExecutableError if it begins like one and then contradicts itself.
 */
export function identify(file: Buffer): Identity | null {
  if (file.length < 8) return null;
  const magic = file.readUInt32BE(0);
  if (magic === 0x7f454c46) return identifyElf(file);
  if (magic >>> 16 === 0x4d5a) return identifyPe(file);
  if (file.readUInt32LE(0) === MH_MAGIC_64) return identifyMacho(file);
  return readSlices(file, file.length) && { format: 'macho', cpu: 'universal' };
}

// e_machine of the System V ABI and its supplements; what differs by class or byte order is told apart by them.
const ELF_CPU = new Map<string, string>([
  ['21 64 little', 'ppc64le'],
  ['21 64 big', 'ppc64'],
  ['22 64 big', 's390x'],
  ['3 32 little', 'x86'],
  ['40 32 little', 'armv7l'],
  ['62 64 little', 'x64'],
  ['183 64 little', 'arm64'],
  ['243 64 little', 'riscv64'],
  ['258 64 little', 'loong64'],
]);
/** Machine types of "PE Format". */
const PE_CPU = new Map([
  [0x14c, 'x86'],
  [0x8664, 'x64'],
  [0xaa64, 'arm64'],
]);
const MACHO_CPU = new Map([
  [CPU_TYPE_X86_64, 'x64'],
  [CPU_TYPE_ARM64, 'arm64'],
]);

function identifyElf(file: Buffer): Identity {
  const { bits, littleEndian, machine } = readElf(file);
  const cpu = ELF_CPU.get(`${machine} ${bits} ${littleEndian ? 'little' : 'big'}`) ?? 'unknown';
  const libc = libcOf(requirements(file));
  return { format: 'elf', cpu, ...(libc ? { libc } : {}) };
}

function identifyPe(file: Buffer): Identity {
  const { machine } = readPe(file);
  return { format: 'pe', cpu: PE_CPU.get(machine) ?? 'unknown' };
}

function identifyMacho(file: Buffer): Identity {
  const { cpu } = readMacho(file);
  return { format: 'macho', cpu: MACHO_CPU.get(cpu) ?? 'unknown' };
}

/** Executables name the loader, addons only libraries. */
function libcOf({ interpreter, libraries }: Requirements): 'glibc' | 'musl' | undefined {
  const names = [interpreter ?? '', ...libraries.map(({ name }) => name)];
  if (names.some((name) => /ld-musl-|^libc\.musl-|^libc\.so$/.test(name))) return 'musl';
  if (names.some((name) => /\/ld(64)?(-linux.*)?\.so\.\d$|^libc\.so\.6$/.test(name))) return 'glibc';
  return undefined;
}
