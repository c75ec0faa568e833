// Executables whose hashes are right and whose contents mean harm: paths that lead out, sizes that do not fit, bombs. Each is
// a sentence, installs nothing, leaves everything around as it was, and takes no more memory than its sizes allow.
import { readFile, rm, writeFile } from 'node:fs/promises';
import { createZstdCompress, zstdCompressSync } from 'node:zlib';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { encodeLzma } from '../packages/wrapper/src/lzma.ts';
import { type AnyManifest, type Parts, putTogether, takeApart } from './support/executable-parts.ts';
import { installsIn, listing } from './support/installs.ts';
import { makeProgram } from './support/programs.ts';
import { type Transcript, wrapProgram } from './support/run.ts';
import { smallRuntime } from './support/runtimes.ts';
import { around, makeWorld, memoryFor, start, type World } from './support/world.ts';

const OUT = { stdout: 'right\n', stderr: '', exitCode: 0, signal: undefined };
const SAYS = /^[^\n]+ is damaged \([^\n]+\): download it again\n$/;
const MANIFEST = /\(manifest\)/;

let whole: Buffer;
let parts: Parts;
let world: World;
let before: Readonly<Record<string, string>>;

beforeAll(async () => {
  const files = { 'main.js': `console.log(require('./text.js'));`, 'text.js': `module.exports = 'right';` };
  const program = await makeProgram({ name: 'on-purpose', bin: 'main.js' }, files);
  const args = ['--runtime', await smallRuntime(), '--compression', 'none'];
  whole = await readFile(await wrapProgram(program, args));
  parts = takeApart(whole);
  world = await makeWorld(whole);
});

beforeEach(async () => {
  await rm(world.base, { recursive: true, force: true });
  before = await around(world);
});

/** In the memory that the sizes of the whole one allow; what is added to it may be more of a manifest. */
async function startOf(file: Buffer): Promise<Transcript> {
  await writeFile(world.program, file);
  const memory = memoryFor(parts) + 32 * Math.max(0, file.length - whole.length);
  return await start(world, [], { memory });
}

async function isRefused(file: Buffer, why = SAYS): Promise<void> {
  const { stdout, stderr, exitCode, signal } = await startOf(file);
  expect(stderr).toMatch(SAYS);
  expect(stderr).toMatch(why);
  expect({ stdout, exitCode, signal }).toEqual({ stdout: '', exitCode: 125, signal: undefined });
  expect(await installsIn(world.base)).toEqual({ releases: [], runtimes: [] });
  expect(await around(world)).toEqual(before);
}

/** The manifest, changed in place by `change`. */
function manifestWith(change: (manifest: AnyManifest) => void): AnyManifest {
  const manifest = structuredClone(parts.manifest);
  change(manifest);
  return manifest;
}

/** The executable with its manifest changed in place is refused. */
async function refuses(change: (manifest: AnyManifest) => void, why = MANIFEST): Promise<void> {
  await isRefused(putTogether(parts, manifestWith(change), parts.frames), why);
}

const RELEASE = () => parts.manifest.frames.findIndex((frame: AnyManifest) => frame.part === 'release');

/** With other bytes in the release's frame; `size` is what the manifest says they are when they are decoded. */
function withRelease(
  stored: Buffer,
  codec: string,
  size: number,
  change: (manifest: AnyManifest) => void = () => {},
): Buffer {
  const frames = parts.frames.map((frame, index) => (index === RELEASE() ? stored : frame));
  const manifest = manifestWith((changed) => {
    let offset = 0;
    for (const [index, frame] of changed.frames.entries()) {
      Object.assign(frame, { offset, length: frames[index]!.length });
      if (index === RELEASE()) Object.assign(frame, { codec, size });
      offset += frames[index]!.length;
    }
    change(changed);
  });
  return putTogether(parts, manifest, frames);
}

