import {
  type Elf,
  malformed,
  PT,
  readElf,
  readNumber,
  readString,
  type Section,
  SHF,
  SHT,
} from './elf-headers.ts';
import { isFixed, layOutSections, nullSection, pointToSections } from './elf-layout.ts';
import { align, type Embedding } from './embedding.ts';
import { NoRoomError } from './errors.ts';

/**
 * The payload begins at a page, so that a tool which lays the sections out anew, and finds that the
 * loaded part ends some bytes earlier or later, still puts it at the same place.
 */
const PAYLOAD_ALIGNMENT = 4096;
/** Offsets in a file for a CPU of 32 bits have as many. */
const MAXIMUM_SIZE_32 = 0xffffffff;

/**
 * `llvm-strip` and `eu-strip` remove every section that is not loaded, unless its name begins with
 * `.gnu.warning.`, which means something in the input of a linker only. `strip` keeps it anyway.
 */
const PAYLOAD_SECTION = '.gnu.warning.sarma';

/** What an ELF executable asks of the host. */
export interface Requirements {
  /** Path of the dynamic loader, null for a static executable. */
  readonly interpreter: string | null;
  /** Shared libraries and the symbol versions needed of each, both sorted. */
  readonly libraries: readonly RequiredLibrary[];
  /** Features of the CPU, where not every one of its kind will do (arm-attributes.ts). */
  readonly cpu?: readonly string[];
}

export interface RequiredLibrary {
  readonly name: string;
  readonly versions: readonly string[];
  /** Versions that the runtime does not need: a file of the release that does, by the version. */
  readonly for?: Readonly<Record<string, string>>;
}

/**
 * Puts a payload into a Linux stub as a section of its own, the first of those that are not loaded:
 * `strip` and `objcopy` keep sections and their order, and know nothing of bytes outside of sections.
 * Symbols of the stub are dropped. Throws MalformedExecutableError and NoRoomError.
 */
export function embed(stub: Buffer, payloadLength: number): Embedding {
  const elf = readElf(dropSymbols(stub));
  const payloadOffset = align(elf.loadedEnd, PAYLOAD_ALIGNMENT);
  const payload: Section = {
    ...nullSection,
    name: PAYLOAD_SECTION,
    type: SHT.PROGBITS,
    offset: payloadOffset,
    size: payloadLength,
    alignment: PAYLOAD_ALIGNMENT,
  };
  const sections = elf.sections.length > 0 ? withoutNames(elf) : sectionsOfSegments(elf);
  const fixed = sections.filter((section) => isFixed(elf, section));
  const movable = sections.filter((section) => !isFixed(elf, section));
  const payloadEnd = payloadOffset + payloadLength;
  if (elf.bits === 32 && payloadEnd > MAXIMUM_SIZE_32) {
    throw new NoRoomError(
      'ELF',
      `it would have ${payloadEnd} bytes`,
      'Executables of 32 bits hold at most 4 GiB.',
    );
  }
  const table = layOutSections(elf, [...fixed, payload, ...movable], payloadEnd);

  const head = Buffer.alloc(payloadOffset);
  elf.file.copy(head, 0, 0, elf.loadedEnd);
  pointToSections(elf, head, table);
  return { head, payloadOffset, tail: table.bytes, seal: () => {} };
}

/**
 * The file without symbol table and debugging sections, as `strip` would leave it: what is loaded stays
 * byte for byte where it is, dynamic symbols and notes with it. A file that has neither is returned as
 * it is. Throws MalformedExecutableError.
 */
export function dropSymbols(file: Buffer): Buffer {
  const elf = readElf(file);
  const symbolTables = elf.sections.filter((section) => section.type === SHT.SYMTAB);
  const dropped = new Set(elf.sections.filter((section) => isSymbols(elf, section, symbolTables)));
  for (const table of symbolTables) dropped.add(elf.sections[table.link]!);
  if (dropped.size === 0) return file;

  const kept = withoutNames(elf).filter((section) => !dropped.has(section));
  const table = layOutSections(elf, kept, elf.loadedEnd);
  const result = Buffer.concat([file.subarray(0, elf.loadedEnd), table.bytes]);
  pointToSections(elf, result, table);
  return result;
}

/**
 * Interpreter, libraries and symbol versions that the executable names (PT_INTERP, DT_NEEDED, DT_VERNEED).
 * Throws MalformedExecutableError.
 */
export function requirements(file: Buffer): Requirements {
  const elf = readElf(file);
  const interpreter = elf.segments.find((segment) => segment.type === PT.INTERP);
  const dynamic = dynamicEntries(elf);
  const table = dynamic.find(([tag]) => tag === DT.STRTAB)?.[1];
  const strings = table === undefined ? 0 : fileOffset(elf, table);
  const needed = dynamic.filter(([tag]) => tag === DT.NEEDED);
  const versions = neededVersions(elf, dynamic, strings);
  const libraries = needed.map(([, name]) => readString(file, strings + name)).sort();
  return {
    interpreter: interpreter ? readString(file, interpreter.offset) : null,
    libraries: libraries.map((name) => ({ name, versions: (versions.get(name) ?? []).sort() })),
  };
}

