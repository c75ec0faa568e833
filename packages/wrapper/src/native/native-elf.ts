import { dynamicEntries, type Requirements, requirements } from '../executables/elf.ts';
import { type Elf, readElf, readNumber, readString } from '../executables/elf-headers.ts';
import { identify } from '../executables/identify.ts';
import type { NativeFile } from './native-file.ts';
import { abiOf, type Symbols } from './node-abi.ts';

// Object file types (e_type), dynamic tags, and the bit that tells a program from a library (System V ABI, GNU).
const ET_EXEC = 2;
const ET_DYN = 3;
const DT = { SONAME: 14, FLAGS_1: 0x6ffffffb } as const;
const DF_1_PIE = 0x08000000;

/** Throws MalformedExecutableError. */
export function readNativeElf(file: Buffer): NativeFile {
  const elf = readElf(file);
  const { cpu, libc } = identify(file) ?? { cpu: 'unknown' };
  const needs = requirements(file);
  const type = readNumber(elf, 16, 2);
  const isProgram = type === ET_EXEC || isPositionIndependentProgram(elf, needs);
  const isLoaded = type === ET_EXEC || type === ET_DYN;
  const abi = isLoaded && !isProgram ? abiOf(symbolsOf(elf), () => null) : null;
  const glibc = highest(needs, 'GLIBC_');
  return {
    format: 'elf',
    kind: !isLoaded ? 'object' : isProgram ? 'executable' : abi !== null ? 'addon' : 'library',
    cpus: [cpu],
    libc: libc ?? (glibc === null ? null : 'glibc'),
    glibc,
    glibcxx: highest(needs, 'GLIBCXX_'),
    cxxabi: highest(needs, 'CXXABI_'),
    abi,
    macos: null,
  };
}

/** Has a loader, or is marked; libraries that can also be run (the C library) have a name to be linked by. */
function isPositionIndependentProgram(elf: Elf, { interpreter }: Requirements): boolean {
  const entries = dynamicEntries(elf);
  const flags = entries.find(([tag]) => tag === DT.FLAGS_1)?.[1] ?? 0;
  const isLibrary = entries.some(([tag]) => tag === DT.SONAME);
  return (flags & DF_1_PIE) !== 0 || (interpreter !== null && !isLibrary);
}

/** The highest of the versions that begin so: `2.28` of `GLIBC_2.17` and `GLIBC_2.28`. */
function highest({ libraries }: Requirements, prefix: string): string | null {
  const versions = libraries
    .flatMap((library) => library.versions)
    .filter((version) => version.startsWith(prefix) && /^\d/.test(version.slice(prefix.length)))
    .map((version) => version.slice(prefix.length));
  return versions.reduce<string | null>(
    (found, version) => (found === null || compareVersions(found, version) < 0 ? version : found),
    null,
  );
}

/** By their numbers: negative if `a` is the lower one. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number)) as [number[], number[]];
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** SHT_DYNSYM, and the layouts of a symbol in it (System V ABI, "Symbol Table"). */
const SHT_DYNSYM = 11;
const SYMBOL = {
  32: { section: 14, value: 4, length: 16 },
  64: { section: 6, value: 8, length: 24 },
} as const;

/** The dynamic symbols; none where the file has no section table. */
function symbolsOf(elf: Elf): Symbols {
  const imports = new Set<string>();
  const exports = new Set<string>();
  const field = SYMBOL[elf.bits];
  for (const table of elf.sections.filter(({ type }) => type === SHT_DYNSYM)) {
    const strings = elf.sections[table.link]?.offset ?? 0;
    for (let at = table.offset; at + field.length <= table.offset + table.size; at += field.length) {
      const name = readString(elf.file, strings + readNumber(elf, at, 4));
      const isUndefined = readNumber(elf, at + field.section, 2) === 0;
      if (name !== '') (isUndefined ? imports : exports).add(name);
    }
  }
  return { imports, exports };
}