/** The release's tar with the header of one entry changed. The stub does not look at the checksums of headers. */
function tarWith(change: (header: Buffer, tar: Buffer) => void): Buffer {
  const tar = Buffer.from(parts.frames[RELEASE()]!);
  const at = tar.indexOf('text.js\0');
  change(tar.subarray(at - (at % 512), at - (at % 512) + 512), tar);
  return tar;
}

const file = (manifest: AnyManifest) =>
  manifest.files.find((one: AnyManifest) => one.path.endsWith('text.js'));

test('put together again as it was, it runs', async () => {
  expect(await startOf(putTogether(parts, parts.manifest, parts.frames))).toEqual(OUT);
});

describe('a manifest', () => {
  test('with a path that leads out of the install is refused', async () => {
    const outside = ['../out', '/out', `${world.directory}/out`, 'lib/../../out', 'lib/..', '..'];
    const paths = [
      ...outside,
      '.',
      './x',
      'lib//x',
      'x/',
      '',
      'a\0b',
      '.sarma/marker',
      '.sarma',
      'x'.repeat(1025),
    ];
    for (const name of paths) {
      await refuses((manifest) => Object.assign(file(manifest), { path: name }));
      await refuses((manifest) => manifest.directories.push(name));
      await refuses((manifest) => Object.assign(manifest, { links: [{ path: name, target: 'lib' }] }));
      await refuses((manifest) => Object.assign(manifest.runtime, { executable: name }));
    }
  });

  test('with a link that leads out, or a file behind a link, is refused', async () => {
    const link = (manifest: AnyManifest, target: string) =>
      Object.assign(manifest, { links: [{ path: 'link', target }] });
    for (const target of ['/', '/etc', '..', '../x', 'lib/../../x', '', 'a\0b'])
      await refuses((manifest) => link(manifest, target));
    for (const target of ['lib', 'releases', 'link'])
      await refuses((manifest) => Object.assign(file(link(manifest, target)), { path: 'link/text.js' }));
  });

  test('with a link that is to be made behind links that lead out one after the other is refused', async () => {
    // Each stays inside as it is written; followed, the second leads to the directory of all releases.
    const links = [
      { path: 'a/b/c/up', target: '../../..' },
      { path: 'out', target: 'a/b/c/up/..' },
      { path: 'out/planted', target: 'x' },
    ];
    const directories = ['a', 'a/b', 'a/b/c'];
    await refuses((manifest) =>
      Object.assign(manifest, { links, directories: [...directories, ...manifest.directories] }),
    );
    expect(Object.keys(await listing(world.directory)).filter((name) => name.includes('planted'))).toEqual(
      [],
    );
  });

  test('with two entries of one name, or one whose directory is not there, is refused', async () => {
    const changes: ((manifest: AnyManifest) => void)[] = [
      (manifest) => manifest.files.push(file(manifest)),
      (manifest) => manifest.directories.push(manifest.directories[0]),
      (manifest) => manifest.directories.push(file(manifest).path),
      (manifest) => Object.assign(manifest, { links: [{ path: file(manifest).path, target: 'lib' }] }),
      (manifest) => Object.assign(manifest, { directories: [] }),
      (manifest) => manifest.directories.reverse(),
    ];
    for (const change of changes) await refuses(change);
  });

  test('with numbers that do not fit, alone or added to one another, is refused', async () => {
    const large = ['9007199254740992', '9223372036854775807', '18446744073709551615', '18446744073709551616'];
    const beyond = [...large, '-1', '1e9', '""'];
    const places: Record<string, (manifest: AnyManifest, value: string) => void> = {
      'size of the runtime': (manifest, size) => Object.assign(manifest.runtime, { size }),
      'size of a file': (manifest, size) => Object.assign(file(manifest), { size }),
      'mode of a file': (manifest, mode) => Object.assign(file(manifest), { mode }),
      'offset of a frame': (manifest, offset) => Object.assign(manifest.frames[RELEASE()], { offset }),
      'length of a frame': (manifest, length) => Object.assign(manifest.frames[0], { length }),
      'size of a frame': (manifest, size) => Object.assign(manifest.frames[0], { size }),
      'position of a frame': (manifest, position) => Object.assign(manifest.frames[0], { position }),
      'end of the filter': (manifest, end) =>
        Object.assign(manifest.runtime, { filter: { name: 'x86', start: 0, end } }),
    };
    for (const [place, put] of Object.entries(places)) {
      // A number that fits, and is wrong; a filter may end behind the file.
      const numbers = place === 'end of the filter' ? beyond : [...beyond, '4294967296', '9007199254740991'];
      for (const number of numbers) {
        const text = JSON.stringify(manifestWith((manifest) => put(manifest, '@')));
        expect(text).toContain('"@"');
        await isRefused(putTogether(parts, text.replace('"@"', number), parts.frames));
      }
    }
  });

  test('with frames that lie elsewhere, over one another or nowhere is refused', async () => {
    const release = RELEASE();
    const changes: ((frames: AnyManifest) => AnyManifest)[] = [
      () => [],
      (frames) => [...frames, frames[release]],
      (frames) => frames.filter((_: unknown, index: number) => index !== release),
      (frames) => frames.with(release, { ...frames[release], offset: 0 }),
      (frames) => frames.with(release, { ...frames[release], offset: 2 ** 40 }),
      (frames) => frames.with(release, { ...frames[release], length: 100_000 + frames[release].length }),
      (frames) => frames.with(release, { ...frames[release], size: 5 }),
      (frames) => frames.with(release, { ...frames[release], codec: 'gzip' }),
      (frames) => frames.with(release, { ...frames[release], part: 'other' }),
      (frames) => frames.with(0, { ...frames[0], position: frames[0].size }),
      (frames) => Array.from({ length: 20_000 }, () => frames[0]),
    ];
    for (const change of changes) {
      await refuses((manifest) => Object.assign(manifest, { frames: change(manifest.frames) }), SAYS);
    }
  });

  test('that is no manifest, or nested without end, is refused', async () => {
    const text = JSON.stringify(parts.manifest);
    const deep = ['[', '{"a":'].map((start) => `{"deep":${start.repeat(500_000)}`);
    const cut = [text.slice(0, -1), text.slice(1), text.replaceAll(':', '')];
    for (const other of ['', ' ', '{', '{}', 'null', '[]', '"', ...cut, ...deep])
      await isRefused(putTogether(parts, other, parts.frames), MANIFEST);
  });

  test('of four gigabytes, or beyond every number, is refused before it is read', async () => {
    for (const manifestLength of [2 ** 28 + 1, 2 ** 32, 2 ** 53, 2 ** 63]) {
      await isRefused(
        putTogether(parts, parts.manifest, parts.frames, { manifestLength }),
        /\((manifest|stamp)\)/,
      );
    }
    for (const change of [
      { manifestOffset: 2 ** 63 },
      { payloadOffset: 2 ** 63 },
      { runtimeDiskSize: 2 ** 63, releaseDiskSize: 2 ** 63 },
    ]) {
      const { stderr, exitCode } = await startOf(putTogether(parts, parts.manifest, parts.frames, change));
      expect({ stderr, exitCode }).toEqual({
        stderr: 'sarma: this file is damaged (stamp): download it again\n',
        exitCode: 125,
      });
    }
  });
});

