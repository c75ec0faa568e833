import { compareVersions } from '@sarma/app/version-order';
import { CHECKSUMS, parseChecksums, SIGNATURE } from './checksums.ts';
import { UpdateError } from './error.ts';
import { channelOf, FEED, type Feed, isFileName, parseFeed } from './feed.ts';
import { fetchWhole } from './fetch.ts';
import { parsePublicKey, verifySignature } from './minisign.ts';
import type { FeedPlace, FolderPlace, GitHubPlace, UpdateSettings } from './settings.ts';
import { sha256Of } from './sha256.ts';

/** A version whose feed is signed by a trusted key. */
export interface PublishedVersion {
  readonly feed: Feed;
  /** What its files lie below, with a slash at the end. */
  readonly folder: string;
  /** Where a person finds it. */
  readonly url: string;
  /** The channel that was asked for, where nothing is published for it and this is the newest of `latest`. */
  readonly emptyChannel?: string | undefined;
}

/** Which version somebody wants. */
export interface Wanted {
  /** The newest of this one or of `latest`. Default: that of the settings. */
  readonly channel?: string | undefined;
  /** This one, whether it is newer or older. */
  readonly version?: string | undefined;
}

/** The highest version that is published in a channel, `latest` included; or the version that is named. Throws UpdateError. */
export async function findPublished(settings: UpdateSettings, wanted: Wanted): Promise<PublishedVersion> {
  const { channel = settings.channel } = wanted;
  // As tags are called: `v1.2.0`.
  const version = wanted.version?.replace(/^v(?=\d)/, '');
  for (const given of [channel, version ?? channel]) {
    if (!isFileName(given)) throw new UpdateError('USAGE', `${JSON.stringify(given)} cannot be published.`);
  }
  if (version !== undefined) return await readPublished(settings, version);
  const { newest, emptyChannel } = await newestVersion(settings, channel);
  return { ...(await readPublished(settings, newest)), emptyChannel };
}

/** Throws UpdateError where a version is not there, or not signed by a trusted key. */
async function readPublished(settings: UpdateSettings, version: string): Promise<PublishedVersion> {
  const folder = folderOf(settings.feed, version);
  const title = `${settings.name} ${version}`;
  const checksums = await fetchWhole(`${folder}${CHECKSUMS}`);
  if (checksums === undefined) {
    throw new UpdateError('NOT_PUBLISHED', `There is no ${title}: ${folder}${CHECKSUMS} is not there.`);
  }
  const signature = await fetchWhole(`${folder}${SIGNATURE}`);
  if (signature === undefined) {
    throw new UpdateError('NOT_SIGNED', `${title} is not signed: ${folder}${SIGNATURE} is not there.`);
  }
  const keys = settings.publicKeys.map(parsePublicKey);
  const { trustedComment } = verifySignature(checksums, signature.toString(), keys, `${folder}${CHECKSUMS}`);
  if (trustedComment !== title) {
    throw new UpdateError(
      'SIGNATURE_INVALID',
      `${folder}${CHECKSUMS} was signed for ${JSON.stringify(trustedComment)}, and this should be "${title}".`,
    );
  }
  const text = await fetchWhole(`${folder}${FEED}`);
  if (text === undefined || sha256Of(text) !== parseChecksums(checksums.toString()).get(FEED)) {
    throw new UpdateError('WRONG_BYTES', `${folder}${FEED} is not what was signed: its SHA-256 is another.`);
  }
  const feed = parseFeed(text.toString(), `${folder}${FEED}`);
  if (feed.name !== settings.name || feed.version !== version) {
    throw new UpdateError(
      'FEED_INVALID',
      `${folder}${FEED} is of ${feed.name} ${feed.version}, and this should be ${title}.`,
    );
  }
  return { feed, folder, url: pageOf(settings.feed, version) };
}

/**
 * As whoever answers says it: nothing of it is believed before the version's signature was looked at. A version of another
 * channel is never the newest one, so that nobody is led to it by an answer that leads elsewhere. Throws UpdateError.
 */
