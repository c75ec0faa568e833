import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { zstdCompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { type BranchRange, codeRange, decode, encode } from '../src/executables/branch-filter.ts';
import { compileStub } from './support/compile-stub.ts';

const node = readFileSync(process.execPath);
const range = codeRange(node)!;
/** Real code, some of it at either end of the range. */
const code = node.subarray(range.start - 5_000, range.start + 3_000_000);

test('the range is the code of a Node', () => {
  expect(range.name).toBe(process.arch === 'arm64' ? 'arm64' : 'x86');
  expect(range.end - range.start).toBeGreaterThan(30_000_000);
});

test.each([
  ['x86_64-linux-musl', 'x86'],
  ['aarch64-linux-musl', 'arm64'],
  ['x86_64-windows-gnu', 'x86'],
  ['x86-windows-gnu', 'x86'],
  ['aarch64-windows-gnu', 'arm64'],
  ['x86_64-macos', 'x86'],
  ['aarch64-macos', 'arm64'],
])('%s has a range for %s inside of the file', (target, name) => {
  const file = compileStub(target, '-fstrip');
  const found = codeRange(file)!;
  expect(found.name).toBe(name);
  expect(found.start).toBeGreaterThan(0);
  expect(found.end).toBeGreaterThan(found.start);
  expect(found.end).toBeLessThanOrEqual(file.length);
});

test.each(['s390x-linux-musl', 'arm-linux-musleabihf', 'powerpc64le-linux-musl'])('%s has none', (target) => {
  expect(codeRange(compileStub(target, '-fstrip'))).toBeNull();
});

test('what is no executable has none', () => {
  expect(codeRange(Buffer.from('{"name":"hello"}'))).toBeNull();
});

test.each(['x86', 'arm64'] as const)('%s: decoding gives back whatever was encoded', (name) => {
  // Few different bytes, those that decide among them, make every kind of overlap.
  const dense = randomBytes(60_000).map(
    (byte) => [0xe8, 0x48, 0x4c, 0x05, 0x0d, 0x00, 0xff, 0x94, 0x90][byte % 9]!,
  );
  const inputs = [Buffer.from(dense), randomBytes(60_000), code.subarray(0, 60_000)];
  for (const input of inputs) {
    for (let round = 0; round < 400; round++) {
      const [first, length, position, start, size] = Array.from({ length: 5 }, () => random(50_000));
      const frame = input.subarray(first, first! + random(10_000));
      const around: BranchRange = { name, start: start!, end: start! + size! };
      for (const at of [position!, Math.max(0, start! - random(9)), start! + length!]) {
        const encoded = encode(frame, at, around);
        expect(decode(encoded, at, around).equals(frame)).toBe(true);
        expect(outside(encoded, at, around).equals(outside(frame, at, around))).toBe(true);
      }
    }
  }
});

test('frames of real code, cut anywhere, come back', () => {
  for (const at of [0, 5_001, 5_002, 5_003, 123_456, 2_999_999]) {
    const frame = code.subarray(at);
    const position = range.start - 5_000 + at;
    const encoded = encode(frame, position, range);
    expect(decode(encoded, position, range).equals(frame)).toBe(true);
  }
});

test('a frame outside of the range is not changed', () => {
  expect(encode(node.subarray(0, 100_000), 0, range).equals(node.subarray(0, 100_000))).toBe(true);
  expect(encode(code, range.end, range).equals(code)).toBe(true);
});

test('the frame given is left as it was', () => {
  const before = Buffer.from(code);
  expect(encode(code, range.start, range).equals(before)).toBe(false);
  expect(code.equals(before)).toBe(true);
});

test('encoded code compresses better', () => {
  const encoded = encode(code, range.start - 5_000, range);
  expect(zstdCompressSync(encoded).length).toBeLessThan(zstdCompressSync(code).length * 0.97);
});

// One example of each rule of docs/format.md, worked out by hand.
test.each([
  ['a call names its target', 'e800010000', 'e810110000'],
  ['a call backwards too', 'e8f0efffff', 'e800000000'],
  ['a call behind the end of the range takes the place of those before the file', 'e800f00000', 'e800f0ffff'],
  ['a call beyond that is none', 'e800000100', 'e800000100'],
  ['a jump stays', 'e900010000', 'e900010000'],
  ['a relative operand names its place', '488d0500010000', '488d0510110000'],
  ['and wraps around', '4c8b3df0ffffff', '4c8b3d00100000'],
  ['other operands stay', '488d4500010000', '488d4500010000'],
  ['a call with a prefix is a call', '48e80d01000000', '48e81e11000000'],
  ['an instruction that is cut off stays', '488d05000100', '488d05000100'],
])('x86: %s', (_, plain, encoded) => {
  const frame = Buffer.from(plain, 'hex');
  const around: BranchRange = { name: 'x86', start: 0x1010, end: 0x10000 };
  expect(encode(frame, 0x1010, around).toString('hex')).toBe(encoded);
});

test.each([
  ['BL names its target', 0x94000001, 0x94000405],
  ['BL wraps around', 0x97ffffff, 0x94000403],
  ['B stays', 0x14000001, 0x14000001],
  ['ADRP names its page', 0x90000000, 0xb0000000],
  ['ADRP wraps around', 0xf0ffffe3, 0x90000003],
])('arm64: %s', (_, plain, encoded) => {
  const [frame, expected] = [Buffer.alloc(4), Buffer.alloc(4)];
  frame.writeUInt32LE(plain);
  expected.writeUInt32LE(encoded);
  const around: BranchRange = { name: 'arm64', start: 0x1000, end: 0x2000 };
  expect(encode(frame, 0x1010, around).toString('hex')).toBe(expected.toString('hex'));
});

function outside(bytes: Buffer, position: number, { start, end }: BranchRange): Buffer {
  const clamp = (at: number) => Math.min(Math.max(at - position, 0), bytes.length);
  return Buffer.concat([bytes.subarray(0, clamp(start)), bytes.subarray(clamp(end))]);
}

function random(limit: number): number {
  return Math.floor(Math.random() * limit);
}