describe('a tar', () => {
  test('with another path, kind, size or mode than the manifest says is refused', async () => {
    const changes: ((header: Buffer, tar: Buffer) => void)[] = [
      (header) => header.write('../../out\0', 0),
      (header) => header.write(`${world.directory}/out\0`, 0),
      (header) => header.write('other.js\0', 0),
      ...['1', '2', '3', '5', '6', 'g', 'L'].map((kind) => (header: Buffer) => {
        header.write(kind, 156);
      }),
      (header) => header.write('0004755\0', 100),
      (header) => header.write('77777777777\0', 124),
      (header) => header.write('00000000001\0', 124),
      (header) => header.write('x', 124),
      (header) => header.fill(0),
      (header) => header.write('xstar', 257),
      (header, tar) => tar.copy(header, 0, 0, 512),
    ];
    for (const change of changes) {
      const tar = tarWith(change);
      await isRefused(withRelease(tar, 'none', tar.length), /frame|is missing/);
    }
  });

  test('may have a name with a backslash, which on Unix is a letter', async () => {
    const renamed = (name: string) => name.replace(/text\.js$/, 'te\\t.js');
    const tar = tarWith((header) =>
      header.write(renamed(header.toString('latin1', 0, 100).replace(/\0.*/s, '')), 0),
    );
    const main = tar.indexOf(`require('./text.js')`);
    tar.write(`require('./te\\\\t')`.padEnd(20), main);
    const change = (manifest: AnyManifest) => {
      file(manifest).path = renamed(file(manifest).path);
    };
    expect((await startOf(withRelease(tar, 'none', tar.length, change))).exitCode).toBe(0);
  });
});

