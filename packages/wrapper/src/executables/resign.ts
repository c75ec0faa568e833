import { sign, signatureSize } from './codesign.ts';
import { align } from './embedding.ts';
import { knownSegments, signatureCommand, writeCommands } from './macho.ts';
import { LC, malformed, readMacho } from './macho-commands.ts';

/** Pages of arm64; those of x64 (4 KiB) are in them. */
const PAGE_SIZE = 0x4000;
const SIGNATURE_ALIGNMENT = 16;

/**
 * A copy of a Mach-O executable that somebody changed, with an ad-hoc signature that names it `identifier`, in place of
 * the one it has, if it has one. Throws MalformedExecutableError and NoRoomError.
 */
export function resign(executable: Buffer, identifier: string): Buffer {
  const macho = readMacho(executable);
  const { text, linkedit } = knownSegments(macho);
  const old = macho.commands.find(({ command }) => command === LC.CODE_SIGNATURE);
  const end = old ? executable.readUInt32LE(old.at + 8) : linkedit.offset + linkedit.fileSize;
  if (end < linkedit.offset || end > executable.length)
    throw malformed('its signature lies outside of __LINKEDIT');

  const codeLimit = align(end, SIGNATURE_ALIGNMENT);
  const length = signatureSize(identifier, codeLimit);
  const signed = Buffer.alloc(codeLimit + length);
  executable.copy(signed, 0, 0, end);
  const commands = macho.commands
    .filter((command) => command !== old)
    .map(({ at, size }) => {
      const bytes = Buffer.from(executable.subarray(at, at + size));
      if (at === linkedit.at) resize(bytes, signed.length - linkedit.offset);
      return bytes;
    });
  writeCommands(signed, macho, [...commands, signatureCommand(codeLimit, length)]);
  const executableSegment = { offset: text.offset, size: text.fileSize };
  sign(signed, { identifier, codeLimit, executableSegment }).copy(signed, codeLimit);
  return signed;
}

/** Sets the size of an LC_SEGMENT_64 in memory and in the file. */
function resize(segment: Buffer, fileSize: number): void {
  segment.writeBigUInt64LE(BigInt(align(fileSize, PAGE_SIZE)), 32);
  segment.writeBigUInt64LE(BigInt(fileSize), 48);
}