async function newestVersion({ feed, name }: UpdateSettings, channel: string) {
  const versions =
    'github' in feed
      ? await versionsOnGitHub(feed.github, name, channel)
      : await versionsInFolder(feed.folder, channel);
  const [newest] = versions
    .filter((version) => [channel, 'latest'].includes(channelOf(version)))
    .sort((one, other) => compareVersions(other, one) ?? 0);
  const isEmpty = versions.every((version) => channelOf(version) !== channel);
  if (newest !== undefined) return { newest, emptyChannel: isEmpty ? channel : undefined };
  const where = 'github' in feed ? `${feed.github.url}/${feed.github.repository}/releases` : feed.folder.url;
  throw new UpdateError(
    'NOT_PUBLISHED',
    `No version of ${name} is published for the channel ${channel} at ${where}.`,
  );
}

async function versionsInFolder({ url }: FolderPlace, channel: string): Promise<readonly string[]> {
  const files = new Set([FEED, `${channel}.json`]);
  const feeds = await Promise.all([...files].map((file) => feedAt(`${url}${file}`)));
  return feeds.flatMap((feed) => (feed === undefined ? [] : [feed.version]));
}

/** The list of releases is asked for only where it is needed: without a token GitHub answers 60 times an hour. */
async function versionsOnGitHub(
  place: GitHubPlace,
  name: string,
  channel: string,
): Promise<readonly string[]> {
  const { url, api, repository, tag } = place;
  if (channel === 'latest') {
    // Of a repository that publishes several programs it may be another one's.
    const latest = await feedAt(`${url}/${repository}/releases/latest/download/${FEED}`);
    if (latest?.name === name) return [latest.version];
  }
  const list = `${api}/repos/${repository}/releases?per_page=100`;
  const bytes = await fetchWhole(list, 'application/vnd.github+json');
  if (bytes === undefined) throw new UpdateError('NOT_PUBLISHED', `${list} is not there (404).`);
  return releasesIn(bytes.toString(), list)
    .filter(({ draft, assets }) => !draft && assets.some((asset) => asset.name === FEED))
    .flatMap(({ tag_name }) => versionOf(tag_name, tag) ?? []);
}

/** https://docs.github.com/en/rest/releases/releases#list-releases */
interface GitHubRelease {
  readonly tag_name: string;
  readonly draft: boolean;
  readonly assets: readonly { readonly name: string }[];
}

function releasesIn(text: string, from: string): readonly GitHubRelease[] {
  try {
    const releases = JSON.parse(text) as GitHubRelease[];
    if (releases.every(({ tag_name, assets }) => typeof tag_name === 'string' && Array.isArray(assets)))
      return releases;
  } catch {
    // What is no JSON, or no list.
  }
  throw new UpdateError('FEED_INVALID', `${from} does not answer with GitHub's list of releases.`);
}

async function feedAt(address: string): Promise<Feed | undefined> {
  const bytes = await fetchWhole(address);
  return bytes && parseFeed(bytes.toString(), address);
}

function folderOf(place: FeedPlace, version: string): string {
  if ('folder' in place) return `${place.folder.url}${encodeURIComponent(version)}/`;
  const { url, repository, tag } = place.github;
  return `${url}/${repository}/releases/download/${encodeURIComponent(tagOf(version, tag))}/`;
}

function pageOf(place: FeedPlace, version: string): string {
  if ('folder' in place) return folderOf(place, version);
  const { url, repository, tag } = place.github;
  return `${url}/${repository}/releases/tag/${encodeURIComponent(tagOf(version, tag))}`;
}

/** `v{version}` → `v1.2.0`. */
export function tagOf(version: string, template: string): string {
  return template.replace('{version}', () => version);
}

export function versionOf(tag: string, template: string): string | undefined {
  const [before = '', after = ''] = template.split('{version}');
  if (!tag.startsWith(before) || !tag.endsWith(after)) return undefined;
  const version = tag.slice(before.length, tag.length - after.length);
  return compareVersions(version, version) === undefined ? undefined : version;
}
