import semver from 'semver';
import type { Target } from '../targets.ts';
import { UnreachableError } from './errors.ts';
import { type Http, withoutCredentials } from './http.ts';
import { once } from './once.ts';
import { integrityOf, type RuntimeSource } from './source.ts';

/** One element of `index.json` (github.com/nodejs/nodejs-dist-indexer). */
interface IndexEntry {
  readonly version: string;
  readonly files: readonly string[];
}

const OFFICIAL = 'https://nodejs.org/dist';
/** Milliseconds. Where it is blocked, connections often just hang, and the next source should have its turn soon. */
const PATIENCE = 5000;

/**
 * Runtimes from nodejs.org, or from its mirror in `NODEJS_ORG_MIRROR`, for the targets whose rows name no other place.
 * What is downloaded is held to SHASUMS256.txt.
 */
export function nodejsOrg(http: Http, env: NodeJS.ProcessEnv): RuntimeSource {
  const mirror = env.NODEJS_ORG_MIRROR || undefined;
  const title = mirror === undefined ? 'nodejs.org' : withoutCredentials(mirror);
  return distribution(http, { title, url: mirror ?? OFFICIAL, official: OFFICIAL, mirror: undefined });
}

/** The same for each of the places that rows name as their `mirror`: one that is silent takes no other with it. */
export function rowMirrors(http: Http, targets: readonly Target[]): readonly RuntimeSource[] {
  const mirrors = new Set(targets.flatMap(({ mirror }) => (mirror === undefined ? [] : [mirror])));
  return [...mirrors].map((mirror) =>
    distribution(http, { title: new URL(mirror).host, url: mirror, official: mirror, mirror }),
  );
}

interface Distribution {
  readonly title: string;
  /** Where it is asked. */
  readonly url: string;
  /** What its files are called in the lock file, wherever it is asked. */
  readonly official: string;
  /** What a target's row says. */
  readonly mirror: string | undefined;
}

/** A place with the layout of nodejs.org/dist. */
function distribution(http: Http, { title, url, official, mirror }: Distribution): RuntimeSource {
  const base = url.replace(/\/+$/, '');
  // A mirror holds the same file; which one was used makes no difference to the result.
  const nameOf = (target: Target, version: string) =>
    `${withoutCredentials(official).replace(/\/+$/, '')}/v${version}/${fileOf(target, version)}`;
  const index = once((url) => readIndex(http, url));
  const sumsOf = once((url) => http.text(url));
  return {
    title,
    prefix: 'https:',
    serves: (target) => target.nodejs !== undefined && target.mirror === mirror,
    names: (target, version) => [nameOf(target, version)],
    versions: async (target) => {
      const released = (await index(base)).filter(({ files }) => hasFile(files, target.nodejs!));
      return released.map(({ version }) => semver.clean(version)).filter((version) => version !== null);
    },
    locate: async (target, version) => {
      const file = fileOf(target, version);
      const sums = `${base}/v${version}/SHASUMS256.txt`;
      const sha256 = findSum(await sumsOf(sums), file);
      if (sha256 === undefined)
        throw new UnreachableError(withoutCredentials(sums), `it does not list ${file}`);
      return {
        source: nameOf(target, version),
        url: `${base}/v${version}/${file}`,
        integrity: integrityOf(sha256),
      };
    },
  };
}

function fileOf({ nodejs }: Target, version: string): string {
  return nodejs!.includes('/') ? nodejs! : `node-v${version}-${nodejs}`;
}

async function readIndex(http: Http, base: string): Promise<readonly IndexEntry[]> {
  const url = `${base}/index.json`;
  const index = await http.json(url, { patience: PATIENCE });
  if (Array.isArray(index)) return index as IndexEntry[];
  throw new UnreachableError(withoutCredentials(url), 'the answer is no list of versions');
}

/** `linux-x64.tar.gz` is `linux-x64` in the index, `darwin-x64.tar.gz` is `osx-x64-tar`, `win-x64/node.exe` one of `win-x64-*`. */
function hasFile(files: readonly string[], name: string): boolean {
  const platform = name.split(/[./]/)[0]!;
  if (platform.startsWith('darwin-')) return files.includes(`osx-${platform.slice('darwin-'.length)}-tar`);
  if (platform.startsWith('win-')) return files.some((file) => file.startsWith(`${platform}-`));
  return files.includes(platform);
}

function findSum(sums: string, file: string): string | undefined {
  for (const line of sums.split('\n')) {
    const [sha256, name] = line.trim().split(/\s+/);
    if (name === file && /^[0-9a-f]{64}$/.test(sha256 ?? '')) return sha256;
  }
  return undefined;
}
