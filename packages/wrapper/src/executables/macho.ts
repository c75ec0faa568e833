import { sign, signatureSize } from './ad-hoc-signature.ts';
import { align, type Embedding } from './embedding.ts';
import { NoRoomError } from './errors.ts';
import {
  CPU_TYPE_ARM64,
  HEADER_SIZE,
  LC,
  type LoadCommand,
  type Macho,
  type MachoSegment,
  malformed,
  readMacho,
  SECTION_SIZE,
  SEGMENT_COMMAND_SIZE,
} from './macho-commands.ts';
import { type UnsealedFile, unsealedBytes } from './unsealed-file.ts';

/** Pages of arm64; those of x64 (4 KiB) are in them. */
const PAGE_SIZE = 0x4000;
const SIGNATURE_ALIGNMENT = 16;
const SIGNATURE_COMMAND_SIZE = 16;
const VM_PROT_READ = 1;
/** Offsets in a Mach-O file's load commands have 32 bits. */
const MAXIMUM_SIZE = 0xffffffff;

/**
 * Puts a payload into a macOS stub as a segment `__SARMA` before `__LINKEDIT`, which has to be the last
 * one, and replaces the signature by an ad-hoc one that names the program `identifier` and covers all.
 * What follows the segment moves; segments are counted in the order of their commands, and only
 * `__LINKEDIT`, which nothing counts to, changes its number. Throws MalformedExecutableError and
 * NoRoomError.
 */
export function embed(stub: Buffer, payloadLength: number, identifier: string): Embedding {
  return rebuild(stub, payloadLength, identifier, 'Link the stub with more room, as with -headerpad 4096.');
}

/**
 * A copy of a Mach-O executable that somebody changed, with an ad-hoc signature that names it `identifier`, in place of
 * the one it has, if it has one. Throws MalformedExecutableError and NoRoomError.
 */
export function resign(executable: Buffer, identifier: string): Buffer {
  const { head, tail, seal } = rebuild(executable, 0, identifier, 'Take one that is signed already.');
  const file = Buffer.concat([head, tail]);
  seal(unsealedBytes(file));
  return file;
}

/** Without a payload there is no segment for it; `advice` is for whoever has no room for a load command. */
function rebuild(stub: Buffer, payloadLength: number, identifier: string, advice: string): Embedding {
  const macho = readMacho(stub);
  const { text, linkedit } = knownSegments(macho);
  const oldSignature = macho.commands.find(({ command }) => command === LC.CODE_SIGNATURE);
  const linkeditEnd = oldSignature
    ? stub.readUInt32LE(oldSignature.at + 8)
    : linkedit.offset + linkedit.fileSize;
  if (linkeditEnd < linkedit.offset || linkeditEnd > stub.length)
    throw malformed('its signature lies outside of __LINKEDIT');
  const payloadOffset = linkedit.offset;
  const shift = align(payloadLength, PAGE_SIZE);
  const codeLimit = align(linkeditEnd + shift, SIGNATURE_ALIGNMENT);
  const signatureLength = signatureSize(identifier, codeLimit);
  const end = codeLimit + signatureLength;
  if (end > MAXIMUM_SIZE)
    throw new NoRoomError('Mach-O', `it would have ${end} bytes`, 'macOS executables hold at most 4 GiB.');

  const commands = macho.commands
    .filter((command) => command !== oldSignature)
    .flatMap((command) => {
      const bytes = Buffer.from(stub.subarray(command.at, command.at + command.size));
      if (command.at !== linkedit.at) return [moved(bytes, command, shift, linkedit)];
      moveLinkedit(bytes, linkedit, shift, end);
      return shift === 0 ? [bytes] : [payloadSegment(linkedit, payloadLength, shift), bytes];
    });
  commands.push(signatureCommand(codeLimit, signatureLength));

  const head = Buffer.from(stub.subarray(0, payloadOffset));
  writeCommands(head, macho, commands, advice);
  const tail = Buffer.alloc(end - payloadOffset - payloadLength);
  stub.copy(tail, shift - payloadLength, linkedit.offset, linkeditEnd);
  const seal = (file: UnsealedFile) => {
    const executableSegment = { offset: text.offset, size: text.fileSize };
    file.write(sign(file, { identifier, codeLimit, executableSegment }), codeLimit);
  };
  return { head, payloadOffset, tail, seal };
}

function knownSegments(macho: Macho): { text: MachoSegment; linkedit: MachoSegment } {
  const text = macho.segments.find(({ name }) => name === '__TEXT');
  const linkedit = macho.segments.at(-1);
  if (!text || linkedit?.name !== '__LINKEDIT') throw malformed('its last segment is not __LINKEDIT');
  const page = macho.cpu === CPU_TYPE_ARM64 ? PAGE_SIZE : 0x1000;
  if (linkedit.offset % page !== 0 || linkedit.address % page !== 0)
    throw malformed('__LINKEDIT does not begin at a page');
  if (linkedit.offset < macho.commandsEnd) throw malformed('__LINKEDIT lies in its load commands');
  if (macho.segments.some(({ offset, fileSize }) => offset + fileSize > linkedit.offset + linkedit.fileSize))
    throw malformed('__LINKEDIT is not at its end');
  return { text, linkedit };
}

