import { crc32, deflateSync } from 'node:zlib';

/** An `.ico` file with bitmaps of these sizes; 256 is a PNG, as it is usual. */
export function makeIcon(...sizes: readonly number[]): Buffer {
  const images = sizes.map((size) => (size === 256 ? makePng(size) : bitmap(size)));
  const head = Buffer.alloc(6 + 16 * sizes.length);
  head.writeUInt16LE(1, 2);
  head.writeUInt16LE(sizes.length, 4);
  let offset = head.length;
  for (const [index, image] of images.entries()) {
    const at = 6 + 16 * index;
    head[at] = sizes[index]! % 256;
    head[at + 1] = sizes[index]! % 256;
    head.writeUInt16LE(1, at + 4);
    head.writeUInt16LE(32, at + 6);
    head.writeUInt32LE(image.length, at + 8);
    head.writeUInt32LE(offset, at + 12);
    offset += image.length;
  }
  return Buffer.concat([head, ...images]);
}

/** A red square. */
export function makePng(size: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header.set([8, 6], 8); // eight bits of red, green, blue and alpha each
  const line = Buffer.alloc(1 + 4 * size);
  for (let at = 1; at < line.length; at += 4) line.set([255, 0, 0, 255], at);
  const chunks = [chunk('IHDR', header), chunk('IDAT', deflateSync(Buffer.concat(Array(size).fill(line))))];
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    ...chunks,
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, content: Buffer): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(4), Buffer.from(type, 'latin1'), content, Buffer.alloc(4)]);
  bytes.writeUInt32BE(content.length, 0);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, -4)), bytes.length - 4);
  return bytes;
}

/** BITMAPINFOHEADER with twice the height, pixels, and a mask of one bit per pixel. */
function bitmap(size: number): Buffer {
  const header = Buffer.alloc(40);
  header.writeUInt32LE(40, 0);
  header.writeInt32LE(size, 4);
  header.writeInt32LE(size * 2, 8);
  header.writeUInt16LE(1, 12);
  header.writeUInt16LE(32, 14);
  const pixels = Buffer.alloc(4 * size * size);
  for (let at = 0; at < pixels.length; at += 4) pixels.set([0, 0, 255, 255], at);
  return Buffer.concat([header, pixels, Buffer.alloc(Math.ceil(size / 32) * 4 * size)]);
}
