import { type Elf, HEADER, holdsBytes, malformed, SECTION, type Section, SHF, SHT } from './elf-headers.ts';
import { align } from './embedding.ts';

/** Of a section that is not loaded, in bytes; more is a damaged file, and would be filled with zeros. */
const MAXIMUM_ALIGNMENT = 65536;

/** Whether the loader needs the section, or it lies among what the loader needs: it is not moved. */
export function isFixed(elf: Elf, section: Section): boolean {
  return (
    !holdsBytes(section) ||
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
  write(field.entrySize, word, section.entrySize);
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
