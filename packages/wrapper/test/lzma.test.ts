import { createHash, randomBytes } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { describe, expect, test } from 'vitest';
import { compressFrame, compressionSettings } from '../src/compression.ts';
import { decodeFrame } from '../src/executable-file.ts';
import { decodeLzma, encodeLzma } from '../src/lzma.ts';
import type { Manifest } from '../src/manifest.ts';
import { storedFrame } from '../src/payload/frames.ts';

const properties = { literalContext: 3, literalPosition: 0, position: 2 };
const text = Buffer.from(
  Array.from({ length: 3_000 }, (_, index) => `line ${index} of ${index % 7}\n`).join(''),
);

const encode = (content: Buffer) => encodeLzma(content, properties, () => {});

describe('an LZMA stream', () => {
  test.each([
    { literalContext: 3, literalPosition: 0, position: 2 },
    { literalContext: 4, literalPosition: 0, position: 0 },
    { literalContext: 2, literalPosition: 2, position: 2 },
  ])('with the properties %o gives back its content', async (chosen) => {
    const stream = await encodeLzma(text, chosen, () => {});
    expect(stream.length).toBeLessThan(text.length / 8);
    const { literalContext, literalPosition, position } = chosen;
    expect(stream[0]).toBe((position * 5 + literalPosition) * 9 + literalContext);
    expect(decodeLzma(stream, text.length).equals(text)).toBe(true);
  });

  test('is the same bytes on every host', async () => {
    const stream = await encode(Buffer.from(`a rose is a rose; ${'x'.repeat(300)} a hose is, and xxxx`));
    expect(stream.toString('hex')).toBe(SAME_EVERYWHERE);
    const digest = createHash('sha256')
      .update(await encode(text))
      .digest('hex');
    expect(digest).toBe(SAME_DIGEST);
  });

  test('refers to what lies far before', async () => {
    const far = randomBytes(200_000);
    const stream = await encode(Buffer.concat([far, far]));
    expect(stream.length).toBeLessThan(far.length * 1.02);
  });

  test('that is cut off, altered, followed by something or not of that size is damaged', async () => {
    const stream = await encode(text);
    expect(decodeLzma(stream.subarray(0, -1), text.length)).toHaveLength(0);
    expect(decodeLzma(Buffer.concat([stream, Buffer.alloc(5)]), text.length)).toHaveLength(0);
    expect(decodeLzma(stream, text.length - 1)).toHaveLength(0);
    expect(decodeLzma(Buffer.alloc(0), 10)).toHaveLength(0);
    expect(decodeLzma(Buffer.from([0xff, ...stream.subarray(1)]), text.length)).toHaveLength(0);
    const altered = Buffer.from(stream);
    altered[1000]! ^= 1;
    expect(decodeLzma(altered, text.length).equals(text)).toBe(false);
  });
});

test('a frame may be larger than the memory of the coder', async () => {
  // Its addresses have 32 bits.
  expect(decodeLzma(await encode(text), 0xfffffff0).equals(text)).toBe(true);
});

test('too little memory is said, and the content not stored as it is', async () => {
  setFlagsFromString('--wasm-max-mem-pages=800');
  const frame = compressFrame(Buffer.alloc(30_000_000), 'data', compressionSettings('smallest'));
  await expect(frame.finally(() => setFlagsFromString('--wasm-max-mem-pages=65536'))).rejects.toMatchObject({
    code: 'NO_MEMORY',
    message: expect.stringMatching(/^There is not enough memory .* --compression best\.$/),
  });
});

test('the event loop lives while a stream is made, and hears of all its bytes', async () => {
  let turns = 0;
  const turning = setInterval(() => turns++, 1);
  let bytes = 0;
  await encodeLzma(Buffer.alloc(20_000_000, 'a text that repeats; '), properties, (more) => {
    bytes += more;
  });
  clearInterval(turning);
  expect(turns).toBeGreaterThan(10);
  expect(bytes).toBe(20_000_000);
});

test.each(['fast', 'smallest'] as const)(
  'what would not get shorter at %s is stored as it is',
  async (compression) => {
    const settings = compressionSettings(compression);
    for (const content of [randomBytes(10_000), Buffer.from('a'), Buffer.alloc(0)]) {
      expect(await compressFrame(content, 'release', settings)).toEqual({ codec: 'none', stored: content });
    }
  },
);

test('a frame that cannot be compressed fails once, and leaves no rejection behind', async () => {
  // More than its length, which zstd was promised.
  const content = Object.assign(Buffer.alloc(10), { subarray: () => randomBytes(3_000_000) });
  const failure = compressFrame(content, 'release', compressionSettings('fast'));
  await expect(failure).rejects.toThrow(/size/);
  await new Promise(setImmediate);
});

test('a frame of either codec is read from the file by what the manifest says', async () => {
  const settings = compressionSettings('smallest');
  for (const content of [text, randomBytes(10_000)]) {
    const compressed = await compressFrame(content, 'data', settings);
    const { frame } = storedFrame('release', compressed, 0, content.length);
    expect(frame.codec).toBe(content === text ? 'lzma' : 'none');
    const manifest = { runtime: { filter: null } } as Manifest;
    expect(decodeFrame({ ...frame, offset: 0 }, compressed.stored, manifest).equals(content)).toBe(true);
  }
});

const SAME_EVERYWHERE =
  '5d0030880a47343402628f78331b6a90f597c704becccafbb528b02f75db73c1077c0f071c6d7ffdb58e01';
const SAME_DIGEST = '189a3686ae3b003551b6e5f49059081650c2206ffb47b495c20a5e0ed89bf17d';
