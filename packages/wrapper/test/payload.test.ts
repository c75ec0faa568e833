import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import {
  chmod,
  mkdir,
  mkdtemp,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBuildCache } from '../src/build-cache.ts';
import { compressionSettings } from '../src/compression.ts';
import { type Piece, writeContents } from '../src/contents.ts';
import { writeExecutable } from '../src/outputs.ts';
import { packRelease } from '../src/payload/pack-release.ts';
import { readTree, withoutFileLinks } from '../src/tree.ts';

let directory: string;
let root: string;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'sarma-payload-'));
  root = path.join(directory, 'release');
  await mkdir(path.join(root, 'lib', 'a'.repeat(120)), { recursive: true });
  await mkdir(path.join(root, 'empty'));
  await writeFile(path.join(root, 'lib', 'a'.repeat(120), 'ünïcode.js'), 'x'.repeat(3_000_000));
  await writeFile(path.join(root, 'lib', 'b.js'), 'b'.repeat(5_000_000));
  await writeFile(path.join(root, 'lib', 'tool'), '#!/bin/sh\n');
  await chmod(path.join(root, 'lib', 'tool'), 0o700);
  await symlink('../lib', path.join(root, 'empty', 'to-lib'));
  await symlink('tool', path.join(root, 'lib', 'to-tool'));
});

afterAll(() => rm(directory, { recursive: true }));

function bytesOf(stored: Piece): Buffer {
  if (Buffer.isBuffer(stored)) return stored;
  return readFileSync(stored.file).subarray(stored.offset, stored.offset + stored.length);
}

const frameContents = async (sliceSize: number) => {
  const settings = { ...compressionSettings('fast'), releaseFrameSize: sliceSize };
  const cache = openBuildCache({ directory: path.join(directory, 'cache') });
  const packed = await packRelease(readTree(root), settings, cache);
  return packed.frames.map(({ frame, stored }) => ({ frame, content: zstdDecompressSync(bytesOf(stored)) }));
};

test('the frames of a release, decoded and put together, are a tar that any tar unpacks', async () => {
  const frames = await frameContents(1_000_000);
  expect(frames.length).toBeGreaterThan(1);
  await writeFile(path.join(directory, 'all.tar'), Buffer.concat(frames.map(({ content }) => content)));
  const out = path.join(directory, 'out');
  await mkdir(out);
  execFileSync('tar', ['-xpf', path.join(directory, 'all.tar'), '-C', out]);
  expect(await readFile(path.join(out, 'lib', 'a'.repeat(120), 'ünïcode.js'), 'utf8')).toHaveLength(
    3_000_000,
  );
  expect(await readlink(path.join(out, 'empty', 'to-lib'))).toBe('../lib');
  const tool = await stat(path.join(out, 'lib', 'tool'));
  expect(tool.mode & 0o777).toBe(0o755);
  expect(tool.mtimeMs).toBe(946_684_800_000);
  expect((await stat(path.join(out, 'lib'))).mtimeMs).toBe(946_684_800_000);
});

test('a frame begins and ends between two entries of the tar', async () => {
  const frames = await frameContents(1_000_000);
  let position = 0;
  for (const { frame, content } of frames) {
    expect(frame.position).toBe(position);
    expect(content.length).toBe(frame.size);
    // Every slice alone is a readable tar (GNU tar minds the missing end only with a warning on stderr).
    execFileSync('tar', ['-t'], { input: content, stdio: ['pipe', 'pipe', 'ignore'] });
    expect(content.toString('latin1', 257, 262)).toBe('ustar');
    position += content.length;
  }
});

test('the tar does not depend on times, umask or owner of the files', async () => {
  const before = Buffer.concat((await frameContents(1_000_000)).map(({ content }) => content));
  execFileSync('touch', ['-d', '2011-11-11', path.join(root, 'lib', 'b.js'), path.join(root, 'lib')]);
  await chmod(path.join(root, 'lib', 'b.js'), 0o600);
  const after = Buffer.concat((await frameContents(1_000_000)).map(({ content }) => content));
  expect(after.equals(before)).toBe(true);
});

test('for Windows, links to files become copies and links to directories stay', async () => {
  const tree = withoutFileLinks(readTree(root), root);
  expect(tree.links).toEqual([{ path: 'empty/to-lib', target: '../lib', directory: true }]);
  expect(tree.files.map((file) => file.path)).toContain('lib/to-tool');
});

test('a link that leads outside is refused, naming it', async () => {
  const outside = path.join(directory, 'outside');
  await mkdir(outside);
  await symlink('/etc/passwd', path.join(outside, 'bad'));
  expect(() => readTree(outside)).toThrow(/bad links to \/etc\/passwd, outside the release/);
});

test('a directory of which everything is left out is left out, too, and an empty one is not', async () => {
  const machines = path.join(directory, 'machines');
  for (const name of ['bare', 'linux', 'win32/x64'])
    await mkdir(path.join(machines, name), { recursive: true });
  for (const name of ['linux/tool', 'win32/x64/tool.exe']) await writeFile(path.join(machines, name), '');
  const tree = readTree(machines, (relative) => relative.endsWith('.exe'));
  expect(tree.directories).toEqual(['bare', 'linux']);
  expect(tree.files.map((file) => file.path)).toEqual(['linux/tool']);
});

