import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { type Pack, pack } from 'tar-stream';
import { ZipFile } from 'yazl';

/** A file of an archive. */
export interface ArchivedFile {
  /** In the archive, with `/`. */
  readonly name: string;
  /** On this disk. */
  readonly file: string;
  /** 0o755 or 0o644. */
  readonly mode: number;
}

/** Writes a tar.gz: the same bytes for the same files, wherever and whenever. Throws what the file system throws. */
export async function writeTarGz(
  output: string,
  files: readonly ArchivedFile[],
  signal?: AbortSignal,
): Promise<void> {
  const tar = pack();
  const written = pipeline(
    tar,
    // What is in an executable is compressed already: more effort wins nothing.
    createGzip({ level: 1 }),
    withOwnHeader,
    createWriteStream(output, { flags: 'wx' }),
    { signal },
  );
  const added = addToTar(tar, files).catch((error: Error) => {
    tar.destroy(error);
    throw error;
  });
  await Promise.all([added, written]);
}

async function addToTar(tar: Pack, files: readonly ArchivedFile[]): Promise<void> {
  for (const { name, file, mode } of files) {
    const { size } = await stat(file);
    const entry = tar.entry({ name, size, mode, mtime: new Date(0), uname: '', gname: '' });
    await pipeline(createReadStream(file), entry);
  }
  tar.finalize();
}

/**
 * The header of gzip (RFC 1952), with a comment by which `wrap` knows archives of ours and never packs one, no time, and an
 * unknown system, which would make a difference where there is none.
 */
const HEADER = Buffer.from('\x1f\x8b\x08\x10\0\0\0\0\0\xffA release made by Sarma\0', 'latin1');

/** Instead of zlib's header, which tells the system and has always 10 bytes. */
async function* withOwnHeader(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield HEADER;
  let before = 10;
  for await (const chunk of chunks) {
    yield chunk.subarray(before);
    before = Math.max(0, before - chunk.length);
  }
}

/** The same as a zip. */
export async function writeZip(
  output: string,
  files: readonly ArchivedFile[],
  signal?: AbortSignal,
): Promise<void> {
  const zip = new ZipFile();
  // It goes on with nothing after an error, and what reads from it would wait for ever.
  zip.on('error', (error: Error) => (zip.outputStream as PassThrough).destroy(error));
  // A time of zips has no time zone, and none in UTC is put beside it. The earliest one is January 1980, which yazl corrects by zone.
  const options = { mtime: new Date(1980, 1, 1), forceDosTimestamp: true, compressionLevel: 1 };
  for (const { name, file, mode } of files) {
    zip.addFile(file, name, { ...options, mode: 0o100000 | mode });
  }
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(output, { flags: 'wx' }), { signal });
}
