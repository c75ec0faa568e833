/** Numbers of ICU data, which have the byte order of the CPU that it is for. Offsets in bytes. */
export interface Numbers {
  read16(bytes: Buffer, at: number): number;
  read32(bytes: Buffer, at: number): number;
  write16(bytes: Buffer, at: number, value: number): void;
  write32(bytes: Buffer, at: number, value: number): void;
}

export const LITTLE_ENDIAN: Numbers = {
  read16: (bytes, at) => bytes.readUInt16LE(at),
  read32: (bytes, at) => bytes.readUInt32LE(at),
  write16: (bytes, at, value) => bytes.writeUInt16LE(value, at),
  write32: (bytes, at, value) => bytes.writeUInt32LE(value, at),
};

export const BIG_ENDIAN: Numbers = {
  read16: (bytes, at) => bytes.readUInt16BE(at),
  read32: (bytes, at) => bytes.readUInt32BE(at),
  write16: (bytes, at, value) => bytes.writeUInt16BE(value, at),
  write32: (bytes, at, value) => bytes.writeUInt32BE(value, at),
};
