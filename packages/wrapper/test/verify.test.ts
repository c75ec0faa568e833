// What is not as it should be in a file whose digests are right, or that ends too early, is said in words.
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openExecutable } from '../src/executable-file.ts';
import { readSbom } from '../src/sbom/read-sbom.ts';
import { findStamp, STAMP_SIZE } from '../src/stamp.ts';
import { shippedTargets } from '../src/targets.ts';
import { verify } from '../src/verify.ts';
import { wrap } from '../src/wrap.ts';
import { writeAssembled } from './support/assembled.ts';
import { writeNodes } from './support/darwin-node.ts';
import { universalOf } from './support/universal.ts';

let root: string;
let whole: Buffer;
let damaged: string;

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'sarma-verify-'));
  damaged = path.join(root, 'damaged');
  const directory = await writeAssembled(path.join(root, 'release'), {}, { 'folder/a.js': '' });
  await symlink('entry.js', path.join(directory, 'link.js'));
  const range = await writeNodes(path.join(root, 'nodes'), { 'darwin-arm64': '24.1.0' });
  const targets = [shippedTargets.get('darwin-arm64')!];
  const output = path.join(root, 'whole');
  await wrap({ directory, targets, output, project: root, range, compression: 'none' });
  whole = await readFile(output);
});
afterAll(() => rm(root, { recursive: true }));

/** The executable with another stamp, whose own hash is right. */
function withStamp(edit: (stamp: Buffer, file: Buffer) => void): Buffer {
  const file = Buffer.from(whole);
  const at = findStamp(file);
  const stamp = file.subarray(at, at + STAMP_SIZE);
  edit(stamp, file);
  createHash('sha256')
    .update(stamp.subarray(0, 120 + stamp.readUInt32LE(116)))
    .digest()
    .copy(stamp, STAMP_SIZE - 32);
  return file;
}

/** And with another manifest of the same length. */
function withManifest(from: string, to: string): Buffer {
  const at = whole.lastIndexOf(from);
  expect(at).not.toBe(-1);
  return withStamp((stamp, file) => {
    file.write(to, at);
    const offset = Number(stamp.readBigUInt64LE(24));
    const manifest = file.subarray(offset, offset + Number(stamp.readBigUInt64LE(32)));
    createHash('sha256').update(manifest).digest().copy(stamp, 40);
  });
}

const failedOf = async (bytes: Buffer) => {
  await writeFile(damaged, bytes);
  const { ok, checks } = await verify(damaged);
  const failed = checks.filter((check) => !check.ok && check.name !== 'signature');
  expect(ok).toBe(false);
  return failed.map(({ name, detail }) => `${name}: ${detail}`);
};

test.each([
  [
    '"path":"entry.js","size":20,"mode":420',
    '"path":"entry.js","size":20,"mode":493',
    /^release: entry.js is a file of mode 644 with the XXH3 (\w+), and a file of mode 755 with the XXH3 \1 in the manifest\.$/,
  ],
  [
    '"path":"link.js","target":"entry.js"',
    '"path":"link.js","target":"other.js"',
    /^release: link.js is a link to entry.js, and a link to other.js in the manifest\.$/,
  ],
  [
    '"directories":["folder"',
    '"directories":["golder"',
    /the release holds folder, which is not in its manifest/,
  ],
  ['"path":"link.js"', '"path":"mink.js"', /the release holds link.js, which is not in its manifest/],
  [
    '"position":0,"codec"',
    '"position":8,"codec"',
    /^release: frame \d+ is said to begin at 8 instead of 0\.$/,
  ],
])('a tar whose manifest says %s instead of %s', async (before, after, said) => {
  expect(await failedOf(withManifest(before, after))).toEqual([expect.stringMatching(said)]);
});

test('a stored byte that differs is found by whoever reads the frame', async () => {
  const { manifest, stamp, close } = await openExecutable(path.join(root, 'whole'));
  await close();
  const frame = manifest.frames.findLast(({ part }) => part === 'release')!;
  const file = Buffer.from(whole);
  file[stamp.payloadOffset + frame.offset + 20]! ^= 1;
  const count = manifest.frames.length;
  const sentence = `${damaged} is damaged: frame ${count} of ${count} (bytes `;
  expect((await failedOf(file))[0]).toContain(`release: ${sentence}`);
  await expect(readSbom(damaged)).rejects.toThrow(sentence);
});

test('a universal file is not whole with bytes behind its last slice', async () => {
  const universal = universalOf([whole, whole]);
  await writeFile(damaged, universal);
  expect((await verify(damaged)).ok).toBe(true);
  expect(await failedOf(Buffer.concat([universal, Buffer.from('1234567')]))).toEqual([
    'slices: 7 bytes follow the last one. Get the file again.',
  ]);
});

describe.each(['linux-x64', 'linux-s390x', 'linux-armv7l', 'win-x64'])('the stub for %s', (target) => {
  let built: Buffer;
  beforeAll(async () => {
    const range = await writeNodes(path.join(root, target), { [target]: '24.1.0' });
    const [directory, output] = [path.join(root, 'release'), path.join(root, `whole_${target}`)];
    const targets = [shippedTargets.get(target)!];
    await wrap({ directory, targets, output, project: root, range, compression: 'none' });
    expect((await verify(output)).checks).toContainEqual({
      name: 'stub',
      ok: true,
      detail: 'as it was built',
    });
    built = await readFile(output);
  });

  test('is not whole with another bit anywhere', async () => {
    const at = findStamp(built);
    for (const position of [0x800, at >> 1, at - 0x200]) {
      const file = Buffer.from(built);
      file[position]! ^= 1;
      expect(await failedOf(file), `byte ${position}`).toEqual([
        'stub: it is not the one that was built. Get the file again.',
      ]);
    }
  });

  test('nor with bytes behind its end', async () => {
    const file = Buffer.concat([built, Buffer.from('1234567')]);
    expect(await failedOf(file)).toEqual([expect.stringMatching(/^stub: /)]);
  });
});

describe('a file that ends too early', () => {
  test('because its stamp asks for what no file has', async () => {
    for (const at of [24, 32]) {
      const file = withStamp((stamp) => stamp.writeBigUInt64LE(2n ** 52n, at));
      expect((await failedOf(file))[0]).toContain(`${damaged} is truncated: the manifest should end at byte`);
    }
  });

  test('and has slices, in their header or in a slice', async () => {
    const universal = universalOf([whole, whole]);
    for (const length of [30, universal.length - 1]) {
      expect((await failedOf(universal.subarray(0, length)))[0]).toContain(`${damaged} is truncated: `);
      await expect(openExecutable(damaged)).rejects.toMatchObject({ code: 'TRUNCATED' });
    }
  });
});
