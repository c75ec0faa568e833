import { dynamicEntries, type Requirements, requirements } from '../executables/elf.ts';
import { type Elf, PT, readElf, readNumber, readString } from '../executables/elf-headers.ts';
import { identify } from '../executables/identify.ts';
import type { NativeFile } from './native-file.ts';
import { abiOf, type Symbols } from './node-abi.ts';
import { type DataImage, registeredVersion } from './node-module.ts';
import { compareVersions } from './versions.ts';

// Object file types (e_type), dynamic tags, and the bit that tells a program from a library (System V ABI, GNU).
const ET_EXEC = 2;
const ET_DYN = 3;
const DT = { RELA: 7, RELASZ: 8, SONAME: 14, FLAGS_1: 0x6ffffffb } as const;
const DF_1_PIE = 0x08000000;

/** Throws MalformedExecutableError. */
export function readNativeElf(file: Buffer): NativeFile {
  const elf = readElf(file);
  const { cpu, libc } = identify(file) ?? { cpu: 'unknown' };
  const needs = requirements(file);
  const type = readNumber(elf, 16, 2);
  const isProgram = type === ET_EXEC || isPositionIndependentProgram(elf, needs);
  const isLoaded = type === ET_EXEC || type === ET_DYN;
  const abi = isLoaded && !isProgram ? abiOf(symbolsOf(elf), () => registeredVersion(imageOf(elf))) : null;
  const os = isOfLinux(elf, needs) ? 'linux' : 'other';
  const glibc = os === 'linux' && libc !== 'musl' ? highest(needs, 'GLIBC_') : null;
  return {
    format: 'elf',
    os,
    kind: !isLoaded ? 'object' : isProgram ? 'executable' : abi !== null ? 'addon' : 'library',
    cpus: [cpu],
    libc: os === 'linux' ? (libc ?? (glibc === null ? null : 'glibc')) : null,
    glibc,
    glibcxx: highest(needs, 'GLIBCXX_'),
    cxxabi: highest(needs, 'CXXABI_'),
    abi,
    macos: null,
  };
}

// Systems (e_ident[EI_OSABI]) that Linux takes: none in particular, and GNU.
const LINUX_SYSTEMS = [0, 3];

/** Android's files are marked with a note; FreeBSD numbers its C library, which Linux never did. */
function isOfLinux(elf: Elf, { libraries }: Requirements): boolean {
  return (
    LINUX_SYSTEMS.includes(elf.file[7]!) &&
    !elf.sections.some(({ name }) => name === '.note.android.ident') &&
    !libraries.some(
      ({ name, versions }) =>
        /^libc\.so\.(7|\d\d)/.test(name) || (name === 'libc.so' && versions.includes('LIBC')),
    )
  );
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
  // Where another C library is in use, too, this one has a version of that name.
  const versions = libraries
    .filter(({ name }) => !name.startsWith('libgcc_s.'))
    .flatMap((library) => library.versions)
    .filter((version) => version.startsWith(prefix) && /^\d/.test(version.slice(prefix.length)))
    .map((version) => version.slice(prefix.length));
  return versions.reduce<string | null>(
    (found, version) => (found === null || compareVersions(found, version) < 0 ? version : found),
    null,
  );
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

/** PF_W, a segment's flag: can be written to. */
const WRITABLE = 2;

function imageOf(elf: Elf): DataImage {
  const { file, bits, littleEndian } = elf;
  const loaded = elf.segments.filter(({ type }) => type === PT.LOAD);
  const offsetOf = (address: number): number | undefined => {
    const segment = loaded.find((one) => one.address <= address && address < one.address + one.fileSize);
    return segment && segment.offset + address - segment.address;
  };
  const relocated = relocatedPointers(elf, offsetOf);
  const data = loaded
    .filter(({ flags }) => (flags & WRITABLE) !== 0)
    .map(({ offset, fileSize }) => ({ offset, size: fileSize }));
  // Without an addend in the table the pointer lies where it is needed.
  const pointerAt = (offset: number) => offsetOf(relocated.get(offset) ?? readNumber(elf, offset, 4));
  return { file, bits, littleEndian, data, pointerAt };
}

/** Offsets of pointers and the addresses that the loader puts there (DT_RELA, of 64-bit files). */
function relocatedPointers(elf: Elf, offsetOf: (address: number) => number | undefined): Map<number, number> {
  const pointers = new Map<number, number>();
  const entries = new Map(dynamicEntries(elf));
  const table = elf.bits === 64 ? offsetOf(entries.get(DT.RELA) ?? -1) : undefined;
  if (table === undefined) return pointers;
  for (let at = table; at < table + (entries.get(DT.RELASZ) ?? 0); at += 24) {
    const offset = offsetOf(readNumber(elf, at, 8));
    const addend = elf.littleEndian ? elf.file.readBigInt64LE(at + 16) : elf.file.readBigInt64BE(at + 16);
    if (offset !== undefined) pointers.set(offset, Number(addend));
  }
  return pointers;
}