describe('a frame', () => {
  const tar = () => parts.frames[RELEASE()]!;

  test('of zstd that holds more, less, or something beside what the manifest says is refused', async () => {
    const whole = zstdCompressSync(tar());
    expect(await startOf(withRelease(whole, 'zstd', tar().length))).toEqual(OUT);
    await rm(world.base, { recursive: true });
    const size = tar().length;
    for (const [stored, said] of [
      [whole, size - 1],
      [whole, size + 1],
      [Buffer.concat([whole, whole]), size],
      [Buffer.concat([whole, Buffer.alloc(1)]), size],
      [whole.subarray(0, -1), size],
      [Buffer.concat([Buffer.from([0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]), whole]), size],
      [await withoutContentSize(tar()), size],
      [Buffer.alloc(0), 0],
    ] as const) {
      await isRefused(withRelease(stored, 'zstd', said), /frame|is missing/);
    }
  });

  test('of LZMA with wrong properties, another size or something behind it is refused', async () => {
    const whole = await encodeLzma(tar(), { literalContext: 3, literalPosition: 0, position: 2 }, () => {});
    expect(await startOf(withRelease(whole, 'lzma', tar().length))).toEqual(OUT);
    await rm(world.base, { recursive: true });
    const changed = (at: number, value: number) => {
      const copy = Buffer.from(whole);
      copy[at] = value;
      return copy;
    };
    for (const [stored, said] of [
      ...[225, 255, 5 * 9, 8 + 9].map((properties) => [changed(0, properties), tar().length] as const),
      [changed(1, 1), tar().length],
      [whole, tar().length - 1],
      [whole, tar().length + 1],
      [whole.subarray(0, -1), tar().length],
      [whole.subarray(0, 5), tar().length],
      [Buffer.concat([whole, Buffer.alloc(1)]), tar().length],
    ] as const) {
      await isRefused(withRelease(stored, 'lzma', said), /frame/);
    }
  });

  test('that is a bomb of zeros is refused without being decoded', async () => {
    const zeros = Buffer.alloc(64 << 20);
    const bombs = {
      zstd: zstdCompressSync(zeros),
      lzma: await encodeLzma(zeros, { literalContext: 3, literalPosition: 0, position: 2 }, () => {}),
    };
    for (const [codec, bomb] of Object.entries(bombs))
      for (const said of [tar().length, 0]) await isRefused(withRelease(bomb, codec, said));
    // That there is a limit: what the manifest speaks of would be decoded.
    for (const [codec, bomb] of Object.entries(bombs)) {
      const { exitCode, stderr } = await startOf(withRelease(bomb, codec, zeros.length));
      expect({ exitCode, stderr }).toEqual({
        exitCode: 125,
        stderr: expect.stringContaining('not enough memory'),
      });
    }
  });
});

/** As a stream is compressed whose end is not known. */
async function withoutContentSize(content: Buffer): Promise<Buffer> {
  const stream = createZstdCompress();
  stream.end(content);
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
