import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RegistryResponse } from 'npm-registry-fetch';
import { UnreachableError } from './errors.ts';
import { type OnProgress, saveDownload } from './save-download.ts';

/**
 * HTTP as npm does it: proxies, own certificate authorities and credentials come from the environment and the
 * `.npmrc` files, for any server, so that an authenticated mirror of nodejs.org needs nothing of our own.
 */
export interface Http {
  json(url: string, options?: RequestOptions): Promise<unknown>;
  text(url: string, options?: RequestOptions): Promise<string>;
  /**
   * Writes the body to a file and holds it to its integrity; undefined: whoever asks holds it to something else. Throws
   * IntegrityError, UnreachableError.
   */
  save(url: string, file: string, integrity: string | undefined, onProgress: OnProgress): Promise<void>;
  /** What `npm_config_NAME` or a `.npmrc` says, whether npm knows that name or not. */
  setting(name: string): Promise<string | undefined>;
  /** The registry of a package, with a slash at its end. */
  registry(packageName: string): Promise<string>;
}

export interface RequestOptions {
  readonly accept?: string;
  /** Milliseconds until the headers of the answer must be there. Default: 30,000. */
  readonly patience?: number;
  /** Resolves to undefined, instead of throwing, on status 404. */
  readonly optional?: boolean;
}

const ATTEMPTS = 3;
/** Milliseconds without a byte after which a download counts as broken off. */
const STALLED = 30_000;
/** Milliseconds that a busy server may ask for (RFC 9110, 10.2.3: Retry-After) before it is given up. */
const LONGEST_WAIT = 30_000;

/** Hosts that gave no answer, with the reason. They are not asked again: finding out may take seconds. */
type SilentHosts = Map<string, string>;

