import { hash } from 'node:crypto';
import { chunksOf, type UnsealedFile } from './unsealed-file.ts';

// Structures and numbers of an embedded signature from <Kernel/kern/cs_blobs.h>; all big-endian.
const CSMAGIC_EMBEDDED_SIGNATURE = 0xfade0cc0;
const CSMAGIC_CODEDIRECTORY = 0xfade0c02;
const CSSLOT_CODEDIRECTORY = 0;
/** The first version with the fields about the executable segment. */
const CS_SUPPORTSEXECSEG = 0x20400;
const CS_ADHOC = 0x2;
/** Made by a linker: `codesign -s` replaces it without being told to. */
const CS_LINKER_SIGNED = 0x20000;
const CS_HASHTYPE_SHA256 = 2;
const CS_EXECSEG_MAIN_BINARY = 1;

const HASH_SIZE = 32;
const PAGE_SIZE_LOG2 = 12;
const PAGE_SIZE = 1 << PAGE_SIZE_LOG2;
/** Super blob header and its one index entry. */
const SUPER_BLOB_SIZE = 12 + 8;
const CODE_DIRECTORY_SIZE = 88;

/** What an ad-hoc signature is made over; offsets and sizes in bytes. */
export interface SignedCode {
  readonly identifier: string;
  /** Where the signature lies in the file: everything before it is signed. */
  readonly codeLimit: number;
  /** The segment `__TEXT` in the file. */
  readonly executableSegment: { readonly offset: number; readonly size: number };
}

/** Size of the signature of `codeLimit` bytes, in bytes. */
export function signatureSize(identifier: string, codeLimit: number): number {
  return SUPER_BLOB_SIZE + CODE_DIRECTORY_SIZE + identifierBytes(identifier).length + hashesSize(codeLimit);
}

/**
 * The ad-hoc signature that a linker would give the file: one code directory with SHA-256 hashes of
 * pages of 4 KiB, no requirements, no certificates.
 */
export function sign(file: UnsealedFile, code: SignedCode): Buffer {
  const identifier = identifierBytes(code.identifier);
  const signature = Buffer.alloc(signatureSize(code.identifier, code.codeLimit));
  signature.writeUInt32BE(CSMAGIC_EMBEDDED_SIGNATURE, 0);
  signature.writeUInt32BE(signature.length, 4);
  signature.writeUInt32BE(1, 8);
  signature.writeUInt32BE(CSSLOT_CODEDIRECTORY, 12);
  signature.writeUInt32BE(SUPER_BLOB_SIZE, 16);

  const directory = signature.subarray(SUPER_BLOB_SIZE);
  const hashesAt = CODE_DIRECTORY_SIZE + identifier.length;
  directory.writeUInt32BE(CSMAGIC_CODEDIRECTORY, 0);
  directory.writeUInt32BE(directory.length, 4);
  directory.writeUInt32BE(CS_SUPPORTSEXECSEG, 8);
  directory.writeUInt32BE(CS_ADHOC | CS_LINKER_SIGNED, 12);
  directory.writeUInt32BE(hashesAt, 16);
  directory.writeUInt32BE(CODE_DIRECTORY_SIZE, 20); // identOffset
  directory.writeUInt32BE(0, 24); // nSpecialSlots
  directory.writeUInt32BE(pageCount(code.codeLimit), 28);
  directory.writeUInt32BE(code.codeLimit, 32);
  directory.writeUInt8(HASH_SIZE, 36);
  directory.writeUInt8(CS_HASHTYPE_SHA256, 37);
  directory.writeUInt8(PAGE_SIZE_LOG2, 39);
  // From 40 on: spare2, scatterOffset, teamOffset, spare3 and codeLimit64 (for files above 4 GiB) are 0.
  directory.writeBigUInt64BE(BigInt(code.executableSegment.offset), 64);
  directory.writeBigUInt64BE(BigInt(code.executableSegment.size), 72);
  directory.writeBigUInt64BE(BigInt(CS_EXECSEG_MAIN_BINARY), 80);
  identifier.copy(directory, CODE_DIRECTORY_SIZE);
  let hashAt = hashesAt;
  // Chunks are whole pages, but for the last.
  for (const chunk of chunksOf(file, code.codeLimit)) {
    for (let at = 0; at < chunk.length; at += PAGE_SIZE) {
      hashAt += hash('sha256', chunk.subarray(at, at + PAGE_SIZE), 'buffer').copy(directory, hashAt);
    }
  }
  return signature;
}

function identifierBytes(identifier: string): Buffer {
  return Buffer.from(`${identifier}\0`);
}

function pageCount(codeLimit: number): number {
  return Math.ceil(codeLimit / PAGE_SIZE);
}

function hashesSize(codeLimit: number): number {
  return pageCount(codeLimit) * HASH_SIZE;
}