/** Debugging sections by the names that `strip` goes by. */
const DEBUG_NAME = /^\.(z?debug|stab|line|gdb_index|gnu\.debuglto_\.debug_|gnu\.linkonce\.wi\.)/;

function isSymbols(elf: Elf, section: Section, symbolTables: readonly Section[]): boolean {
  if (isFixed(elf, section)) return false;
  const describesSymbols =
    section.type === SHT.SYMTAB_SHNDX ||
    section.type === SHT.GROUP ||
    section.type === SHT.REL ||
    section.type === SHT.RELA;
  return (
    symbolTables.includes(section) ||
    (describesSymbols && symbolTables.includes(elf.sections[section.link]!)) ||
    DEBUG_NAME.test(section.name)
  );
}

function withoutNames(elf: Elf): Section[] {
  return elf.sections.filter((_, index) => index !== elf.namesIndex || index === 0);
}

/**
 * Sections for a file that has none: one per loaded segment. `strip` copies what sections cover and
 * nothing else; the headers before the first it writes itself.
 */
function sectionsOfSegments(elf: Elf): Section[] {
  const loaded = elf.segments.filter((segment) => segment.type === PT.LOAD);
  return [
    nullSection,
    ...loaded.flatMap((segment, index) => {
      const headers = segment.offset === 0 ? elf.headersEnd : 0;
      const flags = SHF.ALLOC | (segment.flags & 1 ? SHF.EXECINSTR : 0) | (segment.flags & 2 ? SHF.WRITE : 0);
      const section = { ...nullSection, flags, alignment: 1 };
      const bytes = {
        ...section,
        name: `.load${index}`,
        type: SHT.PROGBITS,
        address: segment.address + headers,
        offset: segment.offset + headers,
        size: segment.fileSize - headers,
      };
      const zeros = {
        ...section,
        name: `.zero${index}`,
        type: SHT.NOBITS,
        address: segment.address + segment.fileSize,
        offset: segment.offset + segment.fileSize,
        size: segment.memorySize - segment.fileSize,
      };
      return [bytes, zeros].filter(({ size }) => size > 0);
    }),
  ];
}

// Tags of the dynamic section, from the System V ABI and the LSB's "Symbol Versioning".
const DT = { NULL: 0, NEEDED: 1, STRTAB: 5, VERNEED: 0x6ffffffe, VERNEEDNUM: 0x6fffffff } as const;

/** Tags and values of the dynamic section; empty for a file that has none. */
export function dynamicEntries(elf: Elf): [tag: number, value: number][] {
  const segment = elf.segments.find(({ type }) => type === PT.DYNAMIC);
  if (!segment) return [];
  const word = elf.bits / 8;
  const entries: [number, number][] = [];
  for (let at = segment.offset; at < segment.offset + segment.fileSize; at += 2 * word) {
    const tag = readNumber(elf, at, word);
    if (tag === DT.NULL) break;
    entries.push([tag, readNumber(elf, at + word, word)]);
  }
  return entries;
}

/** Symbol versions by library, from the Verneed and Vernaux records. */
function neededVersions(elf: Elf, dynamic: [number, number][], strings: number): Map<string, string[]> {
  const versions = new Map<string, string[]>();
  const address = dynamic.find(([tag]) => tag === DT.VERNEED)?.[1];
  if (address === undefined) return versions;
  const count = dynamic.find(([tag]) => tag === DT.VERNEEDNUM)?.[1] ?? 0;
  for (const record of chain(elf, fileOffset(elf, address), count, 12)) {
    const library = readString(elf.file, strings + readNumber(elf, record + 4, 4));
    const first = record + readNumber(elf, record + 8, 4);
    const records = chain(elf, first, readNumber(elf, record + 2, 2), 12);
    const names = records.map((version) => readString(elf.file, strings + readNumber(elf, version + 8, 4)));
    versions.set(library, [...(versions.get(library) ?? []), ...names]);
  }
  return versions;
}

/** Far more records than any library has; a damaged file must not keep a build busy. */
const MAXIMUM_RECORDS = 4096;

/** Offsets of `count` records, each of which has the distance to the next at `nextAt`; 0 in the last one. */
function chain(elf: Elf, first: number, count: number, nextAt: number): number[] {
  if (count > MAXIMUM_RECORDS) throw malformed(`it has ${count} version records`);
  const records: number[] = [];
  for (let record = first; records.length < count; record += readNumber(elf, record + nextAt, 4))
    records.push(record);
  return records;
}

/** Where the byte that is loaded at `address` lies in the file. Throws MalformedExecutableError. */
export function fileOffset(elf: Elf, address: number): number {
  const segment = elf.segments.find(
    ({ type, address: start, fileSize }) =>
      type === PT.LOAD && start <= address && address < start + fileSize,
  );
  if (!segment) throw malformed(`address ${address} is in none of its segments`);
  return segment.offset + address - segment.address;
}
