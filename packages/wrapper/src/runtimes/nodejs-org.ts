import semver from 'semver';
import type { Target } from '../targets.ts';
import { UnreachableError } from './errors.ts';
import { type Http, withoutCredentials } from './http.ts';
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
 * Runtimes from nodejs.org, or from its mirror in `NODEJS_ORG_MIRROR`, or from where a target's row says. What is
 * downloaded is held to SHASUMS256.txt.
 */
export function nodejsOrg(http: Http, env: NodeJS.ProcessEnv): RuntimeSource {
  const mirror = env.NODEJS_ORG_MIRROR || undefined;
  const indexes = new Map<string, Promise<readonly IndexEntry[]>>();
  const base = (target: Target) => (target.mirror ?? mirror ?? OFFICIAL).replace(/\/+$/, '');
  const index = (at: string) => {
    const found = indexes.get(at) ?? readIndex(http, at);
    indexes.set(at, found);
    return found;
  };
  return {
    title: mirror === undefined ? 'nodejs.org' : withoutCredentials(mirror),
    prefix: 'https:',
    versions: async (target) => {
      if (target.nodejs === undefined) return [];
      const entries = await index(base(target));
      const released = entries.filter(({ files }) => hasFile(files, target.nodejs!));
      return released.map(({ version }) => semver.clean(version)).filter((version) => version !== null);
    },
    locate: async (target, version) => {
      const file = target.nodejs!.includes('/') ? target.nodejs! : `node-v${version}-${target.nodejs}`;
      const sums = `${base(target)}/v${version}/SHASUMS256.txt`;
      const sha256 = findSum(await http.text(sums), file);
      if (sha256 === undefined)
        throw new UnreachableError(withoutCredentials(sums), `it does not list ${file}`);
      return {
        // A mirror holds the same file; which one was used makes no difference to the result.
        source: `${target.mirror ?? OFFICIAL}/v${version}/${file}`,
        url: `${base(target)}/v${version}/${file}`,
        integrity: integrityOf(sha256),
      };
    },
  };
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
