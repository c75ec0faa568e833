import { createHash } from 'node:crypto';
import { STAMP_SIZE } from '../stamp.ts';
import { type Elf, HEADER, holdsBytes, malformed, PT, readElf, readNumber, SECTION } from './elf-headers.ts';
import { identify } from './identify.ts';
import { readPe } from './pe-headers.ts';

/** Where the parts of an executable lie in it, in bytes. */
export interface Parts {
  readonly stampAt: number;
  readonly payloadOffset: number;
  /** The end of the manifest. */
  readonly payloadEnd: number;
}

/**
 * SHA-256, in hex digits, of what is to stay of an executable besides stamp and payload, which have hashes of their own:
 * on Linux of what is loaded, which `strip` and `objcopy` leave as it is; on Windows of all that a signature covers. Empty
 * on macOS, where every executable has a signature. Throws MalformedExecutableError, also for bytes behind the end.
 */
export function stubDigest(executable: Buffer, parts: Parts): string {
  switch (identify(executable)?.format) {
    case 'elf':
      return elfDigest(executable, parts);
    case 'pe':
      return peDigest(executable, parts);
    default:
      return '';
  }
}

/** ELF header and program headers are written anew by `strip`; what they say of memory is not. */
function elfDigest(executable: Buffer, { stampAt }: Parts): string {
  const elf = readElf(executable);
  checkEnd(elf);
  const hash = createHash('sha256');
  hash.update(`entry ${readNumber(elf, ENTRY_AT, elf.bits / 8)}\n`);
  for (const { type, flags, offset, address, fileSize, memorySize } of elf.segments) {
    if (type !== PT.LOAD) continue;
    hash.update(`load ${flags} ${address} ${fileSize} ${memorySize}\n`);
    const start = Math.max(offset, offset === 0 ? elf.headersEnd : 0);
    const end = offset + fileSize;
    const isStamped = start <= stampAt && stampAt < end;
    hash.update(executable.subarray(start, isStamped ? stampAt : end));
    if (isStamped) hash.update(executable.subarray(stampAt + STAMP_SIZE, end));
  }
  return hash.digest('hex');
}

/** No program reads what is behind all that the headers tell of. */
function checkEnd(elf: Elf): void {
  const { shoff } = HEADER[elf.bits];
  const tableEnd = readNumber(elf, shoff, elf.bits / 8) + elf.sections.length * SECTION[elf.bits].length;
  const ends = elf.sections.filter(holdsBytes).map(({ offset, size }) => offset + size);
  const behind = elf.file.length - Math.max(elf.loadedEnd, tableEnd, ...ends);
  if (behind > 0) throw malformed(`${behind} bytes were appended to it`);
}

/** e_entry, in both classes. */
const ENTRY_AT = 24;

/** All but the checksum, and the certificate table with what says where it is. */
function peDigest(executable: Buffer, { stampAt, payloadOffset, payloadEnd }: Parts): string {
  const { checksumAt, certificatesAt, certificates } = readPe(executable);
  const head = Buffer.from(executable.subarray(0, payloadOffset));
  head.fill(0, checksumAt, checksumAt + 4);
  head.fill(0, certificatesAt, certificatesAt + 8);
  head.fill(0, stampAt, stampAt + STAMP_SIZE);
  const end = certificates.size === 0 ? executable.length : certificates.offset;
  return createHash('sha256').update(head).update(executable.subarray(payloadEnd, end)).digest('hex');
}
