// What lies where versions are published, and the server that it lies on.
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import {
  CHECKSUMS,
  channelOf,
  FEED,
  type Feed,
  type PublishedExecutable,
  partsOf,
  SIGNATURE,
} from '@sarma/update';
import { takeApart } from './executable-parts.ts';
import { temporaryDirectory } from './run.ts';

/** A pair of keys as minisign has them. */
export interface SigningKey {
  /** The line `RW…`. */
  readonly publicKey: string;
  readonly id: Buffer;
  readonly secret: KeyObject;
}

export function newSigningKey(): SigningKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const id = randomBytes(8);
  const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
  const line = Buffer.concat([Buffer.from('Ed'), id, raw]).toString('base64');
  return { publicKey: line, id, secret: privateKey };
}

/** What minisign writes for these bytes: https://jedisct1.github.io/minisign/#signature-format */
export function signatureOf(bytes: Buffer, { id, secret }: SigningKey, trustedComment: string): string {
  const signature = sign(null, createHash('blake2b512').update(bytes).digest(), secret);
  const head = Buffer.concat([Buffer.from('ED'), id, signature]).toString('base64');
  const ofComment = sign(null, Buffer.concat([signature, Buffer.from(trustedComment)]), secret);
  const lines = ['untrusted comment: signature', head, `trusted comment: ${trustedComment}`];
  return `${[...lines, ofComment.toString('base64')].join('\n')}\n`;
}

/** Where versions are published: a folder, and a server on loopback that shows it. */
export interface PublishingPlace {
  /** Ends in a slash; `publish.url` of a configuration. */
  readonly url: string;
  readonly folder: string;
  readonly key: SigningKey;
  /** What was asked for since the last time. */
  takeRequests(): readonly Served[];
  /** Answers in the place of the server, where it returns true. */
  answerWith(answer: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined): void;
  close(): void;
}

export interface Served {
  readonly path: string;
  /** Of the body that was sent, in bytes. */
  readonly bytes: number;
}

/** The caller closes it. */
export async function openPublishingPlace(): Promise<PublishingPlace> {
  const folder = await temporaryDirectory();
  let served: Served[] = [];
  let instead: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
  const server = createServer((request, response) => {
    if (instead?.(request, response)) return;
    void serve(folder, request, response).then((bytes) => served.push({ path: request.url!, bytes }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    folder,
    key: newSigningKey(),
    takeRequests: () => {
      const taken = served;
      served = [];
      return taken;
    },
    answerWith: (answer) => {
      instead = answer;
    },
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** A file, or the range of it that is asked for. Resolves to how many bytes were sent. */
async function serve(folder: string, { url, headers }: IncomingMessage, response: ServerResponse) {
  const file = path.join(folder, decodeURIComponent(url!));
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile()) {
    response.writeHead(404).end();
    return 0;
  }
  const range = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '');
  const start = range ? Number(range[1]) : 0;
  const end = range ? Number(range[2]) : found.size - 1;
  const length = end - start + 1;
  const place = range ? { 'content-range': `bytes ${start}-${end}/${found.size}` } : {};
  response.writeHead(range ? 206 : 200, { 'content-length': length, ...place });
  createReadStream(file, { start, end }).pipe(response);
  return length;
}

/** An executable as it was wrapped, to be published under a name like `hello_linux-x64`. */
export interface ToPublish {
  readonly executable: string;
  /** Default: the release's name. */
  readonly program?: string;
  /** Default: what it was made for. */
  readonly target?: string;
}

/** Puts a version of a release where updates find it: what `sarma publish --to` writes, as far as updates look at it. */
export async function publishVersion(
  place: Pick<PublishingPlace, 'folder' | 'key'>,
  name: string,
  version: string,
  files: readonly ToPublish[],
): Promise<void> {
  const folder = path.join(place.folder, version);
  await mkdir(folder, { recursive: true });
  const executables = await Promise.all(files.map((file) => put(folder, name, file)));
  const feed: Feed = {
    ...{ format: 1, name, version, tag: `v${version}`, notes: `What is new in ${version}.` },
    executables,
  };
  const text = JSON.stringify(feed);
  await writeFile(path.join(folder, FEED), text);
  const sums = executables.map(({ file, sha256 }) => `${sha256}  ${file}\n`);
  const checksums = Buffer.from([...sums, `${digest(text)}  ${FEED}\n`].join(''));
  await writeFile(path.join(folder, CHECKSUMS), checksums);
  await writeFile(path.join(folder, SIGNATURE), signatureOf(checksums, place.key, `${name} ${version}`));
  const channel = path.join(place.folder, `${channelOf(version)}.json`);
  await writeFile(`${channel}.new`, text);
  await rename(`${channel}.new`, channel);
}

async function put(
  folder: string,
  name: string,
  { executable, program = name, target: given }: ToPublish,
): Promise<PublishedExecutable> {
  const bytes = await readFile(executable);
  const target = given ?? (takeApart(bytes).manifest.target as string);
  const file = `${program}_${target}${target.startsWith('win') ? '.exe' : ''}`;
  await copyFile(executable, path.join(folder, file));
  return {
    program,
    target,
    file,
    size: bytes.length,
    sha256: digest(bytes),
    parts: await partsOf(executable),
  };
}

const digest = (bytes: string | Buffer) => createHash('sha256').update(bytes).digest('hex');

/** What a release says so that its executables update themselves from there. */
export function updatesFrom({ url, key }: PublishingPlace): Readonly<Record<string, unknown>> {
  return { publish: { url }, update: { publicKey: key.publicKey } };
}
