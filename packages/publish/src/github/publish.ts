import { compareVersions } from '@sarma/app/version-order';
import { channelOf, FEED, tagOf, versionOf } from '@sarma/update';
import { PublishError } from '../error.ts';
import type { StagedFile, StagedVersion } from '../staged-version.ts';
import { readAsset } from './assets.ts';
import { openRepository, type Repository } from './client.ts';
import { deliver, notArrived } from './deliver.ts';
import type { GitHubState, OnGitHubEvent } from './events.ts';
import { notice } from './patience.ts';
import type { GitHubPlace } from './place.ts';
import {
  createDraft,
  listReleases,
  type Release,
  type ReleaseText,
  releaseOf,
  updateRelease,
} from './releases.ts';
import { checkTag } from './tags.ts';

/** Where on GitHub a version goes. */
export interface GitHubDestination {
  readonly place: GitHubPlace;
  readonly token: string;
  /** Of a version, with `{version}`. */
  readonly tag: string;
  /** Whether `releases/latest` may lead to it. */
  readonly isMain: boolean;
  /** What was built, 40 hex digits, where it is known. */
  readonly commit: string | undefined;
}

export interface PublishToGitHubOptions extends GitHubDestination {
  readonly signal?: AbortSignal | undefined;
  /** Stops before publishing. */
  readonly draft?: boolean | undefined;
  /** Takes other files' place in a release that is published. */
  readonly clobber?: boolean | undefined;
  readonly onEvent?: OnGitHubEvent | undefined;
}

/** Says what would stop a version at the end of its way, before it is staged: the token, the repository, the tag. Throws PublishError. */
export async function checkGitHub(
  version: string,
  {
    tag,
    commit,
    ...access
  }: GitHubDestination & { readonly signal?: AbortSignal | undefined; readonly onEvent: OnGitHubEvent },
): Promise<void> {
  await look(openRepository(access), tagOf(version, tag), commit);
}

async function look(repository: Repository, tag: string, commit: string | undefined) {
  const releases = await listReleases(repository);
  return { releases, ...(await checkTag(repository, tag, commit)) };
}

/**
 * Makes a version a release on GitHub: a draft until every file has arrived as it lies in the folder. What an interrupted run has
 * uploaded is not uploaded again; title and notes that somebody has written into the draft stay. Throws PublishError.
 */
export async function publishToGitHub(
  version: StagedVersion,
  {
    tag: template,
    isMain,
    draft = false,
    clobber = false,
    commit,
    onEvent = () => {},
    ...access
  }: PublishToGitHubOptions,
): Promise<void> {
  const { feed } = version;
  const { tag, notes } = feed;
  refuseLarge(version.files);
  const repository = openRepository({ ...access, onEvent });
  const { releases, isThere } = await look(repository, tag, commit);
  const text: ReleaseText = {
    tag_name: tag,
    name: `${feed.name} ${feed.version}`,
    prerelease: channelOf(feed.version) !== 'latest',
    ...(notes !== undefined && { body: notes }),
    ...(!isThere && commit !== undefined && { target_commitish: commit }),
  };
  const found = releaseOf(tag, releases);
  if (found !== undefined) await refuseSharedTag(repository, found, version);
  if (found?.draft === false && (await isPublished(repository, found, version, clobber)))
    return tellEnd(found, 'unchanged', onEvent);
  const release = await draftOf(repository, found, text);
  tellOthers(repository, release, version);
  const said = clobber ? text : besideOther(repository, release, text);
  await deliver(repository, release, version);
  const takesLatest = isMain && isLatest(feed.version, template, releases);
  const left = await updateRelease(repository, release, {
    ...said,
    draft,
    ...(!draft && { make_latest: takesLatest ? 'true' : 'false' }),
  });
  tellEnd(left, draft ? 'draft' : 'published', onEvent);
}

/** Whether this is what was published before. Other files are an error, or replaced. */
async function isPublished(
  repository: Repository,
  found: Release,
  { files }: StagedVersion,
  clobber: boolean,
): Promise<boolean> {
  const missing = await notArrived(repository, found, files);
  if (missing.length > 0 && !clobber) {
    const names = missing.map(({ file }) => file.name);
    throw publishedOtherwise(found, names);
  }
  return missing.length === 0;
}

