// `node --conditions=@sarma/source scripts/write-fuzz-seeds.ts`: the small inputs in packages/stub/fuzz/corpus that AFL++
// begins with, one folder a target, as the wrapper would write them. Anew after a change of docs/format.md; what was found
// by fuzzing (found-*) stays.

import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { encodeLzma } from '../packages/wrapper/src/lzma.ts';
import { encodeStamp } from '../packages/wrapper/src/stamp.ts';

const CORPUS = path.resolve(import.meta.dirname, '../packages/stub/fuzz/corpus');
const TEXT = Buffer.from(`a rose is a rose is a rose; ${'x'.repeat(200)} a nose is a hose, abcabcabcabd`);
const ZEROS = '0'.repeat(64);

function seed(target: string, name: string, ...parts: readonly (Buffer | string)[]): void {
  mkdirSync(path.join(CORPUS, target), { recursive: true });
  writeFileSync(
    path.join(CORPUS, target, name),
    Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part))),
  );
}

const u64 = (...numbers: readonly number[]) => {
  const bytes = Buffer.alloc(8 * numbers.length);
  for (const [index, number] of numbers.entries()) bytes.writeBigUInt64LE(BigInt(number), 8 * index);
  return bytes;
};

// --- stamp, from its flags on

const stamp = {
  ...{
    manifestOffset: 5000,
    manifestLength: 300,
    manifestDigest: ZEROS,
    payloadOffset: 4096,
    runtimeSize: 100,
  },
  ...{ runtimeDiskSize: 4096, releaseDiskSize: 8192, entrySize: 20, keep: 2, ignoreNodeOptions: false },
  ...{
    shell: false,
    service: false,
    compileCache: false,
    name: 'a',
    version: '1.0.0',
    id: '0123456789ab',
    target: 'linux-x64',
  },
  ...{
    runtimeDirectory: 'node-1',
    runtimeExecutable: 'bin/node',
    releaseDirectory: 'a-1',
    entry: 'lib/a.js',
  },
  ...{ guard: '', maintenance: 'maintenance', overrideVariable: 'A_INSTALL_DIR', stubDigest: ZEROS },
} as const;
seed('stamp', 'program', encodeStamp({ ...stamp, template: [{ path: 'lib/a.js' }] }).subarray(20, 500));
const template = [{ literal: '--no-warnings' }, { path: 'lib/a.js' }, { literal: '' }];
seed('stamp', 'service', encodeStamp({ ...stamp, service: true, shell: true, template }).subarray(20, 500));

// --- a release, as files, as tar, as manifest and frames

interface Entry {
  readonly name: string;
  readonly type?: 'directory' | 'symlink';
  readonly linkname?: string;
  readonly mode?: number;
  readonly content?: string;
}

const LONG = `lib/${'longer-name/'.repeat(10)}`;
const RELEASE: readonly Entry[] = [
  { name: 'lib', type: 'directory', mode: 0o755 },
  { name: 'lib/link', type: 'symlink', linkname: '../lib/a.js' },
  { name: 'lib/a.js', content: 'console.log(1)\n', mode: 0o644 },
  { name: 'lib/b.sh', content: TEXT.toString(), mode: 0o755 },
];
const DEEP: readonly Entry[] = [
  ...LONG.split('/')
    .slice(0, -1)
    .map(
      (_, depth, all): Entry => ({ name: all.slice(0, depth + 1).join('/'), type: 'directory', mode: 0o755 }),
    ),
  { name: `${LONG}x.js`, content: 'x', mode: 0o644 },
];

/** ustar, with a pax header where a name is too long for it; without the two blocks of zeros, since frames are joined. */
function tarOf(entries: readonly Entry[]): Buffer {
  return Buffer.concat(
    entries.flatMap(({ name, type, linkname = '', mode = 0o644, content = '' }) => {
      const kind = type === 'directory' ? '5' : type === 'symlink' ? '2' : '0';
      const records = [
        ...(name.length > 100 ? [record('path', name)] : []),
        ...(linkname.length > 100 ? [record('linkpath', linkname)] : []),
      ].join('');
      return [
        ...(records === '' ? [] : blocks('pax', 'x', '', mode, records)),
        ...blocks(name, kind, linkname, mode, content),
      ];
    }),
  );
}

