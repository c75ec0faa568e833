import type { ReadStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { BootError } from '../error.ts';

/** A file, opened by whoever may read it. */
export interface OpenFile {
  /** As the user named it. */
  readonly path: string;
  readonly handle: FileHandle;
}

/** One name of an archive; `content` has to be read before the next entry is asked for. */
export interface ArchiveEntry {
  /** Relative, with `/`, without `.` and `..`. */
  readonly path: string;
  readonly type: 'file' | 'directory' | 'link';
  readonly isExecutable: boolean;
  /** Of a link. */
  readonly target: string;
  readonly content: AsyncIterable<Buffer>;
}

/**
 * Reads a `.tar.gz` (POSIX.1-2001: ustar headers, pax ones before them for long names). Throws BootError DAMAGED where
 * it is torn, and UNSAFE_ARCHIVE for names that lead out of where it is unpacked and for entries that no release has.
 */
export async function readArchive(
  { path: file, handle }: OpenFile,
  take: (entry: ArchiveEntry) => Promise<void>,
): Promise<void> {
  try {
    await pipeline(contentOf(handle), createGunzip(), async (chunks: AsyncIterable<Buffer>) => {
      const bytes = new Bytes(chunks);
      await readEntries(bytes, file, take);
      // To its end, where gzip has its checksum.
      await bytes.drain();
    });
  } catch (error) {
    if (error instanceof BootError || !isTorn(error)) throw error;
    throw damaged(file, (error as Error).message);
  }
}

/** All of it, wherever it was read before. */
function contentOf(handle: FileHandle): ReadStream {
  return handle.createReadStream({ start: 0, autoClose: false });
}

const BLOCK = 512;

async function readEntries(
  bytes: Bytes,
  file: string,
  take: (entry: ArchiveEntry) => Promise<void>,
): Promise<void> {
  let pax: Readonly<Record<string, string>> = {};
  for (;;) {
    const header = await bytes.exactly(BLOCK);
    if (header === undefined) throw damaged(file, 'it ends too early');
    if (header.every((byte) => byte === 0)) return;
    if (!hasChecksum(header)) throw damaged(file, 'it is no tar, or one with a damaged header');
    const type = String.fromCharCode(header[156] || 0x30);
    const size = pax.size === undefined ? octal(header, 124, 12) : Number(pax.size);
    if (!Number.isSafeInteger(size) || size < 0) throw damaged(file, 'a size in it is no number of bytes');
    const content = bytes.content(size, file);
    if (type === 'x') pax = readPax(await whole(content, size, file));
    else {
      const entry = entryOf(header, type, pax, file);
      pax = {};
      if (entry !== undefined) await take({ ...entry, content });
    }
    await content.rest();
    await bytes.skip((BLOCK - (size % BLOCK)) % BLOCK, file);
  }
}

/** Undefined for the root itself, and for what is said of the archive as a whole. */
function entryOf(
  header: Buffer,
  type: string,
  pax: Readonly<Record<string, string>>,
  file: string,
): Omit<ArchiveEntry, 'content'> | undefined {
  if (type === 'g') return undefined;
  const name = pax.path ?? nameOf(header);
  const path = safePath(name, file);
  if (path === '') return undefined;
  return {
    path,
    type: typeOf(type, name, file),
    isExecutable: (octal(header, 100, 8) & 0o111) !== 0,
    target: pax.linkpath ?? text(header, 157, 100),
  };
}

/** Bytes of a header of names. */
const MOST_PAX = 1 << 20;

async function whole(content: AsyncIterable<Buffer>, size: number, file: string): Promise<Buffer> {
  if (size > MOST_PAX) throw damaged(file, 'a name in it is too long');
  const parts: Buffer[] = [];
  for await (const part of content) parts.push(part);
  return Buffer.concat(parts);
}

function typeOf(type: string, name: string, file: string): ArchiveEntry['type'] {
  if (type === '0' || type === '7') return 'file';
  if (type === '5') return 'directory';
  if (type === '2') return 'link';
  throw unsafe(file, `${JSON.stringify(name)} in it is neither a file, a directory nor a symbolic link`);
}

/** Without `./` at its front. Throws for what is absolute, leads upwards, or means something else on some system. */
function safePath(name: string, file: string): string {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (name.startsWith('/') || parts.includes('..') || /[\0\\]/.test(name))
    throw unsafe(file, `${JSON.stringify(name)} in it would lie somewhere else`);
  return parts.join('/');
}

/** Of the header with blanks where it stands itself. */
function hasChecksum(header: Buffer): boolean {
  const blank = Buffer.from(header).fill(' ', 148, 156);
  return blank.reduce((sum, byte) => sum + byte, 0) === octal(header, 148, 8);
}

function octal(header: Buffer, at: number, length: number): number {
  // GNU's binary numbers are for files beyond 8 GB.
  if (header[at]! & 0x80) return Number(header.readBigUInt64BE(at + length - 8));
  return Number.parseInt(text(header, at, length).trim() || '0', 8);
}

function text(header: Buffer, at: number, length: number): string {
  const end = header.subarray(at, at + length).indexOf(0);
  return header.toString('utf8', at, at + (end === -1 ? length : end));
}

function nameOf(header: Buffer): string {
  const prefix = text(header, 257, 6) === 'ustar' ? text(header, 345, 155) : '';
  return prefix === '' ? text(header, 0, 100) : `${prefix}/${text(header, 0, 100)}`;
}

/** Records of `<length> <key>=<value>\n`; the length is that of the record in bytes. */
function readPax(block: Buffer): Readonly<Record<string, string>> {
  const values: Record<string, string> = {};
  for (let at = 0; at < block.length; ) {
    const length = Number.parseInt(block.toString('latin1', at, at + 20), 10);
    if (!(length > 0)) break;
    const record = block.toString('utf8', block.indexOf(' ', at) + 1, at + length - 1);
    const equals = record.indexOf('=');
    values[record.slice(0, equals)] = record.slice(equals + 1);
    at += length;
  }
  return values;
}

/** What streams in, taken in pieces of the length that is wanted. */
class Bytes {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Undefined where there is no more. */
  async exactly(length: number): Promise<Buffer | undefined> {
    const parts: Buffer[] = [];
    for (let missing = length; missing > 0; ) {
      const part = await this.some(missing);
      if (part === undefined) return undefined;
      parts.push(part);
      missing -= part.length;
    }
    return Buffer.concat(parts);
  }

  /** Between one byte and so many. */
  async some(most: number): Promise<Buffer | undefined> {
    if (this.#rest.length === 0) {
      const next = await this.#chunks.next();
      if (next.done) return undefined;
      this.#rest = next.value;
    }
    const part = this.#rest.subarray(0, most);
    this.#rest = this.#rest.subarray(part.length);
    return part;
  }

  content(size: number, file: string): AsyncIterable<Buffer> & { rest(): Promise<void> } {
    let missing = size;
    const next = async () => {
      if (missing === 0) return undefined;
      const part = await this.some(missing);
      if (part === undefined) throw damaged(file, 'it ends too early');
      missing -= part.length;
      return part;
    };
    return {
      async *[Symbol.asyncIterator]() {
        for (let part = await next(); part !== undefined; part = await next()) yield part;
      },
      rest: async () => {
        while ((await next()) !== undefined);
      },
    };
  }

  async skip(length: number, file: string): Promise<void> {
    if ((await this.exactly(length)) === undefined) throw damaged(file, 'it ends too early');
  }

  async drain(): Promise<void> {
    while ((await this.some(1 << 20)) !== undefined);
  }
}

function isTorn(error: unknown): boolean {
  return /^Z_/.test((error as NodeJS.ErrnoException).code ?? '');
}

function damaged(file: string, why: string): BootError {
  return new BootError('DAMAGED', `${file} is damaged or no release: ${why}. Get it again.`);
}

function unsafe(file: string, what: string): BootError {
  return new BootError(
    'UNSAFE_ARCHIVE',
    `${file} is not unpacked: ${what}. No release that Sarma made has that.`,
  );
}