test('after a change in one file, most frames come from the build cache', async () => {
  const project = path.join(directory, 'many');
  for (let folder = 0; folder < 40; folder++) {
    await mkdir(path.join(project, `package-${folder}`), { recursive: true });
    for (let file = 0; file < 5; file++)
      await writeFile(
        path.join(project, `package-${folder}`, `${file}.js`),
        `${folder} ${file}\n`.repeat(5000),
      );
  }
  const cache = openBuildCache({ directory: path.join(directory, 'own-cache') });
  const settings = { ...compressionSettings('fast'), releaseFrameSize: 250_000 };
  const hashes = async () => {
    const { frames } = await packRelease(readTree(project), settings, cache);
    return frames.map(({ frame }) => frame.sha256);
  };
  const before = await hashes();
  expect(before.length).toBeGreaterThan(12);
  expect(await cache.entries()).toHaveLength(before.length);
  expect(await hashes()).toEqual(before);
  expect(await cache.entries()).toHaveLength(before.length);

  await writeFile(path.join(project, 'package-7', '3.js'), 'something else\n'.repeat(20_000));
  await writeFile(path.join(project, 'package-7', 'new.js'), 'something new\n'.repeat(10_000));
  await hashes();
  expect((await cache.entries()).length - before.length).toBeLessThanOrEqual(3);
});

test('a file that changes while it is packed is an error that names it', async () => {
  const file = path.join(directory, 'growing');
  await writeFile(file, 'as long as was said');
  const cache = openBuildCache({ directory: path.join(directory, 'cache') });
  for (const size of [5, 50]) {
    const tree = { directories: [], links: [], files: [{ path: 'a', mode: 0o644, size, content: file }] };
    await expect(packRelease(tree, compressionSettings('fast'), cache)).rejects.toThrow(
      expect.objectContaining({ code: 'FILE_CHANGED', message: expect.stringContaining(file) }),
    );
  }
});

test('a large file has frames of its own, in order, and is not in the tar', async () => {
  const project = path.join(directory, 'with-large');
  await mkdir(project);
  const large = Buffer.alloc(40_000_000, 'not the same everywhere; ');
  large.write('somewhere in it', 35_000_000);
  await writeFile(path.join(project, 'large.bin'), large);
  await writeFile(path.join(project, 'small.js'), 'small');
  const cache = openBuildCache({ directory: path.join(directory, 'cache') });
  const { files, frames } = await packRelease(readTree(project), compressionSettings('fast'), cache);
  expect(files.map(({ path: place, size }) => [place, size])).toEqual([
    ['large.bin', large.length],
    ['small.js', 5],
  ]);
  const contents = frames.map(({ frame: { file, position }, stored }) => {
    return { file, position, content: zstdDecompressSync(bytesOf(stored)) };
  });
  const [tar, ...own] = contents;
  expect(tar!.content.includes('large.bin')).toBe(false);
  expect(own.map(({ file, position }) => [file, position])).toEqual([
    ['large.bin', 0],
    ['large.bin', 2 ** 24],
    ['large.bin', 2 ** 25],
  ]);
  expect(Buffer.concat(own.map(({ content }) => content)).equals(large)).toBe(true);
});

test('a large file that is stored as it is is copied from where it lies, and no second time into the build cache', async () => {
  const project = path.join(directory, 'stored');
  await mkdir(project);
  const large = Buffer.alloc(20_000_000, 'not the same everywhere; ');
  await writeFile(path.join(project, 'large.bin'), large);
  await writeFile(path.join(project, 'small.js'), 'small');
  const cache = openBuildCache({ directory: path.join(directory, 'cache-of-stored') });
  const { frames } = await packRelease(readTree(project), compressionSettings('none'), cache);
  expect((await cache.entries()).map(({ size }) => size < 10_000)).toEqual([true]);
  const own = frames.filter(({ frame }) => frame.file === 'large.bin').map(({ stored }) => stored);
  const out = path.join(directory, 'stored.out');
  writeContents(out, { pieces: own, seal: () => {} }, 0o644);
  expect((await readFile(out)).equals(large)).toBe(true);
});

test('a frame that has changed on the disk gets into no executable, and the message names its file', async () => {
  const cache = openBuildCache({ directory: path.join(directory, 'rotten-cache') });
  const { frames } = await packRelease(readTree(root), compressionSettings('fast'), cache);
  const [{ file, size, mtime } = { file: '', size: 0, mtime: new Date() }] = await Promise.all(
    (await cache.entries()).map(async (entry) => ({ ...entry, mtime: (await stat(entry.file)).mtime })),
  );
  const bytes = await readFile(file);
  bytes[size - 1]! ^= 1;
  await writeFile(file, bytes);
  // As a disk does it.
  await utimes(file, mtime, mtime);
  const contents = { pieces: frames.map(({ stored }) => stored), seal: () => {} };
  await expect(writeExecutable(path.join(directory, 'rotten'), contents)).rejects.toMatchObject({
    code: 'INTEGRITY',
    message: expect.stringContaining(file),
  });
});