/** Title and notes that somebody has written into a draft stay. */
function besideOther(
  { onEvent }: Repository,
  release: Release,
  { name, body, ...text }: ReleaseText,
): Partial<ReleaseText> {
  // Forms of browsers end lines as CRLF.
  if (release.body && body !== undefined && release.body.replaceAll('\r\n', '\n').trim() !== body.trim())
    onEvent(notice('The draft has other notes, which stay: --clobber replaces them.'));
  return { ...text, ...(!release.name && { name }), ...(!release.body && body !== undefined && { body }) };
}

/** Nobody is to see one file of one build and another of another: what was published is a draft while its files change. */
async function draftOf(
  repository: Repository,
  found: Release | undefined,
  text: ReleaseText,
): Promise<Release> {
  if (found === undefined) return await createDraft(repository, text);
  return found.draft ? found : await updateRelease(repository, found, { draft: true });
}

function tellEnd({ html_url: url }: Release, state: GitHubState, onEvent: OnGitHubEvent): void {
  onEvent({ type: 'github', url, state });
}

/** GitHub leads `releases/latest` there: the highest version of those that are for everybody. */
function isLatest(version: string, template: string, releases: readonly Release[]): boolean {
  if (channelOf(version) !== 'latest') return false;
  return releases
    .filter(({ draft }) => !draft)
    .flatMap(({ tag_name }) => versionOf(tag_name, template) ?? [])
    .filter((other) => channelOf(other) === 'latest')
    .every((other) => (compareVersions(version, other) ?? 0) >= 0);
}

/** Two releases of a project that are tagged alike would take each other's place. What is no feed is nobody's. */
async function refuseSharedTag(
  repository: Repository,
  { assets, tag_name, html_url }: Release,
  { feed: { name }, files }: StagedVersion,
): Promise<void> {
  const asset = assets.find((one) => one.name === FEED && one.state === 'uploaded');
  const own = files.find((one) => one.name === FEED);
  if (asset === undefined || asset.digest === `sha256:${own?.sha256}`) return;
  const there = nameIn(await readAsset(repository, asset));
  if (there === undefined || there === name) return;
  throw new PublishError(
    'OTHER_RELEASE',
    `${tag_name} is a version of ${there} (${html_url}), and ${name} is to be published. Give each release tags of its own: ` +
      "publish: { tag: '{name}-v{version}' }.",
  );
}

function nameIn(feed: string): unknown {
  try {
    return (JSON.parse(feed) as { name?: unknown }).name;
  } catch {
    return undefined;
  }
}

/**
 * "Each file included in a release must be under 2 GiB": docs.github.com, About releases. Throws PublishError GITHUB_REFUSED.
 */
export function refuseLarge(files: readonly Pick<StagedFile, 'name' | 'size'>[]): void {
  const large = files.find(({ size }) => size >= 2 ** 31);
  if (large === undefined) return;
  throw new PublishError(
    'GITHUB_REFUSED',
    `${large.name} has ${(large.size / 2 ** 30).toFixed(1)} GiB, and GitHub takes files of less than 2 GiB. Publish into a folder: --to DIR.`,
  );
}

function publishedOtherwise({ html_url, tag_name }: Release, files: readonly string[]): PublishError {
  return new PublishError(
    'PUBLISHED_OTHERWISE',
    `${tag_name} is published already, and these are not there or are others: ${files.join(', ')} (${html_url}). ` +
      'Whoever has it relies on its files: publish a new version, or replace them with --clobber.',
  );
}

function tellOthers({ onEvent }: Repository, { assets }: Release, { files }: StagedVersion): void {
  const ours = new Set(files.map(({ name }) => name));
  const others = assets.map(({ name }) => name).filter((name) => !ours.has(name));
  if (others.length === 0) return;
  const message = `The release has files that are not of this version, and stay: ${others.join(', ')}.`;
  onEvent({ type: 'notice', level: 'warning', message });
}
