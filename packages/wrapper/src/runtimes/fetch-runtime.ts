import { chmod, readFile, rm } from 'node:fs/promises';
import type { BuildCache, CacheEntry } from '../build-cache.ts';
import type { OnEvent } from '../events.ts';
import { MalformedExecutableError } from '../executables/errors.ts';
import { identify } from '../executables/identify.ts';
import type { LockedRuntime } from '../lockfile.ts';
import type { Target } from '../targets.ts';
import { extractNode } from './archive.ts';
import { IntegrityError, NotARuntimeError } from './errors.ts';
import type { Http } from './http.ts';
import { nodeVersion } from './node-version.ts';
import type { Runtime } from './runtime.ts';
import type { Publication } from './source.ts';

/** What decides a runtime's bytes, and so its place in the build cache. */
interface RuntimeIdentity {
  readonly target: string;
  readonly version: string;
  readonly source: string;
  readonly integrity: string;
}

const KEY = 'runtime:';

function cacheKey({ target, version, source, integrity }: RuntimeIdentity): string {
  return KEY + JSON.stringify({ target, version, source, integrity } satisfies RuntimeIdentity);
}

/** The runtime that the lock file says, if it is in the build cache under that very name. Reads no other entry. */
export async function cachedRuntime(
  target: string,
  { version, source, integrity, sha256 }: LockedRuntime,
  cache: BuildCache,
): Promise<Runtime | undefined> {
  if (integrity === undefined) return undefined;
  const entry = await cache.entry(cacheKey({ target, version, source, integrity }));
  return entry?.sha256 === sha256 ? runtimeOf(entry) : undefined;
}

/** The runtimes in the build cache, whose every entry is read: thousands, after a while. */
export async function cachedRuntimes(cache: BuildCache): Promise<readonly Runtime[]> {
  const entries = (await cache.entries()).filter(({ key }) => key.startsWith(KEY));
  return entries.map(runtimeOf);
}

function runtimeOf({ key, sha256, file }: CacheEntry): Runtime {
  return { ...(JSON.parse(key.slice(KEY.length)) as RuntimeIdentity), sha256, file };
}

/**
 * Takes a published runtime from the build cache or downloads it. The executable must be one of the target and the
 * version, and have the SHA-256 that is locked, if one is. Throws IntegrityError, NotARuntimeError, UnreachableError.
 */
export async function fetchRuntime(
  publication: Publication,
  target: Target,
  version: string,
  locked: string | undefined,
  { cache, http, onEvent }: { readonly cache: BuildCache; readonly http: Http; readonly onEvent: OnEvent },
): Promise<Runtime> {
  const { source, url, integrity } = publication;
  const identity = { target: target.name, version, source, integrity };
  const key = cacheKey(identity);
  await cache.produce(key, async (executable) => {
    const download = `${executable}.download`;
    await http.save(url, download, integrity, (received, total) =>
      onEvent({ type: 'download', target: target.name, received, total }),
    );
    await extractNode(download, executable);
    await rm(download);
    const bytes = await readFile(executable);
    checkExecutable(bytes, target, source);
    // An assembled release links to it, and executes it there.
    await chmod(executable, 0o755);
    const found = nodeVersion(bytes);
    if (found !== undefined && found !== version) {
      throw new NotARuntimeError(
        `${source} holds Node ${found} instead of ${version}. Choose another version.`,
      );
    }
  });
  const runtime = runtimeOf((await cache.entry(key))!);
  if (locked !== undefined) checkLocked(target.name, source, locked, runtime.sha256);
  return runtime;
}

/** Throws NotARuntimeError if the bytes are no executable of the target. */
export function checkExecutable(bytes: Buffer, target: Target, source: string): void {
  const found = machineOf(bytes, source);
  const wanted = machine(target.os, target.cpu, target.libc);
  if (found === wanted) return;
  const what = found === undefined ? 'is no executable that is known here' : `is for ${found}`;
  throw new NotARuntimeError(`The Node in ${source} ${what}, and ${target.name} is wanted.`);
}

const SYSTEMS = { elf: 'linux', pe: 'win', macho: 'darwin' } as const;

/** `linux-x64`, `linux-x64-musl`; undefined for what is no executable. */
function machineOf(bytes: Buffer, source: string): string | undefined {
  try {
    const found = identify(bytes);
    return found === null ? undefined : machine(SYSTEMS[found.format], found.cpu, found.libc);
  } catch (error) {
    if (!(error instanceof MalformedExecutableError)) throw error;
    throw new NotARuntimeError(`${source}: ${error.message}`, { cause: error });
  }
}

/** A Node that names no C library is linked statically, and runs wherever one for glibc does. */
function machine(os: Target['os'], cpu: string, libc: Target['libc']): string {
  return [os, cpu, ...(libc === 'musl' ? [libc] : [])].join('-');
}

/** Throws IntegrityError if the executable is another one than the lock file has. */
export function checkLocked(target: string, source: string, locked: string, found: string): void {
  if (locked === found) return;
  throw new IntegrityError(
    `The runtime of ${target} from ${source}`,
    `SHA-256 ${locked} (sarma.lock.json)`,
    found,
    `If you know why, remove "${target}" from sarma.lock.json and build again.`,
  );
}
