import { align, type Embedding } from './embedding.ts';
import { AlreadySignedError, NoRoomError } from './errors.ts';
import { readPe } from './pe-headers.ts';

const PAYLOAD_ALIGNMENT = 16;
/** A certificate table begins at a multiple of 8; whoever signs a file pads it to that. */
const CERTIFICATE_ALIGNMENT = 8;
/** Offsets in a PE file, that of a certificate table among them, have 32 bits. */
const MAXIMUM_SIZE = 0xffffffff;

/**
 * Puts a payload behind a Windows stub, where nothing is loaded and Authenticode covers it: a signature
 * made later comes after it and moves nothing. Throws MalformedExecutableError, AlreadySignedError and
 * NoRoomError.
 */
export function embed(stub: Buffer, payloadLength: number): Embedding {
  const pe = readPe(stub);
  if (pe.certificates.size !== 0) throw new AlreadySignedError('PE');
  const payloadOffset = align(stub.length, PAYLOAD_ALIGNMENT);
  const end = align(payloadOffset + payloadLength, CERTIFICATE_ALIGNMENT);
  if (end > MAXIMUM_SIZE)
    throw new NoRoomError('PE', `it would have ${end} bytes`, 'Windows executables hold at most 4 GiB.');

  const head = Buffer.alloc(payloadOffset);
  stub.copy(head);
  const tail = Buffer.alloc(end - payloadOffset - payloadLength);
  const hasChecksum = stub.readUInt32LE(pe.checksumAt) !== 0;
  const seal = (file: Buffer) => {
    if (hasChecksum) file.writeUInt32LE(checksum(file, pe.checksumAt), pe.checksumAt);
  };
  return { head, payloadOffset, tail, seal };
}

/**
 * The optional header's CheckSum: the 16-bit words of the file but for the field itself, summed up with
 * end-around carry, plus the length (as CheckSumMappedFile of ImageHlp computes it).
 */
export function checksum(file: Buffer, checksumAt: number): number {
  const even = file.length & ~1;
  let sum = 0;
  // Sums of 16-bit words stay exact in a double far beyond 4 GiB of them.
  for (let at = 0; at < even; at += 2) sum += file[at]! | (file[at + 1]! << 8);
  if (even < file.length) sum += file[even]!;
  sum -= file.readUInt16LE(checksumAt) + file.readUInt16LE(checksumAt + 2);
  while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
  return sum + file.length;
}
