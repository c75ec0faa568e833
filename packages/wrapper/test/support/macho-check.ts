import { createHash } from 'node:crypto';

// Checks a Mach-O executable as dyld, the kernel and codesign would, from <mach-o/loader.h>, <mach-o/fat.h> and
// <Kernel/kern/cs_blobs.h>. It shares no code with the writer on purpose. docs/decisions/0009-macos.md has the rules, and
// where each is from.

/** What a checked file turned out to hold. */
export interface MachoReport {
  readonly segments: readonly { name: string; offset: number; size: number; address: number }[];
  readonly signature: { identifier: string; flags: number; pages: number; codeLimit: number };
}

interface Span {
  readonly what: string;
  readonly start: number;
  readonly end: number;
}

/** Where the executables lie in a universal file, which is checked for that much. Throws as `checkMacho`. */
export function checkUniversal(file: Buffer): readonly { cpu: number; bytes: Buffer }[] {
  expect(file.readUInt32BE(0) === 0xcafebabe, 'FAT_MAGIC');
  const count = file.readUInt32BE(4);
  const slices = [];
  let end = 8 + 20 * count;
  // xnu reads the first page of the file and looks at nothing behind it.
  expect(end <= 4096, 'the universal header lies in the first page');
  for (let at = 8; at < 8 + 20 * count; at += 20) {
    const [cpu, subtype, offset, size, alignment] = [0, 4, 8, 12, 16].map((field) =>
      file.readUInt32BE(at + field),
    );
    expect(offset! >= end, 'slices lie in order, behind the header, and do not overlap');
    expect(alignment === 14 && offset! % 0x4000 === 0, 'slices are aligned to pages of 16 KiB');
    expect(
      file.subarray(end, offset).every((byte) => byte === 0),
      'nothing lies between slices',
    );
    const bytes = file.subarray(offset, offset! + size!);
    expect(bytes.length === size, 'a slice is whole');
    expect(
      bytes.readUInt32LE(4) === cpu && bytes.readUInt32LE(8) === subtype,
      'a slice is for the CPU it is said to be for',
    );
    slices.push({ cpu: cpu!, bytes });
    end = offset! + size!;
  }
  expect(new Set(slices.map(({ cpu }) => cpu)).size === count, 'one slice for each CPU');
  expect(end === file.length, 'the last slice ends with the file');
  return slices;
}

/** Throws an Error that names the first thing that is wrong. */
export function checkMacho(file: Buffer): MachoReport {
  const { segments, signature } = checkLayout(file);
  const text = segments.find(({ name }) => name === '__TEXT');
  return { segments, signature: checkSignature(file, signature.offset, signature.size, text!) };
}

/** All of it but what the signature says. Throws as `checkMacho`. */
export function checkLayout(file: Buffer) {
  expect(file.readUInt32LE(0) === 0xfeedfacf, 'magic of a 64-bit file');
  const arm64 = file.readUInt32LE(4) === 0x0100000c;
  expect(arm64 || file.readUInt32LE(4) === 0x01000007, 'CPU is arm64 or x64');
  expect(file.readUInt32LE(12) === 2, 'MH_EXECUTE');
  const commands = loadCommands(file);
  const segments = commands.filter(({ kind }) => kind === 0x19).map(({ at }) => segmentAt(file, at));
  checkSegments(segments, arm64 ? 0x4000 : 0x1000);
  const sections = segments.flatMap((segment) => segment.sections);
  const firstSection = Math.min(...sections.filter((s) => s.offset > 0).map((s) => s.offset));
  expect(32 + file.readUInt32LE(20) <= firstSection, 'load commands end before the first section');

  const linkedit = segments.at(-1)!;
  expect(linkedit.name === '__LINKEDIT', '__LINKEDIT is the last segment');
  expect(linkedit.offset + linkedit.size === file.length, '__LINKEDIT ends with the file');
  const tables = commands.flatMap(({ kind, at }) => linkeditTables(file, kind, at)).sort(byStart);
  for (const table of tables) {
    expect(
      table.start >= linkedit.offset && table.end <= linkedit.offset + linkedit.size,
      `${table.what} lies inside of __LINKEDIT`,
    );
  }
  checkDisjoint(tables);
  checkOrder(file, commands, linkedit.offset);
  checkSymbols(file, commands, sections);

  const signature = commands.filter(({ kind }) => kind === 0x1d);
  expect(signature.length === 1, 'one LC_CODE_SIGNATURE');
  const offset = file.readUInt32LE(signature[0]!.at + 8);
  const size = file.readUInt32LE(signature[0]!.at + 12);
  expect(offset % 16 === 0, 'the signature is aligned to 16 bytes');
  expect(offset + size === file.length, 'the signature is the last of the file');
  return { segments, signature: { offset, size } };
}

