import { expect, test } from 'vitest';
import { decodeStamp, encodeStamp, findStamp, STAMP_SIZE, type Stamp } from '../src/stamp.ts';

const stamp: Stamp = {
  manifestOffset: 30_000_000,
  manifestLength: 4321,
  manifestDigest: 'ab'.repeat(32),
  payloadOffset: 200_000,
  runtimeSize: 108_512_048,
  runtimeDiskSize: 108_512_048,
  releaseDiskSize: 8192,
  entrySize: 20,
  keep: 2,
  ignoreNodeOptions: false,
  shell: true,
  service: false,
  compileCache: true,
  name: 'hello',
  version: '1.0.0',
  id: 'abababababab',
  target: 'linux-x64',
  runtimeDirectory: 'node-24.21.0-linux-x64-0123456789ab',
  runtimeExecutable: 'bin/node',
  releaseDirectory: 'hello-1.0.0-abababababab',
  entry: 'lib/hello-1.0.0/main.js',
  guard: 'releases/1.0.0/guard.cjs',
  maintenance: 'maintenance',
  overrideVariable: 'HELLO_INSTALL_DIR',
  template: [{ literal: '--no-warnings' }, { path: 'lib/hello-1.0.0/main.js' }],
  stubDigest: 'cd'.repeat(32),
};

test('a stamp is read back as it was written', () => {
  const bytes = encodeStamp(stamp);
  expect(bytes.length).toBe(STAMP_SIZE);
  expect(decodeStamp(bytes)).toEqual(stamp);
});

test('every single byte of a stamp is under its digest, the magic and format apart', () => {
  const bytes = encodeStamp(stamp);
  for (let at = 20; at < STAMP_SIZE; at += 1) {
    const altered = Buffer.from(bytes);
    altered[at]! ^= 1;
    expect(() => decodeStamp(altered), `byte ${at}`).toThrow(/altered|bare stub/);
  }
});

test('a stamp that does not fit names what to shorten', () => {
  const long = { ...stamp, entry: `lib/${'x'.repeat(4000)}.js` };
  expect(() => encodeStamp(long)).toThrow(/Shorten the path of the entry/);
});

test('a stamp is found anywhere in a file, and not where there is none', () => {
  const file = Buffer.concat([Buffer.alloc(777), encodeStamp(stamp), Buffer.alloc(10)]);
  expect(findStamp(file)).toBe(777);
  expect(findStamp(file.subarray(0, 800))).toBe(-1);
  expect(findStamp(Buffer.alloc(10_000))).toBe(-1);
});
