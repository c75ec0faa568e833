import { createReadStream, createWriteStream } from 'node:fs';
import { copyFile, open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { NotARuntimeError } from './errors.ts';

/** Where archives of Node and npm packages have it: `node-v24.21.0-linux-x64/bin/node`, `package/bin/node.exe`. */
const NODE = /^(\.\/)?([^/]+\/)?(bin\/)?node(\.exe)?$/;

/** Takes the Node executable out of a tar.gz or zip, or copies the file if it is no archive. Throws NotARuntimeError. */
export async function extractNode(archive: string, into: string): Promise<void> {
  const magic = await readMagic(archive);
  if (magic === 0xfd377a58 || magic === 0x28b52ffd) {
    throw new NotARuntimeError(`${archive} is packed with xz or zstd. Give the tar.gz or zip, or unpack it.`);
  }
  try {
    if (magic >>> 16 === 0x1f8b) await fromTar(archive, into);
    else if (magic === 0x504b0304) await fromZip(archive, into);
    else await copyFile(archive, into);
  } catch (error) {
    // Errors of the system have one, those of the formats do not.
    if (error instanceof NotARuntimeError || 'syscall' in (error as object)) throw error;
    throw new NotARuntimeError(`${archive} cannot be unpacked: ${(error as Error).message}. Is it complete?`);
  }
}

/** The first four bytes of a file as a number; 0 if there are fewer. */
async function readMagic(file: string): Promise<number> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    return bytesRead < 4 ? 0 : buffer.readUInt32BE(0);
  } finally {
    await handle.close();
  }
}

async function fromTar(archive: string, into: string): Promise<void> {
  const { extract } = await import('tar-stream');
  const entries = extract();
  let found = false;
  const reading = pipeline(createReadStream(archive), createGunzip(), entries);
  const writing = (async () => {
    for await (const entry of entries) {
      const wanted = !found && entry.header.type === 'file' && NODE.test(entry.header.name);
      if (wanted) {
        found = true;
        await pipeline(entry, createWriteStream(into));
      } else {
        entry.resume();
      }
    }
  })();
  await Promise.all([reading, writing]);
  if (!found) throw missing(archive);
}

async function fromZip(archive: string, into: string): Promise<void> {
  const { openPromise } = await import('yauzl');
  const zip = await openPromise(archive, { lazyEntries: true });
  try {
    for await (const entry of zip.eachEntry()) {
      if (!NODE.test(entry.fileName)) continue;
      const content: Readable = await zip.openReadStreamPromise(entry);
      return await pipeline(content, createWriteStream(into));
    }
  } finally {
    zip.close();
  }
  throw missing(archive);
}

function missing(archive: string): NotARuntimeError {
  return new NotARuntimeError(`${archive} holds neither bin/node nor node.exe.`);
}