function loadCommands(file: Buffer): { kind: number; at: number }[] {
  const count = file.readUInt32LE(16);
  const commands = [];
  let at = 32;
  for (let index = 0; index < count; index++) {
    commands.push({ kind: file.readUInt32LE(at), at });
    const size = file.readUInt32LE(at + 4);
    expect(size >= 8 && size % 8 === 0, `size of load command ${index}`);
    at += size;
  }
  expect(at - 32 === file.readUInt32LE(20), 'sizeofcmds is the sum of the commands');
  return commands;
}

function segmentAt(file: Buffer, at: number) {
  const number = (offset: number) => Number(file.readBigUInt64LE(at + offset));
  const count = file.readUInt32LE(at + 64);
  expect(file.readUInt32LE(at + 4) === 72 + 80 * count, 'size of a segment command');
  const name = text(file, at + 8);
  const sections = [];
  for (let section = at + 72; section < at + 72 + 80 * count; section += 80) {
    expect(text(file, section + 16) === name, `a section of ${name} names its segment`);
    const zerofill = [1, 12, 18].includes(file.readUInt8(section + 64));
    sections.push({
      address: Number(file.readBigUInt64LE(section + 32)),
      size: Number(file.readBigUInt64LE(section + 40)),
      offset: zerofill ? 0 : file.readUInt32LE(section + 48),
    });
  }
  const protections = [56, 60].map((field) => file.readUInt32LE(at + field));
  expect(
    protections.every((bits) => (bits & 6) !== 6),
    `${name} is not writable and executable at once`,
  );
  return { name, address: number(24), memory: number(32), offset: number(40), size: number(48), sections };
}

function checkSegments(segments: ReturnType<typeof segmentAt>[], page: number): void {
  expect(new Set(segments.map(({ name }) => name)).size === segments.length, 'segment names are unique');
  for (const segment of segments) {
    const { name, address, memory, offset, size, sections } = segment;
    expect(address % page === 0 && offset % page === 0, `${name} begins at a page`);
    expect(name === '__PAGEZERO' || size <= memory, `${name} is not larger in the file than in memory`);
    for (const section of sections) {
      expect(
        section.address >= address && section.address + section.size <= address + memory,
        `sections of ${name} lie inside of it in memory`,
      );
      expect(
        section.offset === 0 || section.offset - offset === section.address - address,
        `sections of ${name} lie in the file as in memory`,
      );
      expect(
        section.offset === 0 || section.offset + section.size <= offset + size,
        `sections of ${name} lie inside of it in the file`,
      );
    }
  }
  const memory = segments.map((s) => ({ what: s.name, start: s.address, end: s.address + s.memory }));
  const inFile = segments
    .filter((s) => s.size > 0)
    .map((s) => ({ what: s.name, start: s.offset, end: s.offset + s.size }));
  const [before, last] = inFile.slice(-2);
  expect(before!.end === last!.start, `${before!.what} ends where __LINKEDIT begins`);
  for (const spans of [memory, inFile]) {
    expect(
      spans.every((span, index) => index === 0 || spans[index - 1]!.start <= span.start),
      'segments in order',
    );
    checkDisjoint(spans);
  }
}

