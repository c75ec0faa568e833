import { execFile } from 'node:child_process';
import { chmod, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { type BuildCache, hashFile } from '../build-cache.ts';
import type { OnEvent } from '../events.ts';
import type { LockedRuntimes } from '../lockfile.ts';
import type { Target } from '../targets.ts';
import { extractNode } from './archive.ts';
import { NotARuntimeError, OfflineError, RuntimeRangeError } from './errors.ts';
import { checkExecutable, checkLocked } from './fetch-runtime.ts';
import { type Http, withoutCredentials } from './http.ts';
import { nodeVersion } from './node-version.ts';
import type { Runtime } from './runtime.ts';
import { integrityOf } from './source.ts';

interface Surroundings {
  /** With `{target}` in it, and the user and password that an address may hold. */
  readonly place: string;
  readonly project: string;
  readonly cache: BuildCache;
  readonly http: Http;
  readonly offline: boolean;
  /** What the lock file has for this place. */
  readonly locked: LockedRuntimes;
  /** All that the lock file has. */
  readonly known: LockedRuntimes;
  readonly onEvent: OnEvent;
}

/** A file of the user's choice, and how it gets to a path on this machine. */
interface GivenFile {
  readonly source: string;
  /** Hex digits. */
  readonly sha256: string;
  bring(temporaryPath: string): Promise<string>;
}

/** Whether what was asked for is the place of a runtime, and not a version or range: those hold no slash. */
export function isPlace(range: string): boolean {
  return /[\\/]/.test(range) || /^\.{1,2}$/.test(range);
}

/**
 * A runtime from the place that the user gave: an address with `#sha256=…`, or a path of an executable, of an
 * archive, or of a directory with either `bin/node` or `node.exe`, for itself or for each target in a folder of its name.
 * Throws RuntimeRangeError, NotARuntimeError, IntegrityError, OfflineError, UnreachableError.
 */
export async function givenRuntime(target: Target, surroundings: Surroundings): Promise<Runtime> {
  const { cache, locked, known } = surroundings;
  const place = surroundings.place.replaceAll('{target}', target.name);
  const given = /^https?:/.test(place)
    ? address(place, target, surroundings)
    : await localFile(place, target, surroundings);
  const { source } = given;
  const key = `given:${JSON.stringify({ target: target.name, sha256: given.sha256 })}`;
  const file = await cache.produce(key, async (executable) => {
    const brought = await given.bring(`${executable}.download`);
    await extractNode(brought, executable);
    await chmod(executable, 0o755);
    checkExecutable(await readFile(executable), target, source);
  });
  const sha256 = (await cache.entry(key))!.sha256;
  const published = known[target.name];
  // A copy of what was published (a vendored directory) makes the same executable, so it is called the same.
  if (published?.sha256 === sha256) {
    const { version, integrity = integrityOf(given.sha256) } = published;
    return { target: target.name, version, source: published.source, sha256, integrity, file };
  }
  const pin = locked[target.name];
  if (pin !== undefined) checkLocked(target.name, source, pin.sha256, sha256);
  const version = pin?.version ?? (await versionOf(file, source));
  const integrity = integrityOf(given.sha256);
  return { target: target.name, version, source, sha256, integrity, file };
}

function address(place: string, target: Target, { cache, http, offline, onEvent }: Surroundings): GivenFile {
  const [url = '', fragment = ''] = place.split('#');
  const sha256 = /^sha256=([0-9a-f]{64})$/i.exec(fragment)?.[1]?.toLowerCase();
  if (sha256 === undefined) {
    throw new RuntimeRangeError(
      `${withoutCredentials(url)} needs the SHA-256 of what is there: add #sha256=<64 hex digits>, as its publisher states it.`,
    );
  }
  return {
    source: withoutCredentials(url),
    sha256,
    bring: async (temporaryPath) => {
      if (offline) {
        throw new OfflineError(
          `${withoutCredentials(url)} is not in the build cache ${cache.directory}, and --offline forbids to download it.`,
        );
      }
      await http.save(url, temporaryPath, integrityOf(sha256), (received, total) =>
        onEvent({ type: 'download', target: target.name, received, total }),
      );
      return temporaryPath;
    },
  };
}

async function localFile(place: string, target: Target, { project }: Surroundings): Promise<GivenFile> {
  const file = await findFile(path.resolve(project, place), target);
  return {
    source: `file:${place.replaceAll('\\', '/')}`,
    sha256: await hashFile(file),
    bring: async () => file,
  };
}

async function findFile(place: string, target: Target): Promise<string> {
  const executable = target.os === 'win' ? 'node.exe' : path.join('bin', 'node');
  const candidates = [
    place,
    path.join(place, target.name, executable),
    path.join(place, executable),
    path.join(place, path.basename(executable)),
  ];
  for (const candidate of candidates) {
    if (await isFile(candidate)) return candidate;
  }
  throw new NotARuntimeError(
    `No Node for ${target.name} at ${place}. Looked for: ${candidates.slice(1).join(', ')}.`,
  );
}

async function isFile(file: string): Promise<boolean> {
  try {
    return (await stat(file)).isFile();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code!)) return false;
    throw error;
  }
}

/** What is written in the executable, or what it says when it runs here. */
async function versionOf(file: string, source: string): Promise<string> {
  const written = nodeVersion(await readFile(file));
  if (written !== undefined) return written;
  const { stdout } = await promisify(execFile)(file, ['--version'], { timeout: 10_000 }).catch(() => ({
    stdout: '',
  }));
  const said = /^v(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  if (said !== undefined) return said;
  throw new NotARuntimeError(`${source} does not tell its version. Is it a Node executable?`);
}
