import { align, type Embedding } from './embedding.ts';
import { AlreadySignedError, NoRoomError } from './errors.ts';
import { readPe } from './pe-headers.ts';
import { chunksOf, type UnsealedFile, unsealedBytes } from './unsealed-file.ts';

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
  const seal = (file: UnsealedFile) => {
    if (!hasChecksum) return;
    const field = Buffer.alloc(4);
    field.writeUInt32LE(checksumOf(file, pe.checksumAt));
    file.write(field, pe.checksumAt);
  };
  return { head, payloadOffset, tail, seal };
}

/**
 * The optional header's CheckSum: the 16-bit words of the file but for the field itself, summed up with
 * end-around carry, plus the length (as CheckSumMappedFile of ImageHlp computes it).
 */
export function checksum(file: Buffer, checksumAt: number): number {
  return checksumOf(unsealedBytes(file), checksumAt);
}

function checksumOf(file: UnsealedFile, checksumAt: number): number {
  let sum = 0;
  // Sums of 16-bit words stay exact in a double far beyond 4 GiB of them. Only the last chunk may be odd.
  for (const chunk of chunksOf(file, file.size)) {
    for (let at = 0; at < chunk.length; at += 2) sum += chunk[at]! | ((chunk[at + 1] ?? 0) << 8);
  }
  const field = file.read(checksumAt, 4);
  sum -= field.readUInt16LE(0) + field.readUInt16LE(2);
  while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
  return sum + file.size;
}
