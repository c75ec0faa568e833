import { align } from './embedding.ts';
import { MalformedExecutableError } from './errors.ts';

// Layouts from the System V ABI, "ELF Header", "Sections" and "Program Header", for both classes.
const HEADER = {
  32: { phoff: 28, shoff: 32, phentsize: 42, phnum: 44, shentsize: 46, shnum: 48, shstrndx: 50, length: 52 },
  64: { phoff: 32, shoff: 40, phentsize: 54, phnum: 56, shentsize: 58, shnum: 60, shstrndx: 62, length: 64 },
} as const;
const SEGMENT = {
  32: { type: 0, flags: 24, offset: 4, address: 8, fileSize: 16, memorySize: 20, length: 32 },
  64: { type: 0, flags: 4, offset: 8, address: 16, fileSize: 32, memorySize: 40, length: 56 },
} as const;
const SECTION = {
  32: { flags: 8, address: 12, offset: 16, size: 20, link: 24, info: 28, alignment: 32, length: 40 },
  64: { flags: 8, address: 16, offset: 24, size: 32, link: 40, info: 44, alignment: 48, length: 64 },
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
  const at = HEADER[bits];
  const word = bits / 8;
  const table = (offset: number, count: number, length: number) => {
    if (offset + count * length > file.length) throw malformed('its header tables lie behind its end');
    return Array.from({ length: count }, (_, index) => offset + index * length);
  };

  const segmentTable = read(at.phoff, word);
  const segmentCount = read(at.phnum, 2);
  if (segmentCount > 0) expectSize(read(at.phentsize, 2), SEGMENT[bits].length);
  const segments = table(segmentTable, segmentCount, SEGMENT[bits].length).map((header) => {
    const field = SEGMENT[bits];
    return {
      type: read(header + field.type, 4),
      flags: read(header + field.flags, 4),
      offset: read(header + field.offset, word),
      address: read(header + field.address, word),
      fileSize: read(header + field.fileSize, word),
      memorySize: read(header + field.memorySize, word),
    };
  });

  const sectionTable = read(at.shoff, word);
  const sectionCount = read(at.shnum, 2);
  if (sectionTable !== 0 && sectionCount === 0) throw malformed('it has more than 65279 sections');
  if (sectionCount > 0) expectSize(read(at.shentsize, 2), SECTION[bits].length);
  const namesIndex = read(at.shstrndx, 2);
  const unnamed = table(sectionTable, sectionCount, SECTION[bits].length).map((header) => {
    const field = SECTION[bits];
    return {
      nameOffset: read(header, 4),
      type: read(header + 4, 4),
      flags: read(header + field.flags, word),
      address: read(header + field.address, word),
      offset: read(header + field.offset, word),
      size: read(header + field.size, word),
      link: read(header + field.link, 4),
      info: read(header + field.info, 4),
      alignment: read(header + field.alignment, word),
      entrySize: read(header + field.alignment + word, word),
    };
  });
  const names = unnamed[namesIndex]?.offset ?? 0;
  const sections = unnamed.map(({ nameOffset, ...section }) => {
    if (holdsBytes(section) && section.offset + section.size > file.length)
      throw malformed(`a section ends at ${section.offset + section.size}, behind its end`);
    return { name: namesIndex === 0 ? '' : readString(file, names + nameOffset), ...section };
  });

  const headersEnd = Math.max(at.length, segmentTable + segmentCount * SEGMENT[bits].length);
  const loadedEnd = Math.max(headersEnd, ...segments.map((segment) => segment.offset + segment.fileSize));
  if (loadedEnd > file.length) throw malformed(`its segments end at ${loadedEnd}, behind its end`);
  return {
    file,
    bits,
    littleEndian,
    machine: read(18, 2),
    segments,
    sections,
    namesIndex,
    headersEnd,
    loadedEnd,
  };
}

/** Whether the section has bytes in the file. */
export function holdsBytes(section: { readonly type: number }): boolean {
  return section.type !== SHT.NULL && section.type !== SHT.NOBITS;
}

/** Of a section that is not loaded, in bytes; more is a damaged file, and would be filled with zeros. */
const MAXIMUM_ALIGNMENT = 65536;

/** Whether the loader needs the section, or it lies among what the loader needs: it cannot be moved. */
export function isFixed(elf: Elf, section: Section): boolean {
  return (
    section.type === SHT.NULL ||
    (section.flags & SHF.ALLOC) !== 0 ||
    section.offset + section.size <= elf.loadedEnd
  );
}

/** A section table and the bytes before it that are to be written at the offset asked for. */
export interface SectionTable {
  readonly bytes: Buffer;
  /** Offset of the table in the file. */
  readonly offset: number;
  /** Number of entries; the last one holds the names. */
  readonly count: number;
}

