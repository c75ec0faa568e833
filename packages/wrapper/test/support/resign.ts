// `node resign.ts FILE IDENTIFIER`: what codesign does to a Mach-O file, thin or universal, as far as it can be done
// without a certificate: a larger signature in place of the one that is there, with two code directories, a set of
// requirements and a wrapper. Shares no code with what it tests.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

const [file, identifier] = process.argv.slice(2) as [string, string];
const before = readFileSync(file);
writeFileSync(file, before.readUInt32BE(0) === 0xcafebabe ? resignUniversal(before) : resign(before));

function resignUniversal(universal: Buffer): Buffer {
  const header = Buffer.from(universal.subarray(0, 0x4000));
  const parts: Buffer[] = [header];
  let end = header.length;
  for (let at = 8; at < 8 + 20 * universal.readUInt32BE(4); at += 20) {
    const [offset, size] = [universal.readUInt32BE(at + 8), universal.readUInt32BE(at + 12)];
    const slice = resign(universal.subarray(offset, offset + size));
    const start = Math.ceil(end / 0x4000) * 0x4000;
    header.writeUInt32BE(start, at + 8);
    header.writeUInt32BE(slice.length, at + 12);
    parts.push(Buffer.alloc(start - end), slice);
    end = start + slice.length;
  }
  return Buffer.concat(parts);
}

function resign(executable: Buffer): Buffer {
  const commands = new Map<string, number>();
  for (let at = 32, left = executable.readUInt32LE(16); left > 0; left--) {
    const kind = executable.readUInt32LE(at);
    const name = kind === 0x19 ? executable.toString('latin1', at + 8, at + 24).replace(/\0.*$/s, '') : '';
    commands.set(kind === 0x1d ? 'signature' : name, at);
    at += executable.readUInt32LE(at + 4);
  }
  const [linkedit, signature] = [commands.get('__LINKEDIT')!, commands.get('signature')!];
  const offset = executable.readUInt32LE(signature + 8);
  const code = Buffer.from(executable.subarray(0, offset));
  const blobs = (signed: Buffer): [number, Buffer][] => [
    [0, directory(signed, 1, 20, 'sha1')],
    [2, blob(0xfade0c01, Buffer.alloc(4))],
    [0x1000, directory(signed, 2, 32, 'sha256')],
    [0x10000, blob(0xfade0b01, Buffer.alloc(2000, 7))],
  ];
  // Signers guess how large it will be, and fill up with zeros.
  const size = superBlob(blobs(code)).length + 4000;
  const linkeditSize = offset + size - Number(code.readBigUInt64LE(linkedit + 40));
  code.writeUInt32LE(size, signature + 12);
  code.writeBigUInt64LE(BigInt(linkeditSize), linkedit + 48);
  code.writeBigUInt64LE(BigInt(Math.ceil(linkeditSize / 0x4000) * 0x4000), linkedit + 32);
  const signed = superBlob(blobs(code));
  return Buffer.concat([code, signed, Buffer.alloc(size - signed.length)]);
}

function directory(code: Buffer, type: number, size: number, algorithm: string): Buffer {
  const name = Buffer.from(`${identifier}\0`);
  const header = Buffer.alloc(80);
  const pages = Math.ceil(code.length / 4096);
  const specials = 2 * size;
  const fields = [0x20400, 0x10000, 88 + name.length + specials, 88, 2, pages, code.length];
  for (const [index, value] of fields.entries()) header.writeUInt32BE(value, index * 4);
  header.set([size, type, 0, 12], 28);
  const hashes = Array.from({ length: pages }, (_, page) =>
    createHash(algorithm)
      .update(code.subarray(page * 4096, (page + 1) * 4096))
      .digest(),
  );
  return blob(0xfade0c02, Buffer.concat([header, name, Buffer.alloc(specials), ...hashes]));
}

function superBlob(entries: readonly [number, Buffer][]): Buffer {
  const index = Buffer.alloc(4 + entries.length * 8);
  index.writeUInt32BE(entries.length, 0);
  let at = 8 + index.length;
  for (const [number, [slot, bytes]] of entries.entries()) {
    index.writeUInt32BE(slot, 4 + number * 8);
    index.writeUInt32BE(at, 8 + number * 8);
    at += bytes.length;
  }
  return blob(0xfade0cc0, Buffer.concat([index, ...entries.map(([, bytes]) => bytes)]));
}

function blob(magic: number, content: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32BE(magic, 0);
  header.writeUInt32BE(8 + content.length, 4);
  return Buffer.concat([header, content]);
}
