import { MalformedExecutableError } from './errors.ts';

/** IMAGE_SCN_MEM_EXECUTE */
export const MEM_EXECUTE = 0x20000000;

/** Headers of a PE file ("PE Format", Microsoft). Offsets in the file, in bytes. */
export interface Pe {
  readonly machine: number;
  readonly bits: 32 | 64;
  /** Offset of the optional header's CheckSum. */
  readonly checksumAt: number;
  /** Offset of the optional header's Subsystem, 16 bits. */
  readonly subsystemAt: number;
  /** Where the certificate table lies, both 0 if there is none. */
  readonly certificates: { readonly offset: number; readonly size: number };
  /** Offset of the data directory that says so, 8 bytes. */
  readonly certificatesAt: number;
  /** IMAGE_FILE_HEADER.Characteristics */
  readonly characteristics: number;
  /** Where the image prefers to be loaded. */
  readonly imageBase: number;
  /** Data directories in their order: addresses relative to the image's base, but for that of the certificates. */
  readonly directories: readonly { readonly address: number; readonly size: number }[];
  readonly sections: readonly PeSection[];
}

export interface PeSection {
  readonly name: string;
  /** Relative to the image's base. */
  readonly address: number;
  readonly offset: number;
  /** Bytes in the file. */
  readonly size: number;
  readonly characteristics: number;
}

/** Reads the headers. Throws MalformedExecutableError. */
export function readPe(file: Buffer): Pe {
  if (file.length < 0x40 || file.readUInt16BE(0) !== 0x4d5a) throw malformed('its magic number is missing');
  const header = file.readUInt32LE(0x3c);
  // Signature and COFF header, then an optional header of at least the fields used here.
  if (header + 24 + 96 > file.length || file.readUInt32BE(header) !== 0x50450000)
    throw malformed('the PE signature is missing');
  const sectionCount = file.readUInt16LE(header + 6);
  const optional = header + 24;
  const optionalSize = file.readUInt16LE(header + 20);
  const magic = file.readUInt16LE(optional);
  if (magic !== 0x10b && magic !== 0x20b) throw malformed(`its optional header is of the kind ${magic}`);
  const directories = optional + (magic === 0x20b ? 112 : 96);
  const sectionTable = optional + optionalSize;
  if (directories > file.length || sectionTable + sectionCount * 40 > file.length)
    throw malformed('it ends within its headers');

  const sections = Array.from({ length: sectionCount }, (_, index) => {
    const at = sectionTable + index * 40;
    const section = {
      name: file.toString('latin1', at, at + 8).replace(/\0+$/, ''),
      address: file.readUInt32LE(at + 12),
      size: file.readUInt32LE(at + 16),
      offset: file.readUInt32LE(at + 20),
      characteristics: file.readUInt32LE(at + 36),
    };
    if (section.offset + section.size > file.length) throw malformed(`section ${section.name} is cut off`);
    return section;
  });
  // The certificate table is the fifth data directory; unlike the others it holds a file offset.
  const hasDirectory = file.readUInt32LE(directories - 4) > 4 && directories + 40 <= sectionTable;
  const certificates = hasDirectory
    ? { offset: file.readUInt32LE(directories + 32), size: file.readUInt32LE(directories + 36) }
    : { offset: 0, size: 0 };
  return {
    machine: file.readUInt16LE(header + 4),
    bits: magic === 0x20b ? 64 : 32,
    checksumAt: optional + 64,
    subsystemAt: optional + 68,
    certificates,
    certificatesAt: directories + 32,
    characteristics: file.readUInt16LE(header + 22),
    imageBase:
      magic === 0x20b ? Number(file.readBigUInt64LE(optional + 24)) : file.readUInt32LE(optional + 28),
    directories: dataDirectories(file, directories, sectionTable),
    sections,
  };
}

function dataDirectories(file: Buffer, at: number, end: number): Pe['directories'] {
  const count = Math.min(file.readUInt32LE(at - 4), Math.floor((end - at) / 8), 16);
  return Array.from({ length: count }, (_, index) => ({
    address: file.readUInt32LE(at + index * 8),
    size: file.readUInt32LE(at + index * 8 + 4),
  }));
}

function malformed(what: string): MalformedExecutableError {
  return new MalformedExecutableError('PE', what);
}
