import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { compareVersions } from '@sarma/app/version-order';
import { channelOf, FEED, type Feed, parseFeed } from '@sarma/update';
import { notWritable, PublishError } from './error.ts';
import { keyId, type SigningKey } from './secret-key.ts';
import type { StagedVersion } from './staged-version.ts';
import { trustOf } from './trust.ts';

/** What leads to a version in a folder that is served, and whether it does now. */
export interface ChannelFile {
  readonly file: string;
  /** The newer version that it goes on leading to. */
  readonly staysAt?: string;
}

/** Throws PublishError OTHER_RELEASE where a folder has versions of another release. */
export async function refuseSharedFolder(folder: string, name: string, version: string): Promise<void> {
  const feeds = await Promise.all(
    [FEED, `${channelOf(version)}.json`].map((file) => readFeed(path.join(folder, file))),
  );
  const other = feeds.find((feed) => feed !== undefined && feed.name !== name)?.name;
  if (other === undefined) return;
  throw new PublishError(
    'OTHER_RELEASE',
    `${folder} has the versions of ${other}, and ${name} is to be published. Each has a folder of its own: name another one.`,
  );
}

/**
 * A sentence about the executables that a folder leads to for `version`, where they do not trust the key that signs it: they would
 * refuse every update from now on. Undefined where they take it, or where none is there that could be asked.
 */
export async function leftBehind(
  folder: string,
  version: string,
  key: SigningKey,
): Promise<string | undefined> {
  const before = await newestOf(folder, channelOf(version));
  const [first] = before?.executables ?? [];
  if (before === undefined || first === undefined) return undefined;
  const file = path.join(folder, before.version, first.file);
  const [trust] = await trustOf(file, before.version).catch(() => []);
  if (trust === undefined || trust.publicKeys.includes(key.publicKey)) return undefined;
  return (
    `The executables of ${before.version} do not trust the key ${keyId(key)}, and will not take ${version}: their users have to install it ` +
    'anew. Who still has the old key publishes a version first that is signed with it and has both in update.publicKey.'
  );
}

/**
 * Has a version that lies in `<to>/<version>/` be the newest of its channel: `latest.json`, or `beta.json` for
 * `1.3.0-beta.2`. What leads to a newer version stays, while that version is there. Installers lie beside `latest.json`, so that their address is always
 * the same. Throws PublishError NOT_WRITABLE.
 */
export async function leadTo({ folder, feed, files }: StagedVersion, to: string): Promise<ChannelFile> {
  const channel = channelOf(feed.version);
  const file = path.join(to, `${channel}.json`);
  const before = await newestOf(to, channel);
  if (before !== undefined && (compareVersions(before.version, feed.version) ?? 0) > 0) {
    return { file, staysAt: before.version };
  }
  const installers = files.filter(({ name }) => channel === 'latest' && /^install\.(sh|ps1)$/.test(name));
  for (const { name } of installers) await putCopy(path.join(folder, name), path.join(to, name));
  await putCopy(path.join(folder, FEED), file);
  return { file };
}

/** Whoever reads it meanwhile gets the old one or the new one. */
async function putCopy(from: string, to: string): Promise<void> {
  const temporary = path.join(
    path.dirname(to),
    `.${path.basename(to)}.${randomBytes(6).toString('hex')}.tmp`,
  );
  try {
    await copyFile(from, temporary);
    await rename(temporary, to);
  } catch (cause) {
    throw notWritable(to, cause);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** What a folder leads to. Undefined where that is nothing, or was taken away. Throws UpdateError FEED_INVALID. */
async function newestOf(folder: string, channel: string): Promise<Feed | undefined> {
  const feed = await readFeed(path.join(folder, `${channel}.json`));
  return feed !== undefined && existsSync(path.join(folder, feed.version, FEED)) ? feed : undefined;
}

/** Undefined where there is none. Throws UpdateError FEED_INVALID. */
async function readFeed(file: string): Promise<Feed | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw notWritable(file, error);
  });
  return text === undefined ? undefined : parseFeed(text, file);
}
