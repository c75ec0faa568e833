import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { assetJson, type StoredAsset, type StoredRelease } from './github-answers.ts';
import { type FoundOperation, gitHubDescription } from './github-description.ts';
import {
  type Answer,
  type Asked,
  act,
  addAsset,
  failure,
  type HostedRepository,
  invalid,
} from './github-repository.ts';
import type { Served } from './publishing.ts';
import { temporaryDirectory } from './run.ts';

/** What goes wrong with a request, once it has come to the server. */
export type Fault =
  /** Nothing is done, and this is answered. */
  | {
      readonly status: number;
      readonly message?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** The connection ends after so many bytes of an upload that has more; it stays half there. */
  | { readonly cutAfter: number }
  /** Of an upload that has more, nothing more is taken after so many bytes. */
  | { readonly stuckAfter: number }
  /** Everything is done, but the connection ends before the answer. */
  | { readonly lost: true }
  /** Everything is done, but the connection ends within the answer's body. */
  | { readonly halved: true }
  /** Another byte is stored than was sent. */
  | { readonly wrongBytes: true }
  /** Each piece of an upload is taken so many milliseconds after the one before. */
  | { readonly slow: number }
  /** Nothing is done before this. */
  | { readonly until: () => Promise<unknown> };

export interface SeenRequest {
  /** As GitHub's description calls it: `repos/upload-release-asset`. */
  readonly operation: string;
  readonly method: string;
  /** With what is asked for behind it. */
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: unknown;
}

/** A GitHub on loopback that has one repository. */
export interface GitHubServer {
  /** What `publish.github` has in a configuration. */
  readonly place: { readonly repository: string; readonly url: string; readonly api: string };
  readonly token: string;
  readonly releases: StoredRelease[];
  readonly tags: HostedRepository['tags'];
  /** Asked for at the API, in order. */
  readonly requests: readonly SeenRequest[];
  /** What was downloaded since the last time: the names of assets for paths. */
  readonly takeDownloads: () => readonly Served[];
  /** How many uploads were on their way at once, at most. */
  readonly mostUploads: () => number;
  /** What was not as GitHub describes it, and tokens that came where none belongs. To be empty when a test ends. */
  readonly wrong: readonly string[];
  /** The next `times` requests of an operation fail, each by the first fault that is left for it. */
  readonly fail: (operation: string, fault: Fault, times?: number) => void;
  /** Nothing fails any more. */
  readonly forgive: () => void;
  /** Another host, to which downloads lead. */
  readonly storage: string;
  /** The next downloads end in the middle. */
  readonly cutDownloads: (times: number) => void;
  /** What the token may do. */
  permission: 'write' | 'read' | 'none';
  /** The file with an asset's bytes. */
  readonly fileOf: (asset: StoredAsset) => string;
  readonly close: () => Promise<void>;
}

export interface GitHubServerOptions {
  /** An Enterprise server: one address for all, the API below `/api/v3`. */
  readonly enterprise?: boolean;
  readonly repository?: string;
  readonly token?: string;
  /** Older Enterprise servers say none. Default: they are said. */
  readonly digests?: boolean;
  /** The commits that it has. Default: any that is asked for. */
  readonly commits?: readonly string[];
}

/** Answers as GitHub's REST API is documented for releases, holds every request and answer to its OpenAPI description. */
export async function serveGitHub(options: GitHubServerOptions = {}): Promise<GitHubServer> {
  const { enterprise = false, repository: fullName = 'octo/hello', digests = true, commits } = options;
  const token = options.token ?? `ghp_${randomBytes(18).toString('hex')}`;
  const folder = await temporaryDirectory();
  const operationOf = gitHubDescription(enterprise ? 'ghes-3.19' : 'api.github.com');
  const releases: StoredRelease[] = [];
  const tags: HostedRepository['tags'] = new Map();
  const repository: HostedRepository = { releases, tags, commits, latest: undefined, lastId: 0 };
  const requests: SeenRequest[] = [];
  const wrong: string[] = [];
  const faults: { operation: string; fault: Fault; times: number }[] = [];
  const servers: Server[] = [];
  let downloads: Served[] = [];
  let uploads = 0;
  let mostUploads = 0;
  let downloadsToCut = 0;

  const listen = async (handle: (request: IncomingMessage, answer: ServerResponse) => Promise<void>) => {
    const server = createServer((request, answer) => {
      handle(request, answer).catch((error) => {
        if (!request.destroyed) wrong.push(`${request.method} ${request.url}: ${(error as Error).stack}`);
        answer.destroy();
      });
    });
    // A connection that is closed for want of use at the moment it is used again is not what is tested.
    server.keepAliveTimeout = 600_000;
    servers.push(server.listen(0, '127.0.0.1'));
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };

  const storage = await listen(async (request, answer) => {
    if (request.headers.authorization !== undefined)
      wrong.push(`the storage was sent a token: ${request.url}`);
    const id = path.basename(request.url!);
    const file = path.join(folder, id);
    if (downloadsToCut === 0) {
      const assets = releases.flatMap((release) => release.assets);
      const { name = id } = assets.find((one) => `${one.id}` === id) ?? {};
      downloads.push({ path: name, bytes: await sendFile(request, answer, file) });
      return;
    }
    downloadsToCut -= 1;
    const { size } = await stat(file);
    answer.writeHead(200, { 'content-length': size });
    createReadStream(file, { end: Math.floor(size / 2) })
      .on('data', (part) => answer.write(part))
      .on('end', () => answer.destroy());
  });
  const web = await listen(async (request, answer) => {
    const { pathname } = new URL(request.url!, web);
    if (enterprise && pathname.startsWith('/api/v3/')) await answerApi(request, answer, '/api/v3');
    else if (enterprise && pathname.startsWith('/api/uploads/'))
      await answerApi(request, answer, '/api/uploads');
    else answerWeb(pathname, answer);
  });
  const api = enterprise ? `${web}/api/v3` : await listen((...both) => answerApi(...both, ''));
  const uploadsUrl = enterprise ? `${web}/api/uploads` : await listen((...both) => answerApi(...both, ''));
  const addresses = { web, api, uploads: uploadsUrl, storage, repository: fullName };

  /** What people download: no API, nothing that would need a token. */
  function answerWeb(pathname: string, answer: ServerResponse): void {
    const there = pathname.startsWith(`/${fullName}/releases/`)
      ? pathname.slice(`/${fullName}/releases/`.length).split('/').map(decodeURIComponent)
      : [];
    const [first, second, third] = there;
    const published = releases.filter(({ draft }) => !draft);
    if (first === 'latest' && second === 'download' && repository.latest !== undefined) {
      const location = `/${fullName}/releases/download/${encodeURIComponent(repository.latest.tag_name)}/${third}`;
      answer.writeHead(302, { location }).end();
      return;
    }
    const release = first === 'download' ? published.find(({ tag_name }) => tag_name === second) : undefined;
    const asset = release?.assets.find(({ name, state }) => name === third && state === 'uploaded');
    if (asset === undefined) answer.writeHead(404).end('Not Found');
    else answer.writeHead(302, { location: `${storage}/${asset.id}` }).end();
  }

  async function answerApi(request: IncomingMessage, answer: ServerResponse, prefix: string): Promise<void> {
    const { pathname, searchParams } = new URL(request.url!, web);
    const operation = operationOf(request.method!, pathname.slice(prefix.length));
    if (operation === undefined) {
      wrong.push(`GitHub has no ${request.method} ${pathname}`);
      answer.writeHead(404).end('{}');
      return;
    }
    const isUpload = operation.id === 'repos/upload-release-asset';
    const body = isUpload ? undefined : await jsonOf(request);
    const { authorization } = request.headers;
    requests.push({
      operation: operation.id,
      method: request.method!,
      path: request.url!,
      authorization,
      body,
    });
    wrong.push(...operation.checkRequest(searchParams, body));
    const fault = nextFault(operation.id, Number(request.headers['content-length'] ?? 0));
    uploads += isUpload ? 1 : 0;
    mostUploads = Math.max(mostUploads, uploads);
    answer.once('close', () => {
      uploads -= isUpload ? 1 : 0;
    });
    if (fault && 'until' in fault) await fault.until();
    if (fault && 'status' in fault) {
      const message = fault.message ?? 'Server Error';
      send(answer, { ...fault, body: { message, documentation_url: 'https://docs.github.com/rest' } });
      return;
    }
    const isKnown = [`token ${token}`, `Bearer ${token}`].includes(authorization ?? '');
    const refused = refusal(request, operation, isKnown);
    const asked = {
      query: searchParams,
      body: body as Asked['body'],
      accept: request.headers.accept,
      isKnown,
    };
    const done =
      refused ??
      (isUpload
        ? await upload(request, operation, searchParams.get('name')!, fault)
        : act(repository, operation, asked, addresses));
    if (done === undefined) return;
    wrong.push(...operation.checkAnswer(done.status, done.body));
    if (fault && 'lost' in fault) answer.destroy();
    else if (fault && 'halved' in fault) sendHalf(answer, done);
    else send(answer, done);
  }

  function refusal(
    { headers, method }: IncomingMessage,
    { parameters }: FoundOperation,
    isKnown: boolean,
  ): Answer | undefined {
    if (headers.authorization !== undefined && !isKnown) return failure(401, 'Bad credentials');
    const isHere = `${parameters.owner}/${parameters.repo}` === fullName;
    if (!isHere || (isKnown && server.permission === 'none')) return failure(404, 'Not Found');
    if (method === 'GET') return undefined;
    if (!isKnown) return failure(401, 'Requires authentication');
    if (server.permission === 'read') return failure(403, 'Resource not accessible by personal access token');
    return undefined;
  }

  async function upload(
    request: IncomingMessage,
    { parameters }: FoundOperation,
    asked: string,
    fault: Fault | undefined,
  ): Promise<Answer | undefined> {
    const release = releases.find(({ id }) => id === Number(parameters.release_id));
    if (release === undefined) return failure(404, 'Not Found');
    if (request.headers['content-length'] === undefined) wrong.push(`${asked} came without its length`);
    const asset = addAsset(repository, release, asked, request.headers['content-type']);
    if (asset === undefined) return invalid('ReleaseAsset', 'already_exists', 'name');
    try {
      const { size, sha256 } = await store(request, path.join(folder, `${asset.id}`), fault);
      Object.assign(asset, { state: 'uploaded', size, digest: digests ? `sha256:${sha256}` : null });
    } catch (error) {
      // Cut, by us or by whoever sends: what came is half there.
      if (!request.destroyed) throw error;
      return undefined;
    }
    return { status: 201, body: assetJson(asset, release, addresses) };
  }

  function nextFault(operation: string, length: number): Fault | undefined {
    const least = (fault: Fault) =>
      'cutAfter' in fault ? fault.cutAfter : 'stuckAfter' in fault ? fault.stuckAfter : -1;
    const found = faults.find(
      (one) => one.operation === operation && one.times > 0 && least(one.fault) < length,
    );
    if (found !== undefined) found.times -= 1;
    return found?.fault;
  }

  const server: GitHubServer = {
    place: { repository: fullName, url: web, api },
    token,
    releases,
    tags,
    requests,
    wrong,
    takeDownloads: () => {
      const taken = downloads;
      downloads = [];
      return taken;
    },
    mostUploads: () => mostUploads,
    fail: (operation, fault, times = 1) => {
      faults.push({ operation, fault, times });
    },
    forgive: () => {
      faults.length = 0;
    },
    storage,
    cutDownloads: (times) => {
      downloadsToCut = times;
    },
    permission: 'write',
    fileOf: ({ id }) => path.join(folder, `${id}`),
    close: async () => {
      for (const one of servers) {
        one.close();
        one.closeAllConnections();
      }
    },
  };
  return server;
}

async function store(request: IncomingMessage, file: string, fault: Fault | undefined) {
  const hash = createHash('sha256');
  let size = 0;
  const watched = new Transform({
    transform(piece: Buffer, _encoding, done) {
      size += piece.length;
      if (fault && 'cutAfter' in fault && size >= fault.cutAfter) request.socket.resetAndDestroy();
      if (fault && 'stuckAfter' in fault && size >= fault.stuckAfter) return;
      if (fault && 'wrongBytes' in fault) piece[0]! ^= 1;
      hash.update(piece);
      const wait = fault && 'slow' in fault ? pause(fault.slow) : Promise.resolve();
      wait.then(() => done(null, piece));
    },
  });
  await pipeline(request, watched, createWriteStream(file));
  return { size, sha256: hash.digest('hex') };
}

/** One range is understood (RFC 9110, 14.2), as storage of this kind does. Resolves to how many bytes were to be sent. */
async function sendFile(request: IncomingMessage, answer: ServerResponse, file: string): Promise<number> {
  const { size } = await stat(file).catch(() => ({ size: -1 }));
  if (size < 0) {
    answer.writeHead(404).end('Not Found');
    return 0;
  }
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const start = Number(range?.[1] ?? 0);
  const end = Math.min(range?.[2] ? Number(range[2]) : size - 1, size - 1);
  if (start >= size && size > 0) {
    answer.writeHead(416, { 'content-range': `bytes */${size}` }).end();
    return 0;
  }
  const length = { 'content-length': end - start + 1, 'accept-ranges': 'bytes' };
  if (range === null) answer.writeHead(200, length);
  else answer.writeHead(206, { ...length, 'content-range': `bytes ${start}-${end}/${size}` });
  await pipeline(createReadStream(file, { start, end }), answer).catch(() => {});
  return length['content-length'];
}

async function jsonOf(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  return parts.length === 0 ? undefined : JSON.parse(Buffer.concat(parts).toString());
}

function sendHalf(answer: ServerResponse, { status, body, headers = {} }: Answer): void {
  const text = Buffer.from(JSON.stringify(body));
  const length = { 'content-type': 'application/json; charset=utf-8', 'content-length': text.length };
  answer.writeHead(status, { ...length, ...headers });
  answer.write(text.subarray(0, text.length / 2), () => answer.destroy());
}

function send(answer: ServerResponse, { status, body, headers = {} }: Answer): void {
  const type = { 'content-type': 'application/json; charset=utf-8' };
  if (body === undefined) answer.writeHead(status, headers).end();
  else answer.writeHead(status, { ...type, ...headers }).end(JSON.stringify(body));
}
