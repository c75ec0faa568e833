import { MalformedExecutableError } from './errors.ts';

// Numbers from <mach-o/loader.h>.
export const MH_MAGIC_64 = 0xfeedfacf;
export const CPU_TYPE_X86_64 = 0x01000007;
export const CPU_TYPE_ARM64 = 0x0100000c;
/** Load commands (cmd). */
export const LC = {
  SYMTAB: 0x2,
  DYSYMTAB: 0xb,
  SEGMENT_64: 0x19,
  CODE_SIGNATURE: 0x1d,
  SEGMENT_SPLIT_INFO: 0x1e,
  DYLD_INFO: 0x22,
  VERSION_MIN_MACOSX: 0x24,
  FUNCTION_STARTS: 0x26,
  DATA_IN_CODE: 0x29,
  DYLIB_CODE_SIGN_DRS: 0x2b,
  LINKER_OPTIMIZATION_HINT: 0x2e,
  BUILD_VERSION: 0x32,
  DYLD_INFO_ONLY: 0x80000022,
  DYLD_EXPORTS_TRIE: 0x80000033,
  DYLD_CHAINED_FIXUPS: 0x80000034,
} as const;

/** Bytes that a load command has at least; any has a number and its size. */
const MINIMUM_SIZES = new Map<number, number>([
  [LC.SYMTAB, 24],
  [LC.DYSYMTAB, 80],
  [LC.DYLD_INFO, 48],
  [LC.DYLD_INFO_ONLY, 48],
  [LC.BUILD_VERSION, 24],
  [LC.VERSION_MIN_MACOSX, 16],
  // linkedit_data_command
  [LC.CODE_SIGNATURE, 16],
  [LC.FUNCTION_STARTS, 16],
  [LC.DATA_IN_CODE, 16],
  [LC.SEGMENT_SPLIT_INFO, 16],
  [LC.DYLIB_CODE_SIGN_DRS, 16],
  [LC.LINKER_OPTIMIZATION_HINT, 16],
  [LC.DYLD_EXPORTS_TRIE, 16],
  [LC.DYLD_CHAINED_FIXUPS, 16],
]);

export const HEADER_SIZE = 32;
export const SEGMENT_COMMAND_SIZE = 72;
export const SECTION_SIZE = 80;
/** Section attributes: contains only machine instructions. */
const S_ATTR_PURE_INSTRUCTIONS = 0x80000000;

/** A load command: where it lies in the file and how long it is, in bytes. */
export interface LoadCommand {
  readonly at: number;
  readonly command: number;
  readonly size: number;
}

/** An LC_SEGMENT_64; addresses and sizes in memory, offsets and sizes in the file, in bytes. */
export interface MachoSegment extends LoadCommand {
  readonly name: string;
  readonly address: number;
  readonly memorySize: number;
  readonly offset: number;
  readonly fileSize: number;
  readonly sections: readonly MachoSection[];
}

export interface MachoSection {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
  readonly isCode: boolean;
}

/** Header and load commands of a 64-bit Mach-O file. */
export interface Macho {
  readonly file: Buffer;
  readonly cpu: number;
  readonly commands: readonly LoadCommand[];
  /** End of the load commands. */
  readonly commandsEnd: number;
  readonly segments: readonly MachoSegment[];
}

/** Reads header and load commands. Throws MalformedExecutableError. */
export function readMacho(file: Buffer): Macho {
  if (file.length < HEADER_SIZE || file.readUInt32LE(0) !== MH_MAGIC_64)
    throw malformed('the magic number of a 64-bit file is missing');
  const count = file.readUInt32LE(16);
  const commandsEnd = HEADER_SIZE + file.readUInt32LE(20);
  if (commandsEnd > file.length) throw malformed('it ends within its load commands');

  const commands: LoadCommand[] = [];
  let at = HEADER_SIZE;
  for (let index = 0; index < count; index++) {
    if (at + 8 > commandsEnd) throw malformed(`load command ${index} does not fit`);
    const command = file.readUInt32LE(at);
    const size = file.readUInt32LE(at + 4);
    if (size < (MINIMUM_SIZES.get(command) ?? 8) || at + size > commandsEnd)
      throw malformed(`load command ${index} does not fit`);
    commands.push({ at, command, size });
    at += size;
  }
  const segments = commands
    .filter(({ command }) => command === LC.SEGMENT_64)
    .map((command) => readSegment(file, command));
  return {
    file,
    cpu: file.readUInt32LE(4),
    commands,
    commandsEnd,
    segments,
  };
}

function readSegment(file: Buffer, command: LoadCommand): MachoSegment {
  const { at, size } = command;
  const sectionCount = size >= SEGMENT_COMMAND_SIZE ? file.readUInt32LE(at + 64) : -1;
  if (size !== SEGMENT_COMMAND_SIZE + sectionCount * SECTION_SIZE)
    throw malformed(`the segment command at ${at} has a wrong size`);
  const segment = {
    ...command,
    name: fixedString(file, at + 8),
    address: readSafe(file, at + 24),
    memorySize: readSafe(file, at + 32),
    offset: readSafe(file, at + 40),
    fileSize: readSafe(file, at + 48),
    sections: Array.from({ length: sectionCount }, (_, index) => {
      const section = at + SEGMENT_COMMAND_SIZE + index * SECTION_SIZE;
      return {
        name: fixedString(file, section),
        size: readSafe(file, section + 40),
        offset: file.readUInt32LE(section + 48),
        isCode: (file.readUInt32LE(section + 64) & S_ATTR_PURE_INSTRUCTIONS) !== 0,
      };
    }),
  };
  if (segment.offset + segment.fileSize > file.length) throw malformed(`segment ${segment.name} is cut off`);
  return segment;
}

function readSafe(file: Buffer, at: number): number {
  const value = Number(file.readBigUInt64LE(at));
  if (!Number.isSafeInteger(value)) throw malformed(`the number at ${at} is out of range`);
  return value;
}

/** A name of at most 16 bytes, padded with NUL. */
function fixedString(file: Buffer, at: number): string {
  return file.toString('latin1', at, at + 16).replace(/\0.*$/s, '');
}

/** An error about a Mach-O file. */
export function malformed(what: string): MalformedExecutableError {
  return new MalformedExecutableError('Mach-O', what);
}