/** Where load commands that belong to `__LINKEDIT` hold file offsets, from the command's begin. */
const LINKEDIT_OFFSETS = new Map<number, readonly number[]>([
  [LC.SYMTAB, [8, 16]], // symoff, stroff
  [LC.DYSYMTAB, [32, 40, 48, 56, 64, 72]], // tocoff, modtaboff, extrefsymoff, indirectsymoff, extreloff, locreloff
  [LC.DYLD_INFO, [8, 16, 24, 32, 40]], // rebase, bind, weak_bind, lazy_bind, export
  [LC.DYLD_INFO_ONLY, [8, 16, 24, 32, 40]],
  [LC.FUNCTION_STARTS, [8]], // linkedit_data_command: dataoff
  [LC.DATA_IN_CODE, [8]],
  [LC.SEGMENT_SPLIT_INFO, [8]],
  [LC.DYLIB_CODE_SIGN_DRS, [8]],
  [LC.LINKER_OPTIMIZATION_HINT, [8]],
  [LC.DYLD_EXPORTS_TRIE, [8]],
  [LC.DYLD_CHAINED_FIXUPS, [8]],
]);

/** A load command with its offsets into `__LINKEDIT` moved; tables that are not there have offset 0. */
function moved(bytes: Buffer, { command }: LoadCommand, shift: number, linkedit: MachoSegment): Buffer {
  for (const at of LINKEDIT_OFFSETS.get(command) ?? []) {
    const offset = bytes.readUInt32LE(at);
    if (offset > linkedit.offset + linkedit.fileSize) throw malformed('a table lies behind __LINKEDIT');
    if (offset >= linkedit.offset) bytes.writeUInt32LE(offset + shift, at);
  }
  return bytes;
}

function moveLinkedit(bytes: Buffer, linkedit: MachoSegment, shift: number, end: number): void {
  const fileSize = end - linkedit.offset - shift;
  bytes.writeBigUInt64LE(BigInt(linkedit.address + shift), 24);
  bytes.writeBigUInt64LE(BigInt(align(fileSize, PAGE_SIZE)), 32);
  bytes.writeBigUInt64LE(BigInt(linkedit.offset + shift), 40);
  bytes.writeBigUInt64LE(BigInt(fileSize), 48);
}

/**
 * Takes the place of `__LINKEDIT` in file and memory. The payload is a section of it, because tools
 * that rewrite a file copy sections.
 */
function payloadSegment(linkedit: MachoSegment, payloadLength: number, size: number): Buffer {
  const command = Buffer.alloc(SEGMENT_COMMAND_SIZE + SECTION_SIZE);
  command.writeUInt32LE(LC.SEGMENT_64, 0);
  command.writeUInt32LE(command.length, 4);
  command.write('__SARMA', 8);
  command.writeBigUInt64LE(BigInt(linkedit.address), 24);
  command.writeBigUInt64LE(BigInt(size), 32);
  command.writeBigUInt64LE(BigInt(linkedit.offset), 40);
  command.writeBigUInt64LE(BigInt(size), 48);
  command.writeUInt32LE(VM_PROT_READ, 56); // maxprot
  command.writeUInt32LE(VM_PROT_READ, 60); // initprot
  command.writeUInt32LE(1, 64); // nsects

  const section = command.subarray(SEGMENT_COMMAND_SIZE);
  section.write('__payload', 0);
  section.write('__SARMA', 16);
  section.writeBigUInt64LE(BigInt(linkedit.address), 32);
  section.writeBigUInt64LE(BigInt(payloadLength), 40);
  section.writeUInt32LE(linkedit.offset, 48);
  return command;
}

function signatureCommand(offset: number, size: number): Buffer {
  const command = Buffer.alloc(SIGNATURE_COMMAND_SIZE);
  command.writeUInt32LE(LC.CODE_SIGNATURE, 0);
  command.writeUInt32LE(command.length, 4);
  command.writeUInt32LE(offset, 8);
  command.writeUInt32LE(size, 12);
  return command;
}

/** Writes the load commands into the room between the header and the first section. */
function writeCommands(head: Buffer, macho: Macho, commands: readonly Buffer[], advice: string): void {
  const bytes = Buffer.concat(commands);
  const sections = macho.segments.flatMap((segment) => segment.sections);
  const room = Math.min(...sections.filter(({ offset }) => offset > 0).map(({ offset }) => offset));
  if (HEADER_SIZE + bytes.length > room)
    throw new NoRoomError(
      'Mach-O',
      `its load commands would have ${bytes.length} bytes, and there is room for ${room - HEADER_SIZE}`,
      advice,
    );
  head.fill(0, HEADER_SIZE, macho.commandsEnd);
  bytes.copy(head, HEADER_SIZE);
  head.writeUInt32LE(commands.length, 16);
  head.writeUInt32LE(bytes.length, 20);
}