/** Prepares requests; npm's libraries and configuration are loaded with the first. */
export function createHttp(project: string, env: NodeJS.ProcessEnv): Http {
  let client: ReturnType<typeof loadClient> | undefined;
  const load = () => {
    client ??= loadClient(project, env);
    return client;
  };
  const silentHosts: SilentHosts = new Map();
  const request = async (url: string, options: RequestOptions = {}) =>
    answer(await load(), silentHosts, url, options);
  return {
    json: async (url, options) => {
      const found = await request(url, options);
      return found && parseJson(url, await text(url, found));
    },
    text: async (url, options) => {
      const found = await request(url, options);
      return found === undefined ? '' : await text(url, found);
    },
    save: async (url, file, integrity, onProgress) => {
      for (let attempt = 1; ; attempt++) {
        try {
          return await saveDownload(
            (await request(url))!,
            withoutCredentials(url),
            file,
            integrity,
            onProgress,
          );
        } catch (error) {
          if (!(error instanceof UnreachableError) || attempt === ATTEMPTS) throw error;
        }
      }
    },
    setting: async (name) => {
      const value = (await load()).setting(name);
      return typeof value === 'string' && value !== '' ? value : undefined;
    },
    registry: async (packageName) => {
      const { fetch, configuration } = await load();
      return fetch.pickRegistry(packageName, configuration).replace(/\/*$/, '/');
    },
  };
}

/** The address without the user and password that it may hold. */
export function withoutCredentials(url: string): string {
  return url.replace(/^(https?:\/\/)[^/?#]*@/i, '$1');
}

async function loadClient(project: string, env: NodeJS.ProcessEnv) {
  const [{ default: fetch }, { default: Config }, { default: options }] = await Promise.all([
    import('npm-registry-fetch'),
    import('@npmcli/config'),
    import('@npmcli/config/lib/definitions/index.js'),
  ]);
  const config = new Config({
    // Where Node's own npm lies, whose `npmrc` a distributor may have filled.
    npmPath: path.resolve(process.execPath, '../../lib/node_modules/npm'),
    ...options,
    argv: [],
    // A copy: loading the configuration writes `npm_config_*` variables.
    env: { ...env },
    cwd: project,
    warn: false,
  });
  await config.load();
  return { fetch, configuration: config.flat, setting: (name: string) => config.get(name) };
}

type Client = Awaited<ReturnType<typeof loadClient>>;

async function answer(
  client: Client,
  silentHosts: SilentHosts,
  address: string,
  options: RequestOptions,
): Promise<RegistryResponse | undefined> {
  const { url, authorization } = splitCredentials(address);
  const { host } = new URL(url);
  const silent = silentHosts.get(host);
  if (silent !== undefined) throw new UnreachableError(url, silent);
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask(client, url, authorization, options);
    } catch (error) {
      const { statusCode, wait, reason } = error as Refusal;
      if (statusCode === 404 && options.optional) return undefined;
      const retried = wait !== undefined && wait <= LONGEST_WAIT && attempt < ATTEMPTS;
      if (!retried) {
        // A status is an answer: other addresses of that host may have a better one.
        if (statusCode === undefined) silentHosts.set(host, reason);
        throw new UnreachableError(url, reason, (error as Refusal).cause, statusCode);
      }
      await sleep(wait);
    }
  }
}

/** Why there is no body. */
class Refusal extends Error {
  readonly reason: string;
  readonly statusCode: number | undefined;
  /** Milliseconds that the server wants to be left alone, if it says so. */
  readonly wait: number | undefined;

  constructor(cause: unknown, reason: string, statusCode?: number, wait?: number) {
    super(reason, { cause });
    this.reason = reason;
    this.statusCode = statusCode;
    this.wait = wait;
  }
}

/** One request; its own client tries a second time what may have been an accident. Throws Refusal. */
async function ask(
  { fetch, configuration }: Client,
  url: string,
  authorization: string | undefined,
  options: RequestOptions,
): Promise<RegistryResponse> {
  const patience = options.patience ?? 30_000;
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), patience);
  try {
    return await fetch(url, {
      ...configuration,
      // What is downloaded is kept in the build cache, once; npm's own would hold it a second time.
      cache: undefined,
      retry: { retries: 1, minTimeout: 200 },
      timeout: Math.min(Number(configuration.timeout) || STALLED, STALLED),
      // The client finds a proxy it has used by its options, and takes one for http where https is wanted: the numbers
      // keep them apart.
      maxSockets: Number(configuration.maxSockets ?? 15) + (url.startsWith('https:') ? 1 : 0),
      signal: controller.signal,
      headers: {
        accept: options.accept ?? '*/*',
        ...(authorization !== undefined && { authorization }),
      },
    });
  } catch (error) {
    if (controller.signal.aborted) throw new Refusal(error, `no answer within ${patience / 1000} s`);
    const { statusCode, headers } = error as FetchFailure;
    const wait = waitOf(headers?.['retry-after']?.[0]);
    const asked =
      wait !== undefined && wait > LONGEST_WAIT ? `; it asks to wait ${Math.round(wait / 1000)} s` : '';
    throw new Refusal(error, reasonOf(error as FetchFailure) + asked, statusCode, wait);
  } finally {
    clearTimeout(timer);
  }
}

type FetchFailure = Error & {
  readonly code?: string;
  readonly statusCode?: number;
  readonly headers?: Readonly<Record<string, readonly string[] | undefined>>;
};

/** Seconds, or a date. */
function waitOf(retryAfter: string | undefined): number | undefined {
  if (retryAfter === undefined) return undefined;
  if (/^\d+$/.test(retryAfter)) return Number(retryAfter) * 1000;
  const date = Date.parse(retryAfter);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}

/** What OpenSSL's `X509_verify_cert` says of a chain that leads to nobody who is known. */
const UNKNOWN_AUTHORITY =
  /^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_(VERIFY_LEAF_SIGNATURE|GET_ISSUER_CERT(_LOCALLY)?))$/;

function reasonOf({ message, code }: FetchFailure): string {
  // `request to <address> failed, reason: getaddrinfo ENOTFOUND nodejs.org`, `403 Forbidden - GET <address>`
  const reason = message.replace(/^request to .* failed, reason: | - GET .*$/g, '');
  if (!UNKNOWN_AUTHORITY.test(code ?? '')) return reason;
  return `${reason}: whoever signed it is not known here, name them with cafile in .npmrc or NODE_EXTRA_CA_CERTS`;
}

/** `https://user:password@host` as mirrors are often configured, in the form that HTTP has for it. Throws UnreachableError. */
function splitCredentials(address: string): { readonly url: string; readonly authorization?: string } {
  if (!URL.canParse(address) || !/^https?:/i.test(address)) {
    throw new UnreachableError(
      withoutCredentials(address),
      'that is no address; expected http:// or https://',
    );
  }
  const { username, password } = new URL(address);
  if (username === '' && password === '') return { url: address };
  const pair = `${decoded(username)}:${decoded(password)}`;
  return {
    url: withoutCredentials(address),
    authorization: `Basic ${Buffer.from(pair).toString('base64')}`,
  };
}

/** A password may hold a `%` that stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

async function text(url: string, response: RegistryResponse): Promise<string> {
  return await response.text().catch((error: Error) => {
    throw new UnreachableError(withoutCredentials(url), error.message, error);
  });
}

function parseJson(url: string, body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (error) {
    // Captive portals and proxies answer with pages of their own.
    const reason = body === '' ? 'the answer is empty' : 'the answer is not JSON';
    throw new UnreachableError(withoutCredentials(url), reason, error);
  }
}
