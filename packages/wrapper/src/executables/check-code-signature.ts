import { hash } from 'node:crypto';
import { LC, malformed, readMacho } from './macho-commands.ts';

// Structures and numbers of an embedded signature from <Kernel/kern/cs_blobs.h>; all big-endian.
const CSMAGIC_EMBEDDED_SIGNATURE = 0xfade0cc0;
const CSMAGIC_CODEDIRECTORY = 0xfade0c02;
const CODE_DIRECTORY_SIZE = 44;
/** The first version with codeLimit64, and what it has at least. */
const CS_SUPPORTSCODELIMIT64 = 0x20300;
const CODE_DIRECTORY_64_SIZE = 64;
const CS_ADHOC = 0x2;
/** hashType → the algorithm by the name that Node has for it, and the bytes of a hash that are kept. */
const ALGORITHMS = new Map([
  [1, { name: 'sha1', size: 20 }],
  [2, { name: 'sha256', size: 32 }],
  [3, { name: 'sha256', size: 20 }],
  [4, { name: 'sha384', size: 48 }],
]);

/** What a signature says of a Mach-O executable whose every byte before it is as it was signed. */
export interface CodeSignature {
  readonly identifier: string;
  /** Without a certificate: it holds the file together and names nobody. */
  readonly isAdHoc: boolean;
}

/**
 * Checks that a Mach-O executable for one CPU has a signature which ends it and covers all before, and that every page
 * has the hash that is signed. Says nothing of certificates. Throws MalformedExecutableError.
 */
export function checkCodeSignature(executable: Buffer): CodeSignature {
  const { commands, segments } = readMacho(executable);
  const command = commands.find(({ command }) => command === LC.CODE_SIGNATURE);
  if (command === undefined) throw malformed('it has no signature');
  const offset = executable.readUInt32LE(command.at + 8);
  const end = offset + executable.readUInt32LE(command.at + 12);
  const last = segments.at(-1);
  if (end !== executable.length || last?.name !== '__LINKEDIT' || last.offset + last.fileSize !== end)
    throw malformed('its signature does not end __LINKEDIT and the file');
  const directories = codeDirectories(executable.subarray(offset));
  for (const directory of directories) checkPages(executable, offset, directory);
  const [first] = directories;
  if (first === undefined) throw malformed('its signature has no code directory');
  const identifierAt = first.readUInt32BE(20);
  const identifierEnd = first.indexOf(0, identifierAt);
  return {
    identifier: first.toString('utf8', identifierAt, identifierEnd),
    isAdHoc: (first.readUInt32BE(12) & CS_ADHOC) !== 0,
  };
}

/** There is one for each kind of hash. */
function codeDirectories(signature: Buffer): readonly Buffer[] {
  if (signature.length < 12 || signature.readUInt32BE(0) !== CSMAGIC_EMBEDDED_SIGNATURE)
    throw malformed('what should be its signature is none');
  const count = signature.readUInt32BE(8);
  if (12 + count * 8 > signature.length) throw malformed('its signature is cut off');
  return Array.from({ length: count }, (_, index) => {
    const at = signature.readUInt32BE(12 + index * 8 + 4);
    if (at + 8 > signature.length) throw malformed('its signature is cut off');
    return signature.subarray(at, at + signature.readUInt32BE(at + 4));
  }).filter((blob) => blob.length >= CODE_DIRECTORY_SIZE && blob.readUInt32BE(0) === CSMAGIC_CODEDIRECTORY);
}

function checkPages(executable: Buffer, signatureOffset: number, directory: Buffer): void {
  const isWide = directory.readUInt32BE(8) >= CS_SUPPORTSCODELIMIT64;
  if (isWide && directory.length < CODE_DIRECTORY_64_SIZE)
    throw malformed('the code directory of its signature is cut off');
  const limit64 = isWide ? Number(directory.readBigUInt64BE(56)) : 0;
  if ((limit64 || directory.readUInt32BE(32)) !== signatureOffset)
    throw malformed('its signature does not cover all before it');
  const algorithm = ALGORITHMS.get(directory.readUInt8(37));
  const hashesAt = directory.readUInt32BE(16);
  const pageSize = 2 ** directory.readUInt8(39);
  const pages = Math.ceil(signatureOffset / pageSize);
  if (
    algorithm?.size !== directory.readUInt8(36) ||
    directory.readUInt32BE(28) !== pages ||
    hashesAt + pages * algorithm.size > directory.length
  )
    throw malformed('its signature has not one hash for each page');
  for (let page = 0; page < pages; page++) {
    const start = page * pageSize;
    const found = hash(
      algorithm.name,
      executable.subarray(start, Math.min(start + pageSize, signatureOffset)),
      'buffer',
    );
    const signedAt = hashesAt + page * algorithm.size;
    const signed = directory.subarray(signedAt, signedAt + algorithm.size);
    if (!found.subarray(0, algorithm.size).equals(signed))
      throw malformed(`its bytes from ${start} on are not those that were signed`);
  }
}