/**
 * What codesign_allocate, which codesign runs to make room for another signature, demands of `__LINKEDIT`: its tables in
 * this order, each where the one before ends (`dyld_order` of cctools' libstuff/checkout.c).
 */
function checkOrder(file: Buffer, commands: { kind: number; at: number }[], start: number): void {
  const ORDER: readonly (readonly [
    what: string,
    kinds: readonly number[],
    offset: number,
    count: number,
    size: number,
  ])[] = [
    ['rebase info', [0x22, 0x80000022], 8, 12, 1],
    ['bind info', [0x22, 0x80000022], 16, 20, 1],
    ['weak bind info', [0x22, 0x80000022], 24, 28, 1],
    ['lazy bind info', [0x22, 0x80000022], 32, 36, 1],
    ['export info', [0x22, 0x80000022], 40, 44, 1],
    ['chained fixups', [0x80000034], 8, 12, 1],
    ['exports trie', [0x80000033], 8, 12, 1],
    ['local relocations', [0xb], 72, 76, 8],
    ['split info', [0x1e], 8, 12, 1],
    ['function starts', [0x26], 8, 12, 1],
    ['data in code', [0x29], 8, 12, 1],
    ['code signing DRs', [0x2b], 8, 12, 1],
    ['linker optimization hints', [0x2e], 8, 12, 1],
    ['symbols', [0x2], 8, 12, 16],
    ['external relocations', [0xb], 64, 68, 8],
    ['indirect symbols', [0xb], 56, 60, 4],
    ['strings', [0x2], 16, 20, 1],
  ];
  let end = start;
  for (const [what, kinds, offset, count, size] of ORDER) {
    const command = commands.find(({ kind }) => kinds.includes(kind));
    const length = command === undefined ? 0 : file.readUInt32LE(command.at + count) * size;
    if (length === 0) continue;
    const found = file.readUInt32LE(command!.at + offset);
    const isRounded = what === 'strings' && found === Math.ceil(end / 8) * 8;
    expect(found === end || isRounded, `${what} follow what is before them`);
    end = found + length;
  }
  const signature = commands.find(({ kind }) => kind === 0x1d)!;
  const padded = Math.ceil(end / 16) * 16;
  expect(
    file.readUInt32LE(signature.at + 8) === padded,
    'the signature follows the strings, at a multiple of 16',
  );
}

/** The tables that a load command places in `__LINKEDIT`; absent ones have no length. */
function linkeditTables(file: Buffer, kind: number, at: number): Span[] {
  const span = (what: string, offset: number, length: number): Span[] => {
    const start = file.readUInt32LE(at + offset);
    return length === 0 ? [] : [{ what, start, end: start + length }];
  };
  const field = (offset: number) => file.readUInt32LE(at + offset);
  if (kind === 0x2) return [...span('symbols', 8, field(12) * 16), ...span('strings', 16, field(20))];
  if (kind === 0xb)
    return [
      ...span('contents table', 32, field(36) * 8),
      ...span('module table', 40, field(44) * 56),
      ...span('external references', 48, field(52) * 4),
      ...span('indirect symbols', 56, field(60) * 4),
      ...span('external relocations', 64, field(68) * 8),
      ...span('local relocations', 72, field(76) * 8),
    ];
  if (kind === 0x22 || kind === 0x80000022)
    return [8, 16, 24, 32, 40].flatMap((offset) => span(`dyld info at ${offset}`, offset, field(offset + 4)));
  const data = [0x1d, 0x1e, 0x26, 0x29, 0x2b, 0x2e, 0x80000033, 0x80000034];
  return data.includes(kind) ? span(`linkedit data of command ${kind.toString(16)}`, 8, field(12)) : [];
}

