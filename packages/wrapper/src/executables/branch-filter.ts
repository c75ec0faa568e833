import { readElf, SHF, SHT } from './elf-headers.ts';
import { identify } from './identify.ts';
import { readMacho } from './macho-commands.ts';
import { MEM_EXECUTE, readPe } from './pe-headers.ts';

/** The bytes of a file that the branch filter runs over, and for which CPU. Offsets in the file. */
export interface BranchRange {
  readonly name: 'x86' | 'arm64';
  readonly start: number;
  readonly end: number;
}

const FILTERS = new Map([
  ['x64', 'x86'],
  ['x86', 'x86'],
  ['arm64', 'arm64'],
] as const);

/**
 * The largest section of machine code of an executable, which is all but some kilobytes of it; null if
 * there is none, or no filter for its CPU. Throws MalformedExecutableError.
 */
export function codeRange(file: Buffer): BranchRange | null {
  const identity = identify(file);
  const name = FILTERS.get(identity?.cpu as 'x64' | 'x86' | 'arm64');
  if (!identity || !name) return null;
  const [largest] = CODE_SECTIONS[identity.format](file).sort((a, b) => b.size - a.size);
  return largest ? { name, start: largest.offset, end: largest.offset + largest.size } : null;
}

/** Sections of machine code, by format. */
const CODE_SECTIONS: Record<'elf' | 'pe' | 'macho', (file: Buffer) => { offset: number; size: number }[]> = {
  elf: (file) =>
    readElf(file).sections.filter(
      ({ type, flags }) => type === SHT.PROGBITS && (flags & SHF.EXECINSTR) !== 0,
    ),
  pe: (file) => readPe(file).sections.filter(({ characteristics }) => (characteristics & MEM_EXECUTE) !== 0),
  macho: (file) =>
    readMacho(file).segments.flatMap(({ sections }) => sections.filter(({ isCode }) => isCode)),
};

/**
 * A copy of `frame`, whose first byte lies at `position` in the file, in which branches inside of `range`
 * name their target instead of the distance to it. A function that is called in many places is then the
 * same bytes in all of them, which compresses better. docs/format.md ("Branch filter") defines it.
 */
export function encode(frame: Buffer, position: number, range: BranchRange): Buffer {
  return convert(frame, position, range, true);
}

/** The inverse of `encode`. */
export function decode(frame: Buffer, position: number, range: BranchRange): Buffer {
  return convert(frame, position, range, false);
}

function convert(frame: Buffer, position: number, range: BranchRange, encoding: boolean): Buffer {
  const result = Buffer.from(frame);
  const first = Math.max(range.start, position) - position;
  const last = Math.min(range.end, position + frame.length) - position;
  if (range.name === 'x86') convertX86(result, first, last, position, range.end, encoding);
  else convertArm64(result, first, last, position, encoding);
  return result;
}

/** `first` and `last` limit the bytes of `code` to look at; `end` is that of the range, in the file. */
function convertX86(
  code: Buffer,
  first: number,
  last: number,
  position: number,
  end: number,
  encoding: boolean,
): void {
  let at = first;
  while (at + 5 <= last) {
    const byte = code[at]!;
    if (byte === 0xe8) {
      const distance = readInt32(code, at + 1);
      writeInt32(code, at + 1, convertCall(distance, position + at, end, encoding));
      at += 5;
    } else if (at + 7 <= last && isRelativeOperand(code, at)) {
      const shift = encoding ? position + at : -(position + at);
      writeInt32(code, at + 3, readInt32(code, at + 3) + shift);
      at += 7;
    } else {
      at += 1;
    }
  }
}

/**
 * A REX.W prefix, an opcode, and a ModRM byte that says RIP + 32 bits. With E8 in the middle a call
 * begins there, and the ModRM byte would differ between encoding and decoding.
 */
function isRelativeOperand(code: Buffer, at: number): boolean {
  return (code[at]! & 0xf8) === 0x48 && (code[at + 2]! & 0xc7) === 0x05 && code[at + 1] !== 0xe8;
}

/**
 * Only distances that lead into the file before `end` are converted, and those that the converted ones
 * displace: a random E8 is mostly left alone.
 */
function convertCall(value: number, position: number, end: number, encoding: boolean): number {
  if (encoding) {
    if (value >= -position && value < end - position) return value + position;
    if (value >= end - position && value < end) return value - end;
  } else {
    if (value >= 0 && value < end) return value - position;
    if (value >= -position && value < 0) return value + end;
  }
  return value;
}

function convertArm64(code: Buffer, first: number, last: number, position: number, encoding: boolean): void {
  const sign = encoding ? 1 : -1;
  const misaligned = (position + first) % 4;
  for (let at = first + ((4 - misaligned) % 4); at + 4 <= last; at += 4) {
    const instruction = readInt32(code, at);
    if (instruction >>> 26 === 0b100101) {
      const words = instruction + sign * ((position + at) >>> 2);
      writeInt32(code, at, (instruction & 0xfc000000) | (words & 0x03ffffff));
    } else if ((instruction & 0x9f000000) === (0x90000000 | 0)) {
      const pages = ((instruction >>> 29) & 3) | ((instruction >>> 3) & 0x1ffffc);
      const page = pages + sign * ((position + at) >>> 12);
      const immediate = ((page & 3) << 29) | ((page & 0x1ffffc) << 3);
      writeInt32(code, at, (instruction & 0x9f00001f) | immediate);
    }
  }
}

// Buffer's own readInt32LE and writeInt32LE check their arguments, which costs half of the time here.

function readInt32(bytes: Buffer, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

function writeInt32(bytes: Buffer, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >> 8;
  bytes[at + 2] = value >> 16;
  bytes[at + 3] = value >> 24;
}