/**
 * Lays the movable ones of `sections` one after the other, beginning at `start` in the file, then a new
 * section of names, then the section table. Sections that are not of `elf` are left where they say.
 * Links between sections follow; those to a section that is no longer there become 0.
 */
export function layOutSections(elf: Elf, sections: readonly Section[], start: number): SectionTable {
  const pieces: Buffer[] = [];
  let end = start;
  const place = (bytes: Buffer, alignment: number): number => {
    const offset = align(end, Math.max(1, alignment));
    pieces.push(Buffer.alloc(offset - end), bytes);
    end = offset + bytes.length;
    return offset;
  };
  const newIndex = (index: number) => Math.max(0, sections.indexOf(elf.sections[index]!));

  const placed = sections.map((section) => {
    if (!elf.sections.includes(section)) return section;
    const link = newIndex(section.link);
    const info = infoIsIndex(section) ? newIndex(section.info) : section.info;
    if (isFixed(elf, section)) return { ...section, link, info };
    if (section.alignment > MAXIMUM_ALIGNMENT)
      throw malformed(`section ${section.name} is aligned to ${section.alignment} bytes`);
    const bytes = elf.file.subarray(section.offset, section.offset + section.size);
    return { ...section, link, info, offset: place(bytes, section.alignment) };
  });
  const names = nameTable([...placed.map((section) => section.name), '.shstrtab']);
  const namesSection = { ...nullSection, name: '.shstrtab', type: SHT.STRTAB, alignment: 1 };
  placed.push({ ...namesSection, offset: place(names.bytes, 1), size: names.bytes.length });
  const headers = placed.map((section, index) => sectionHeader(elf, section, names.offsets[index]!));
  const offset = place(Buffer.concat(headers), elf.bits / 8);
  return { bytes: Buffer.concat(pieces), offset, count: placed.length };
}

/** Makes the ELF header of `head` point at a section table whose last entry holds the names. */
export function pointToSections(elf: Elf, head: Buffer, table: SectionTable): void {
  const field = HEADER[elf.bits];
  const write = writer(head, elf.littleEndian);
  write(field.shoff, elf.bits / 8, table.offset);
  write(field.shentsize, 2, SECTION[elf.bits].length);
  write(field.shnum, 2, table.count);
  write(field.shstrndx, 2, table.count - 1);
}

/** The entry every section table begins with. */
export const nullSection: Section = {
  name: '',
  type: SHT.NULL,
  flags: 0,
  address: 0,
  offset: 0,
  size: 0,
  link: 0,
  info: 0,
  alignment: 0,
  entrySize: 0,
};

function sectionHeader(elf: Elf, section: Section, nameOffset: number): Buffer {
  const word = elf.bits / 8;
  const field = SECTION[elf.bits];
  const header = Buffer.alloc(field.length);
  const write = writer(header, elf.littleEndian);
  write(0, 4, nameOffset);
  write(4, 4, section.type);
  write(field.flags, word, section.flags);
  write(field.address, word, section.address);
  write(field.offset, word, section.offset);
  write(field.size, word, section.size);
  write(field.link, 4, section.link);
  write(field.info, 4, section.info);
  write(field.alignment, word, section.alignment);
  write(field.alignment + word, word, section.entrySize);
  return header;
}

/** sh_info is a section index in relocations, and where the flag says so ("sh_link and sh_info Interpretation"). */
function infoIsIndex(section: Section): boolean {
  return section.type === SHT.REL || section.type === SHT.RELA || (section.flags & SHF.INFO_LINK) !== 0;
}

function writer(file: Buffer, littleEndian: boolean) {
  return (at: number, bytes: number, value: number): void => {
    if (bytes === 8 && littleEndian) file.writeBigUInt64LE(BigInt(value), at);
    else if (bytes === 8) file.writeBigUInt64BE(BigInt(value), at);
    else if (littleEndian) file.writeUIntLE(value, at, bytes);
    else file.writeUIntBE(value, at, bytes);
  };
}

function nameTable(names: readonly string[]): { bytes: Buffer; offsets: number[] } {
  let text = '\0';
  const offsets = names.map((name) => {
    if (name === '') return 0;
    const offset = Buffer.byteLength(text);
    text += `${name}\0`;
    return offset;
  });
  return { bytes: Buffer.from(text), offsets };
}

function expectSize(actual: number, expected: number): void {
  if (actual !== expected) throw malformed(`a header has ${actual} bytes instead of ${expected}`);
}

function malformed(what: string): MalformedExecutableError {
  return new MalformedExecutableError('ELF', what);
}
