import { copyFile, readFile } from 'node:fs/promises';
import { hashFile } from '../build-cache.ts';
import { type LockedDownload, LockfileError } from '../lockfile.ts';
import { fits, type Wanted } from '../native/fit.ts';
import { readNativeFile } from '../native/read-native-file.ts';
import type { InstalledPackage } from '../packages/package.ts';
import { platformsOf } from '../packages/platform.ts';
import { UnreachableError } from '../runtimes/errors.ts';
import { withoutCredentials } from '../runtimes/http.ts';
import { integrityOf } from '../runtimes/source.ts';
import type { FetchContext } from './fetch-context.ts';
import type { AddonSource } from './native-addons.ts';
import { isAddon } from './prebuilds.ts';
import { type PrebuiltArchive, prebuiltArchive } from './prebuilt-addresses.ts';
import { type PackedFile, unpack } from './tarball.ts';

export interface DownloadContext extends FetchContext {
  /** What `sarma.lock.json` has, by address. */
  readonly locked: Readonly<Record<string, LockedDownload>>;
  /** Adds to `sarma.lock.json`. */
  readonly lock: (url: string, download: LockedDownload) => Promise<void>;
}

/**
 * Addons that their publishers offer as archives, where prebuild-install and node-pre-gyp take them from. There is
 * nothing that such an archive could be checked against the first time; from then on it must be what it was.
 * Throws LockfileError and IntegrityError; a host that gives no answer is a sentence.
 */
export function downloads(context: DownloadContext): AddonSource {
  return {
    how: 'downloaded',
    find: async (one, wanted) => {
      const [platform] = platformsOf(wanted.target);
      const archive = await prebuiltArchive(one.manifest, platform!, wanted, context.http.setting);
      if (archive === undefined) return undefined;
      const told = withoutCredentials(archive.url);
      try {
        const files = await fetchArchive(archive, one, wanted, context);
        if (files === undefined && context.lookOnly) return { files: [], detail: told, downloaded: false };
        if (files === undefined) return `${told} is not in the build cache (run: sarma fetch)`;
        if (!(await hasAddon(files, wanted))) return `${told} holds no addon that works there`;
        return { files, detail: told };
      } catch (error) {
        if (!(error instanceof UnreachableError)) throw error;
        const message = `${one.name}: ${told} cannot be had (${error.reason}).`;
        context.onEvent({ type: 'notice', level: 'info', target: wanted.target.name, message });
        return `${told} cannot be had (${error.reason})`;
      }
    },
  };
}

/** Undefined where the network would be needed and is forbidden. */
async function fetchArchive(
  { url, into, strip }: PrebuiltArchive,
  { name, version }: InstalledPackage,
  { target }: Wanted,
  context: DownloadContext,
): Promise<readonly PackedFile[] | undefined> {
  const { http, cache, offline, frozen, onEvent, locked, lock } = context;
  const id = withoutCredentials(url);
  const known = locked[id];
  if (known === undefined && frozen) {
    throw new LockfileError(
      'LOCKFILE_FROZEN',
      `${id}, the addon of ${name} for ${target.name}, is not in sarma.lock.json, and --frozen forbids to add it. Run: sarma fetch`,
    );
  }
  const key = `addon-archive:${id}:${known?.sha256 ?? ''}`;
  if (offline && (await cache.entry(key)) === undefined) return undefined;
  const file = await cache.produce(key, (temporary) =>
    http.save(url, temporary, known && integrityOf(known.sha256), (received, total) =>
      onEvent({ type: 'download', target: target.name, received, total }),
    ),
  );
  const sha256 = known?.sha256 ?? (await hashFile(file));
  const files = await unpack(file, `${id}, the addon of ${name}@${version},`, sha256, cache, { strip });
  if (known === undefined) {
    await lock(id, { sha256 });
    // The next build knows the hash, and looks under it.
    await cache.produce(`addon-archive:${id}:${sha256}`, (temporary) => copyFile(file, temporary));
  }
  return into === '' ? files : files.map((one) => ({ ...one, path: `${into}/${one.path}` }));
}

async function hasAddon(files: readonly PackedFile[], wanted: Wanted): Promise<boolean> {
  for (const { path, file } of files) {
    if (!isAddon(path)) continue;
    const native = readNativeFile(await readFile(file));
    if (native !== null && fits(native, wanted)) return true;
  }
  return false;
}
