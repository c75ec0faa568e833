import { unknownData } from './errors.ts';

/**
 * Numbers of ICU data, which have the byte order of the CPU that it is for. Offsets in bytes. Reading throws IcuDataError
 * where the data leads outside of itself.
 */
export interface Numbers {
  read16(bytes: Buffer, at: number): number;
  read32(bytes: Buffer, at: number): number;
  write16(bytes: Buffer, at: number, value: number): void;
  write32(bytes: Buffer, at: number, value: number): void;
}

export const LITTLE_ENDIAN: Numbers = {
  read16: (bytes, at) => held(bytes, at, 2).readUInt16LE(at),
  read32: (bytes, at) => held(bytes, at, 4).readUInt32LE(at),
  write16: (bytes, at, value) => bytes.writeUInt16LE(value, at),
  write32: (bytes, at, value) => bytes.writeUInt32LE(value, at),
};

export const BIG_ENDIAN: Numbers = {
  read16: (bytes, at) => held(bytes, at, 2).readUInt16BE(at),
  read32: (bytes, at) => held(bytes, at, 4).readUInt32BE(at),
  write16: (bytes, at, value) => bytes.writeUInt16BE(value, at),
  write32: (bytes, at, value) => bytes.writeUInt32BE(value, at),
};

function held(bytes: Buffer, at: number, size: number): Buffer {
  if (at + size > bytes.length) throw unknownData('leads outside of itself');
  return bytes;
}