/** Symbols name an existing section by number, and their value lies in that one. */
function checkSymbols(
  file: Buffer,
  commands: { kind: number; at: number }[],
  sections: { address: number; size: number }[],
): void {
  const table = commands.find(({ kind }) => kind === 0x2);
  if (!table) return;
  const [offset, count] = [file.readUInt32LE(table.at + 8), file.readUInt32LE(table.at + 12)];
  for (let at = offset; at < offset + count * 16; at += 16) {
    expect(file.readUInt32LE(at) < file.readUInt32LE(table.at + 20), 'symbol names lie in the string table');
    const type = file.readUInt8(at + 4);
    if ((type & 0xe0) !== 0 || (type & 0x0e) !== 0x0e) continue;
    const section = sections[file.readUInt8(at + 5) - 1];
    const value = Number(file.readBigUInt64LE(at + 8));
    expect(section !== undefined, 'symbols name an existing section');
    // __mh_execute_header names the first section and lies before it.
    const lowest = section === sections[0] ? 0x100000000 : section!.address;
    expect(value >= lowest && value <= section!.address + section!.size, 'symbols lie in their section');
  }
}

function checkSignature(
  file: Buffer,
  offset: number,
  size: number,
  textSegment: { offset: number; size: number },
) {
  const blob = file.subarray(offset, offset + size);
  expect(blob.readUInt32BE(0) === 0xfade0cc0, 'magic of the signature');
  expect(blob.readUInt32BE(4) === size, 'length of the signature');
  expect(blob.readUInt32BE(8) === 1, 'the signature is a code directory and nothing else');
  expect(blob.readUInt32BE(12) === 0, 'slot of the code directory');
  const directory = blob.subarray(blob.readUInt32BE(16));
  expect(directory.readUInt32BE(0) === 0xfade0c02, 'magic of the code directory');
  const length = directory.readUInt32BE(4);
  expect(length <= directory.length, 'length of the code directory');
  expect(directory.readUInt32BE(8) === 0x20400, 'version of the code directory');
  const flags = directory.readUInt32BE(12);
  const hashes = directory.readUInt32BE(16);
  const identifierAt = directory.readUInt32BE(20);
  const pages = directory.readUInt32BE(28);
  const codeLimit = directory.readUInt32BE(32);
  expect(directory.readUInt32BE(24) === 0, 'no special slots');
  expect(codeLimit === offset, 'everything before the signature is signed');
  expect(directory.readUInt32BE(36) === 0x2002000c, 'SHA-256, no platform, pages of 4 KiB');
  for (const field of [40, 44, 48, 52]) expect(directory.readUInt32BE(field) === 0, `field ${field} is 0`);
  expect(directory.readBigUInt64BE(56) === 0n, 'codeLimit64 is not used');
  expect(Number(directory.readBigUInt64BE(64)) === textSegment.offset, 'execSegBase is that of __TEXT');
  expect(Number(directory.readBigUInt64BE(72)) === textSegment.size, 'execSegLimit is that of __TEXT');
  expect(directory.readBigUInt64BE(80) === 1n, 'execSegFlags say main binary');
  expect(pages === Math.ceil(codeLimit / 4096), 'one hash for each page');
  expect(hashes + pages * 32 === length, 'the hashes end the code directory');
  expect(directory.indexOf(0, identifierAt) < hashes, 'the identifier ends before the hashes');
  for (let page = 0; page < pages; page++) {
    const bytes = file.subarray(page * 4096, Math.min(codeLimit, page * 4096 + 4096));
    const stored = directory.subarray(hashes + page * 32, hashes + page * 32 + 32);
    expect(createHash('sha256').update(bytes).digest().equals(stored), `hash of page ${page}`);
  }
  return { identifier: text(directory, identifierAt, 256), flags, pages, codeLimit };
}

function checkDisjoint(spans: readonly Span[]): void {
  for (const [index, span] of [...spans].sort(byStart).entries()) {
    const next = [...spans].sort(byStart)[index + 1];
    expect(next === undefined || span.end <= next.start, `${span.what} and ${next?.what} do not overlap`);
  }
}

function byStart(a: Span, b: Span): number {
  return a.start - b.start;
}

function text(file: Buffer, at: number, length = 16): string {
  return file.toString('latin1', at, at + length).replace(/\0.*$/s, '');
}

function expect(holds: boolean, what: string): void {
  if (!holds) throw new Error(`Mach-O check failed: ${what}`);
}