function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  return `${rest.length + String(rest.length + 3).length}${rest}`;
}

function blocks(name: string, kind: string, linkname: string, mode: number, content: string): Buffer[] {
  const header = Buffer.alloc(512);
  header.write(name.slice(0, 100), 0);
  header.write(`${mode.toString(8).padStart(7, '0')}\0`, 100);
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write(kind, 156);
  header.write(linkname.slice(0, 100), 157);
  header.write('ustar\x0000', 257);
  return [header, Buffer.from(content), Buffer.alloc(-content.length & 511)];
}

const RUNTIME = Buffer.concat([Buffer.from([0xe8, 1, 2, 0, 0, 0x48, 0x8b, 0x05, 9, 0, 0, 0]), TEXT]);

async function coded(codec: string, content: Buffer): Promise<Buffer> {
  if (codec === 'zstd') return zstdCompressSync(content);
  return codec === 'lzma' ? await lzma(content) : content;
}

const lzma = async (content: Buffer) =>
  await encodeLzma(content, { literalContext: 3, literalPosition: 0, position: 2 }, () => {});

async function writeInstall(name: string, codec: string, entries: readonly Entry[], filter: object | null) {
  const contents = [
    { part: 'runtime', position: 0, content: RUNTIME.subarray(0, 100) },
    { part: 'runtime', position: 100, content: RUNTIME.subarray(100) },
    { part: 'release', position: 0, content: tarOf(entries) },
  ];
  const stored = await Promise.all(contents.map(async ({ content }) => await coded(codec, content)));
  const frames = contents.map(({ part, position, content }, index) => {
    const offset = stored.slice(0, index).reduce((sum, { length }) => sum + length, 0);
    return {
      part,
      offset,
      length: stored[index]!.length,
      size: content.length,
      position,
      codec,
      sha256: ZEROS,
    };
  });
  const xxh3 = '0'.repeat(16);
  const manifest = JSON.stringify({
    ...{ format: 1, layout: 1, name: 'a', version: '1.0.0', target: 'linux-x64', kind: 'cli' },
    runtime: {
      ...{
        version: '24.0.0',
        directory: 'node-1',
        executable: 'bin/node',
        size: RUNTIME.length,
        mode: 0o755,
        xxh3,
      },
      ...{
        sha256: ZEROS,
        official: { source: 'x', sha256: ZEROS },
        changes: ['symbol table dropped'],
        filter,
      },
    },
    requires: {
      interpreter: '/lib64/ld-linux-x86-64.so.2',
      libraries: [{ name: 'libc.so.6', versions: ['GLIBC_2.28'], for: { 'GLIBC_2.33': 'lib/x.node' } }],
      cpu: ['NEON'],
    },
    directories: entries.filter(({ type }) => type === 'directory').map(({ name: directory }) => directory),
    files: entries
      .filter(({ type }) => type === undefined)
      .map(({ name: file, content = '', mode }) => ({ path: file, size: content.length, mode, xxh3 })),
    links: entries
      .filter(({ type }) => type === 'symlink')
      .map(({ name: link, linkname }) => ({ path: link, target: linkname, directory: false })),
    frames,
  });
  seed('install', name, manifest, '\0', ...stored);
  return manifest;
}

seed('manifest', 'program', await writeInstall('none', 'none', RELEASE, null));
await writeInstall('zstd', 'zstd', RELEASE, { name: 'x86', start: 0, end: 90 });
await writeInstall('lzma', 'lzma', RELEASE, { name: 'arm64', start: 4, end: 80 });
await writeInstall('deep', 'none', DEEP, null);
seed('manifest', 'escapes', '{"x\\u00e9\\ud83d\\ude00\\n":[1,{"a":[true,-1.5e3,null]},"}"],"runtime":null}');
seed('tar', 'release', tarOf(RELEASE));
seed(
  'tar',
  'long',
  tarOf([
    { name: `${'n'.repeat(200)}/f`, content: 'x' },
    { name: 'l', type: 'symlink', linkname: 'o'.repeat(150) },
  ]),
);

// --- codecs

