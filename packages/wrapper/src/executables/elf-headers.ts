import { MalformedExecutableError } from './errors.ts';

// Layouts from the System V ABI, "ELF Header", "Sections" and "Program Header", for both classes.
export const HEADER = {
  32: { phoff: 28, shoff: 32, phentsize: 42, phnum: 44, shentsize: 46, shnum: 48, shstrndx: 50, length: 52 },
  64: { phoff: 32, shoff: 40, phentsize: 54, phnum: 56, shentsize: 58, shnum: 60, shstrndx: 62, length: 64 },
} as const;
const SEGMENT = {
  32: { flags: 24, offset: 4, address: 8, fileSize: 16, memorySize: 20, length: 32 },
  64: { flags: 4, offset: 8, address: 16, fileSize: 32, memorySize: 40, length: 56 },
} as const;
export const SECTION = {
  32: {
    flags: 8,
    address: 12,
    offset: 16,
    size: 20,
    link: 24,
    info: 28,
    alignment: 32,
    entrySize: 36,
    length: 40,
  },
  64: {
    flags: 8,
    address: 16,
    offset: 24,
    size: 32,
    link: 40,
    info: 44,
    alignment: 48,
    entrySize: 56,
    length: 64,
  },
} as const;

/** Segment types (p_type). */
export const PT = { LOAD: 1, DYNAMIC: 2, INTERP: 3 } as const;
/** Section types (sh_type). */
export const SHT = {
  NULL: 0,
  PROGBITS: 1,
  SYMTAB: 2,
  STRTAB: 3,
  RELA: 4,
  NOBITS: 8,
  REL: 9,
  GROUP: 17,
  SYMTAB_SHNDX: 18,
} as const;
/** Section flags (sh_flags). */
export const SHF = { WRITE: 1, ALLOC: 2, EXECINSTR: 4, INFO_LINK: 0x40 } as const;

/** A program header; offsets and sizes in bytes. */
export interface Segment {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly address: number;
  readonly fileSize: number;
  readonly memorySize: number;
}

/** A section header; `link` and `info` are the raw fields, section indices where the type says so. */
export interface Section {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly address: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
  readonly info: number;
  readonly alignment: number;
  readonly entrySize: number;
}

/** The tables of an ELF file. */
export interface Elf {
  readonly file: Buffer;
  readonly bits: 32 | 64;
  readonly littleEndian: boolean;
  readonly machine: number;
  readonly segments: readonly Segment[];
  /** Empty if the file has no section table, else the first is the null section. */
  readonly sections: readonly Section[];
  /** Index of the section that holds the section names; 0 if there is none. */
  readonly namesIndex: number;
  /** End of the ELF header and the program headers, where these follow it. */
  readonly headersEnd: number;
  /** End of what a loader needs: headers and every segment's bytes. */
  readonly loadedEnd: number;
}

/** Reads an unsigned number of 1, 2, 4 or 8 bytes. */
type Read = (at: number, bytes: number) => number;

function reader(file: Buffer, littleEndian: boolean): Read {
  return (at, bytes) => {
    if (at < 0 || at + bytes > file.length) throw malformed(`it ends before offset ${at + bytes}`);
    if (bytes < 8) return littleEndian ? file.readUIntLE(at, bytes) : file.readUIntBE(at, bytes);
    const value = Number(littleEndian ? file.readBigUInt64LE(at) : file.readBigUInt64BE(at));
    if (!Number.isSafeInteger(value)) throw malformed(`the number at ${at} is out of range`);
    return value;
  };
}

/** Unsigned number of 1, 2, 4 or 8 bytes in the byte order of `elf`. */
export function readNumber(elf: Elf, at: number, bytes: number): number {
  return reader(elf.file, elf.littleEndian)(at, bytes);
}

/** The NUL-terminated string at `at`. */
export function readString(file: Buffer, at: number): string {
  const end = file.indexOf(0, at);
  if (at >= file.length || end < 0) throw malformed(`the string at ${at} has no end`);
  return file.toString('utf8', at, end);
}

