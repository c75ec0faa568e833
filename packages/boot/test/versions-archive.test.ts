import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { placeDirectory } from '../src/versions/place-directory.ts';
import type { VersionPlaces } from '../src/versions/places.ts';

// What an archive may do to whoever unpacks it.

const folder = mkdtempSync(path.join(process.env.SARMA_TEST_DIRECTORY ?? tmpdir(), 'archive-'));
let count = 0;

interface Entry {
  readonly name: string;
  readonly text?: string;
  readonly mode?: number;
  /** Of a tar (POSIX.1-2001): a file, if nothing is said. */
  readonly type?: '0' | '1' | '2' | '3' | 'x';
  readonly target?: string;
}

function archive(entries: readonly Entry[]): string {
  const blocks = entries.flatMap((entry) =>
    Buffer.byteLength(entry.name) > 100 ? longEntry(entry) : tarEntry(entry),
  );
  const file = path.join(folder, `${count++}.tar.gz`);
  writeFileSync(file, gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)])));
  return file;
}

function tarEntry({ name, text = '', mode = 0o644, type = '0', target = '' }: Entry): readonly Buffer[] {
  const header = Buffer.alloc(512);
  const content = Buffer.from(text);
  header.write(name);
  header.write(mode.toString(8).padStart(7, '0'), 100);
  header.write(content.length.toString(8).padStart(11, '0'), 124);
  header.write(`${' '.repeat(8)}${type}${target}`, 148);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((all, byte) => all + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0`, 148);
  return [header, content, Buffer.alloc((512 - (content.length % 512)) % 512)];
}

function longEntry(entry: Entry): readonly Buffer[] {
  const record = ` path=${entry.name}\n`;
  const length = Buffer.byteLength(record) + 3;
  return [
    ...tarEntry({ name: 'pax', type: 'x', text: `${length}${record}` }),
    ...tarEntry({ ...entry, name: 'long' }),
  ];
}

function places(): VersionPlaces {
  const root = path.join(folder, `root-${count++}`);
  const versions = path.join(root, 'versions');
  const record = path.join(root, 'releases/start.json');
  return { name: 'kv', form: 'directory', program: path.join(root, 'bin/kv'), root, versions, record };
}

/** What a release cannot do without, one package with a link to it, and a name longer than a header has room for. */
const release = [
  { name: 'releases/start.json', text: '{"version":"0.2.0","runtime":null}' },
  { name: 'releases/0.2.0/release.json', text: '{"name":"kv"}' },
  { name: 'releases/0.2.0/boot.json' },
  { name: 'releases/0.2.0/boot.cjs' },
  { name: 'bin/kv', mode: 0o755 },
  { name: `lib/kv/${'long/'.repeat(40)}ünïcode.js`, text: 'x'.repeat(1000) },
  { name: 'lib/node_modules/kv', type: '2', target: '../kv' },
] as const;

const place = async (entries: readonly Entry[], into = places()) => ({
  version: await placeFile(archive(entries), into),
  root: path.join(into.versions, '0.2.0'),
});

async function placeFile(file: string, into = places()): Promise<string> {
  await using handle = await open(file);
  return await placeDirectory(into, { path: file, handle }, async () => {});
}

test('a release is unpacked as it was packed, long names and links too', async () => {
  const { version, root } = await place(release);
  expect(version).toBe('0.2.0');
  expect(readFileSync(path.join(root, `lib/node_modules/kv/${'long/'.repeat(40)}ünïcode.js`), 'utf8')).toBe(
    'x'.repeat(1000),
  );
});

test.for([
  ['a name that leads upwards', { name: '../evil' }],
  ['a name that leads upwards further down', { name: 'lib/../../evil' }],
  ['an absolute name', { name: '/tmp/evil' }],
  ['a name of Windows', { name: '..\\evil' }],
  ['a link out of it', { name: 'lib/out', type: '2', target: '../../..' }],
  ['a link to nothing', { name: 'lib/out', type: '2', target: 'none' }],
  ['an absolute link', { name: 'lib/out', type: '2', target: '/etc' }],
  ['a hard link', { name: 'lib/out', type: '1', target: 'bin/kv' }],
  ['a device', { name: 'lib/null', type: '3' }],
  ['the same name twice', { name: 'bin/kv' }],
  ['a file below a link', { name: 'lib/node_modules/kv/evil' }],
] as const)('%s is refused, and nothing of the archive stays', async ([, entry]) => {
  const into = places();
  await expect(place([...release, entry], into)).rejects.toMatchObject({ code: 'UNSAFE_ARCHIVE' });
  expect(readdirSync(into.versions)).toEqual([]);
  expect(readdirSync(folder)).not.toContain('evil');
});

test('a chain of links that climbs out is refused', async () => {
  const links: readonly Entry[] = [
    { name: 'lib/a', type: '2', target: '.' },
    { name: 'lib/b', type: '2', target: 'a/a/a/../../../..' },
  ];
  await expect(place([...release, ...links])).rejects.toMatchObject({ code: 'UNSAFE_ARCHIVE' });
});

test('an archive that ends early is damaged, wherever it was cut', async () => {
  const whole = readFileSync(archive(release));
  for (let length = 30; length < whole.length; length += 37) {
    const file = path.join(folder, 'cut.tar.gz');
    writeFileSync(file, whole.subarray(0, length));
    await expect(placeFile(file)).rejects.toMatchObject({ code: 'DAMAGED' });
  }
});

test('an archive with a size below zero is damaged', async () => {
  const pax: Entry = { name: 'pax', type: 'x', text: '11 size=-1\n' };
  await expect(place([...release, pax, { name: 'lib/evil' }])).rejects.toMatchObject({ code: 'DAMAGED' });
});

test('an archive with a flipped bit is damaged', async () => {
  const bytes = readFileSync(archive(release));
  bytes[bytes.length - 6]! ^= 1;
  const file = path.join(folder, 'flipped.tar.gz');
  writeFileSync(file, bytes);
  await expect(placeFile(file)).rejects.toMatchObject({ code: 'DAMAGED' });
});
