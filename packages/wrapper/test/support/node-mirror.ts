import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { crc32, deflateRawSync, gzip } from 'node:zlib';
import { pack } from 'tar-stream';

export type Answer = Buffer | ((request: IncomingMessage, response: ServerResponse) => void);

/** A web server on loopback that answers with what is in `files`, 404 otherwise, and keeps what it was asked. */
export interface Mirror {
  readonly url: string;
  readonly files: Map<string, Answer>;
  readonly requests: string[];
  close(): Promise<void>;
}

/** With `tls`, by https. */
export async function serve(tls?: {
  readonly key: string | Buffer;
  readonly cert: string | Buffer;
}): Promise<Mirror> {
  const files = new Map<string, Answer>();
  const requests: string[] = [];
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    requests.push(request.url!);
    const answer = files.get(request.url!);
    if (answer === undefined) response.writeHead(404).end();
    else if (typeof answer === 'function') answer(request, response);
    else response.setHeader('content-length', answer.length).end(answer);
  };
  const server = tls === undefined ? createServer(listener) : createSecureServer(tls, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    files,
    requests,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** Publishes a version as nodejs.org does, its files by their names below `vX.Y.Z/`. */
export async function publish(
  mirror: Mirror,
  version: string,
  platforms: readonly string[],
  files: Readonly<Record<string, Buffer>>,
): Promise<void> {
  const old = mirror.files.get('/dist/index.json');
  const index = old instanceof Buffer ? (JSON.parse(old.toString()) as unknown[]) : [];
  index.unshift({ version: `v${version}`, files: platforms });
  mirror.files.set('/dist/index.json', Buffer.from(JSON.stringify(index)));
  const sums = Object.entries(files).map(([name, content]) => `${sha256(content)}  ${name}\n`);
  mirror.files.set(`/dist/v${version}/SHASUMS256.txt`, Buffer.from(sums.join('')));
  for (const [name, content] of Object.entries(files)) mirror.files.set(`/dist/v${version}/${name}`, content);
}

export function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

/** A tar.gz with one file among others. */
export async function archiveOf(path: string, content: Buffer): Promise<Buffer> {
  const tar = pack();
  const whole = buffer(tar);
  tar.entry({ name: `${path.split('/')[0]}/README.md` }, '# Node');
  tar.entry({ name: path, mode: 0o755 }, content);
  tar.entry({ name: `${path.split('/')[0]}/LICENSE` }, 'MIT');
  tar.finalize();
  return await promisify(gzip)(await whole, { level: 1 });
}

/** A zip with one file (PKWARE, APPNOTE.TXT: local file header, central directory, end of it). */
export function zipOf(path: string, content: Buffer): Buffer {
  const name = Buffer.from(path);
  const data = deflateRawSync(content);
  // Version 2.0, no flags, deflated, 2000-01-01 00:00.
  const fields = Buffer.alloc(26);
  fields.writeUInt16LE(20, 0);
  fields.writeUInt16LE(8, 4);
  fields.writeUInt16LE(0x2821, 8);
  fields.writeUInt32LE(crc32(content), 10);
  fields.writeUInt32LE(data.length, 14);
  fields.writeUInt32LE(content.length, 18);
  fields.writeUInt16LE(name.length, 22);
  const local = Buffer.concat([Buffer.from('PK\x03\x04'), fields, name, data]);
  const central = Buffer.concat([Buffer.from('PK\x01\x02\x14\0'), fields, Buffer.alloc(14), name]);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06');
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(local.length, 16);
  return Buffer.concat([local, central, end]);
}

/** The least that passes for Node's executable of a target: its headers, and where the version is written. */
export function executableOf(
  format: 'linux-arm64' | 'win-x64' | 'darwin-arm64' | 'darwin-x64',
  version: string,
): Buffer {
  const content = Buffer.alloc(512);
  content.write(`node.js/v${version}`, 400);
  if (format === 'linux-arm64') {
    content.write('\x7fELF\x02\x01\x01', 0, 'latin1');
    content.writeUInt16LE(183, 18);
  } else if (format === 'win-x64') {
    content.write('MZ');
    content.writeUInt32LE(0x80, 0x3c);
    content.write('PE\0\0', 0x80);
    content.writeUInt16LE(0x8664, 0x84);
    content.writeUInt16LE(0x20b, 0x98);
  } else {
    content.writeUInt32LE(0xfeedfacf);
    content.writeUInt32LE(format === 'darwin-arm64' ? 0x0100000c : 0x01000007, 4);
  }
  return content;
}