/** Reads header, program headers and section headers. Throws MalformedExecutableError. */
export function readElf(file: Buffer): Elf {
  if (file.length < 20 || file.readUInt32BE(0) !== 0x7f454c46) throw malformed('its magic number is missing');
  const bits = file[4] === 2 ? 64 : 32;
  const littleEndian = file[5] !== 2;
  const read = reader(file, littleEndian);
  const namesIndex = read(HEADER[bits].shstrndx, 2);
  const segmentHeaders = headerTable(file, read, bits, 'ph', SEGMENT[bits].length);
  const segments = segmentHeaders.map((at) => readSegment(read, bits, at));
  const sectionHeaders = headerTable(file, read, bits, 'sh', SECTION[bits].length);
  const sections = nameSections(
    file,
    sectionHeaders.map((at) => readSection(read, bits, at)),
    namesIndex,
  );

  const headersEnd = Math.max(HEADER[bits].length, (segmentHeaders.at(-1) ?? 0) + SEGMENT[bits].length);
  const loadedEnd = Math.max(headersEnd, ...segments.map(({ offset, fileSize }) => offset + fileSize));
  if (loadedEnd > file.length) throw malformed(`its segments end at ${loadedEnd}, behind its end`);
  const machine = read(18, 2);
  return { file, bits, littleEndian, machine, segments, sections, namesIndex, headersEnd, loadedEnd };
}

/** Offsets of the program headers (`ph`) or section headers (`sh`). */
function headerTable(file: Buffer, read: Read, bits: 32 | 64, table: 'ph' | 'sh', length: number): number[] {
  const offset = read(HEADER[bits][`${table}off`], bits / 8);
  const count = read(HEADER[bits][`${table}num`], 2);
  // With more than 65279 of them the number is 0 and kept elsewhere.
  if (count === 0 && offset !== 0) throw malformed('it has headers and says that there are none');
  const size = read(HEADER[bits][`${table}entsize`], 2);
  if (count > 0 && size !== length) throw malformed(`a header has ${size} bytes instead of ${length}`);
  if (offset + count * length > file.length) throw malformed('its header tables lie behind its end');
  return Array.from({ length: count }, (_, index) => offset + index * length);
}

function readSegment(read: Read, bits: 32 | 64, at: number): Segment {
  const field = SEGMENT[bits];
  const word = bits / 8;
  return {
    type: read(at, 4),
    flags: read(at + field.flags, 4),
    offset: read(at + field.offset, word),
    address: read(at + field.address, word),
    fileSize: read(at + field.fileSize, word),
    memorySize: read(at + field.memorySize, word),
  };
}

/** A section whose name is still an offset into the section of names. */
type UnnamedSection = Omit<Section, 'name'> & { readonly nameOffset: number };

function readSection(read: Read, bits: 32 | 64, at: number): UnnamedSection {
  const field = SECTION[bits];
  const word = bits / 8;
  return {
    nameOffset: read(at, 4),
    type: read(at + 4, 4),
    flags: read(at + field.flags, word),
    address: read(at + field.address, word),
    offset: read(at + field.offset, word),
    size: read(at + field.size, word),
    link: read(at + field.link, 4),
    info: read(at + field.info, 4),
    alignment: read(at + field.alignment, word),
    entrySize: read(at + field.entrySize, word),
  };
}

function nameSections(file: Buffer, sections: readonly UnnamedSection[], namesIndex: number): Section[] {
  const names = sections[namesIndex]?.offset ?? 0;
  return sections.map(({ nameOffset, ...section }) => {
    if (holdsBytes(section) && section.offset + section.size > file.length)
      throw malformed(`a section ends at ${section.offset + section.size}, behind its end`);
    return { ...section, name: namesIndex === 0 ? '' : readString(file, names + nameOffset) };
  });
}

/** Whether the section has bytes in the file. */
export function holdsBytes(section: { readonly type: number }): boolean {
  return section.type !== SHT.NULL && section.type !== SHT.NOBITS;
}

/** An error about an ELF file. */
export function malformed(what: string): MalformedExecutableError {
  return new MalformedExecutableError('ELF', what);
}