seed('zstd', 'text', '\0', zstdCompressSync(TEXT));
const varied = Buffer.concat(
  Array.from({ length: 60 }, (_, index) =>
    createHash('sha256')
      .update(`${index % 40}`)
      .digest()
      .subarray(0, 1 + (index % 31)),
  ),
);
seed('zstd', 'varied', '\0', zstdCompressSync(Buffer.concat([varied, TEXT, varied, TEXT])));
seed('zstd', 'raw', '\0', zstdCompressSync(createHash('sha512').update('x').digest()));
seed('zstd', 'repeated', '\0', zstdCompressSync(Buffer.alloc(70_000, 'y')));
const size = (content: Buffer) => Buffer.from([content.length & 255, content.length >> 8]);
const margin = Buffer.alloc(64);
seed('lzma', 'text', size(TEXT), await lzma(TEXT), margin);
seed(
  'lzma',
  'varied',
  size(Buffer.concat([varied, varied])),
  await lzma(Buffer.concat([varied, varied])),
  margin,
);
const code = Buffer.concat([
  RUNTIME,
  Buffer.from([0x4c, 0x8d, 0x0d, 0, 1, 0, 0, 2, 0, 0, 0x94, 1, 0, 0, 0x90]),
]);
seed('filter', 'x86', '\0', u64(0, 1000, 8), code);
seed('filter', 'arm64', '\x01', u64(3, 10_000, 4000), code);

// --- what is the host's

const markers = {
  id: ZEROS,
  name: 'a',
  version: '1.0.0',
  runtime: 'node-1',
  boot: 'x',
  installed: '5',
  host: 'y',
  interpreter: '/lib/ld.so',
  directory: 'lib',
};
seed(
  'marker',
  'release',
  'sarma 1\n',
  ...Object.entries(markers).map(([key, value]) => `${key} ${value}\n`),
  'durable 1\n',
);
const head = Buffer.alloc(48);
for (const [index, number] of [
  0xcafebabe, 2, 0x01000007, 3, 0x4000, 100, 14, 0x0100000c, 0, 0x8000, 100, 14,
].entries())
  head.writeUInt32BE(number, index * 4);
seed('fat', 'two', head);
seed('vm-args', 'plain', '\0# comment\n\n  --max-old-space-size=200 \r\n-kv port 4000\n-r\n./a b c.js\n');
seed('vm-args', 'replaced', `\x01--title=\${A}\n\${EMPTY}\n\${EMPTY:-x y}|\${NONE}|\${1}|\${a b}|\${\n`);
seed('accounts', 'passwd', 'root:x:0:0:root:/root:/bin/sh\n\nuser:x:1000:1000:,,,:/home/user:/bin/sh\n');
seed('accounts', 'group', 'root:x:0:\nuser:x:1000:1000::/x\nuser:x:1000:user,other\n');
const typed = Buffer.from('"C:\\my dir\\"x.exe \t "a\\\\" b"c d"e \\"ü', 'utf16le');
seed('command-line', 'typed', Buffer.from('say "x\\\\" ü'), '\0', typed);
seed('fat', 'one', '\xcf\xfa\xed\xfe----');

const names = 'libc.so.6\0/lib/libc.so.6\0';
const cache = Buffer.alloc(48 + 24);
cache.write('glibc-ld.so.cache1.1');
for (const [offset, number] of [
  [20, 1],
  [24, names.length],
  [48, 3],
  [52, 72],
  [56, 82],
] as const)
  cache.writeUInt32LE(number, offset);
seed('loader-cache', 'one', cache, names);

/** ELF header, PT_LOAD and PT_DYNAMIC, the dynamic section, one version definition with its name. */
function library(): Buffer {
  const file = Buffer.alloc(400);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  file.writeUInt16LE(3, 16);
  file.writeUInt16LE(62, 18);
  file.set(u64(64), 32);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(2, 56);
  file.writeUInt32LE(1, 64);
  file.set(u64(0, 0x1000, 0x1000, 400, 400, 4096), 72);
  file.writeUInt32LE(2, 120);
  file.set(u64(176, 0x10b0, 0x10b0, 64, 64, 8), 128);
  file.set(u64(0x6ffffffc, 0x1000 + 240, 0x6ffffffd, 1, 5, 0x1000 + 300, 0, 0), 176);
  file.writeUInt16LE(1, 240);
  file.writeUInt32LE(20, 252);
  file.writeUInt32LE(1, 260);
  file.write('\0GLIBC_2.28\0', 300);
  return file;
}
seed('elf', 'library', library());
