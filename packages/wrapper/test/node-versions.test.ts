// What libraries a runtime is built from is read from its file, since that of another machine cannot be asked.
import { readFile } from 'node:fs/promises';
import { beforeAll, expect, test } from 'vitest';
import { readNodeVersions } from '../src/sbom/node-versions.ts';

let own: Buffer;
const { node, ...others } = process.versions;
/** What the Node that runs the tests says of itself. */
const expected = Object.fromEntries(Object.entries(others).filter(([, version]) => version !== ''));

beforeAll(async () => {
  own = await readFile(process.execPath);
});

test('it is what the runtime says when it is asked', () => {
  expect(readNodeVersions(own, node)).toEqual({ complete: true, versions: expected });
});

test('a file that says it is another version is not believed', () => {
  expect(readNodeVersions(own, '24.0.1').complete).toBe(false);
});

test('without a snapshot only V8 and OpenSSL are named, which say themselves what they are', () => {
  const { v8, openssl } = process.versions;
  const without = Buffer.from(own);
  for (const at of places(without, `\0${v8}`)) {
    // Strings of the snapshot say how long they are before they begin; that of V8 itself does not.
    if (without.readUInt32LE(at - 3) === v8.length) without.writeUInt32LE(0, at - 3);
  }
  expect(readNodeVersions(without, node)).toEqual({ complete: false, versions: { v8, openssl } });
});

test('a value that cannot be one of its name spoils all of them', () => {
  const { unicode, v8 } = process.versions;
  const wrong = Buffer.from(own);
  const [snapshot] = places(wrong, `\0${v8}`).filter((at) => wrong.readUInt32LE(at - 3) === v8.length);
  const near = wrong.lastIndexOf(`\0${unicode}`, snapshot);
  wrong.write('x'.repeat(unicode!.length), near + 1);
  expect(readNodeVersions(wrong, node).complete).toBe(false);
});

test('an empty file, and one of other bytes, say nothing', () => {
  for (const bytes of [Buffer.alloc(0), Buffer.alloc(100_000, '-node.'), own.subarray(0, 1_000_000)]) {
    expect(readNodeVersions(bytes, node)).toEqual({ complete: false, versions: {} });
  }
});

function places(bytes: Buffer, needle: string): readonly number[] {
  const found: number[] = [];
  for (let at = bytes.indexOf(needle); at !== -1; at = bytes.indexOf(needle, at + 1)) found.push(at);
  return found;
}
