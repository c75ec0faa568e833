import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import path from 'node:path';
import { ReadableStream } from 'node:stream/web';
import { PublishError } from '../error.ts';
import type { StagedFile } from '../staged-version.ts';
import type { Asset } from './assets.ts';
import type { Repository } from './client.ts';
import type { Release } from './releases.ts';

/** Read at once, in bytes. */
const PIECE = 256 * 1024;

/**
 * Sends a file, and goes on sending while the server takes it. Throws RequestError, and PublishError NOT_A_STAGED_VERSION where the file is
 * another one than was staged.
 */
export async function upload(
  { request, signal, onEvent }: Repository,
  { upload_url }: Release,
  folder: string,
  file: StagedFile,
): Promise<Asset> {
  // Made for each attempt: one that waited for a limit has read its own to the end.
  const body = () =>
    ReadableStream.from(
      piecesOf(folder, file, (sent) => onEvent({ type: 'upload', file: file.name, sent, size: file.size })),
    );
  // Where a redirect might follow, and for a window, fetch() keeps a copy of all that it sends in memory.
  const inPassing = { redirect: 'error', window: null, duplex: 'half' } as const;
  const send = (address: string, init: RequestInit) =>
    fetch(address, { ...init, ...inPassing, body: body() } as RequestInit);
  const { data } = await request({
    method: 'POST',
    url: upload_url,
    name: file.name,
    headers: { 'content-type': contentType(file.name), 'content-length': file.size },
    request: { fetch: send, ...(signal && { signal }) },
  });
  return data;
}

async function* piecesOf(
  folder: string,
  { name, size, sha256 }: StagedFile,
  onSent: (sent: number) => void,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  const place = path.join(folder, name);
  const isOther = () =>
    new PublishError(
      'NOT_A_STAGED_VERSION',
      `${place} has changed since it was staged. Stage the version again.`,
    );
  let sent = 0;
  for await (const piece of createReadStream(place, { highWaterMark: PIECE })) {
    hash.update(piece);
    sent += piece.length;
    if (sent > size) throw isOther();
    // What would complete a wrong file is not sent.
    if (sent === size && hash.copy().digest('hex') !== sha256) throw isOther();
    yield piece;
    onSent(sent);
  }
  if (sent < size) throw isOther();
}

/** What browsers that follow a link to the file are told; the others do not mind. */
function contentType(name: string): string {
  const types: Readonly<Record<string, string>> = {
    '.gz': 'application/gzip',
    '.zip': 'application/zip',
    '.json': 'application/json',
    '.sh': 'text/plain',
    '.ps1': 'text/plain',
    '.minisig': 'text/plain',
  };
  return types[path.extname(name)] ?? 'application/octet-stream';
}
