import path from 'node:path';
import {
  builtCommit,
  channelOf,
  copyStaged,
  filesBeside,
  findExecutables,
  type GitHubPlace,
  gitHubToken,
  keyId,
  leadTo,
  type PublishedRelease,
  placeOf,
  publishToGitHub,
  pushedTag,
  readNotes,
  readNotesFile,
  readSigningKey,
  readStaged,
  refuseOtherRelease,
  refuseOtherTag,
  requireTrusted,
  SIGNATURE,
  type StagedVersion,
  stage,
  tagOf,
  writePackagers,
} from '@sarma/publish';
import { loadRelease, type Release, type ReleaseOptions, repositoryOf, updateTrust } from '@sarma/release';
import { loadTargets } from '@sarma/wrapper';
import { namedTargets } from './choose-targets.ts';
import type { OnPublishEvent } from './events.ts';
import { about as aboutOf } from './executable-settings.ts';
import { OWN_MODULE } from './own-module.ts';
import { UsageError } from './usage.ts';

export interface PublishOptions extends ReleaseOptions {
  /** Names. Default: those of the release, else all whose executables are there. */
  readonly targets?: readonly string[] | undefined;
  /** A folder that gets the version and what leads to it. */
  readonly to?: string | undefined;
  /** `owner/name`. Default: that of the configuration, unless there is a folder. */
  readonly github?: string | undefined;
  /** The release on GitHub is left for a person to publish. */
  readonly draft: boolean;
  /** A folder that an earlier run has staged. */
  readonly from?: string | undefined;
  /** A file with the notes, instead of the changelog's section. */
  readonly notes?: string | undefined;
  /** Replaces what was published as this version. */
  readonly clobber: boolean;
  /** Everything is made and checked, and nothing of it stays. */
  readonly dryRun: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent: OnPublishEvent;
}

/**
 * The executables of a release → the folder that is published of them → where users get them. Throws ReleaseError,
 * PublishError, UnknownTargetError and UsageError.
 */
export async function publish(options: PublishOptions): Promise<void> {
  const { from, dryRun, onEvent } = options;
  const release = await loadRelease({ sarma: OWN_MODULE, ...options });
  const { name, version, project, notes } = release;
  onEvent({ type: 'release', name, version, project, programs: programsOf(release), notes });
  const to = options.to === undefined ? undefined : path.resolve(options.to);
  const destination = { to, github: repositoryFor(release, options) };
  if (to !== undefined) await refuseOtherRelease(to, name);
  // What is wrong is said before minutes of work.
  if (destination.github !== undefined) {
    const tag = tagOf(version, release.options.publish.tag);
    refuseOtherTag({ name, version, tag }, pushedTag(destination.github, process.env) ?? tag);
    if (!dryRun) gitHubToken(destination.github, process.env);
  }
  const staged =
    from === undefined
      ? await stageRelease(release, destination, options)
      : await takeStaged(release, path.resolve(from), to, options);
  tellStaged(staged, options);
  if (dryRun) return;
  if (to !== undefined) {
    onEvent({ type: 'published', version, channel: channelOf(version), ...(await leadTo(staged, to)) });
  }
  if (destination.github !== undefined) await upload(staged, project, destination.github, options);
}

/** Where a version goes. Neither: it is only staged. */
interface Destination {
  /** Absolute. */
  readonly to: string | undefined;
  readonly github: GitHubPlace | undefined;
}

function repositoryFor(
  { options: { publish: settings, update } }: Release,
  { github: named, to, onEvent }: PublishOptions,
): GitHubPlace | undefined {
  if (named === undefined) return to === undefined ? settings.github : undefined;
  if (!/^[\w.-]+\/[\w.-]+$/.test(named)) {
    throw new UsageError(`--github ${named} is no repository: expected OWNER/NAME.`);
  }
  const place = { ...(settings.github ?? repositoryOf(named)), repository: named };
  const feed = settings.github?.repository ?? settings.url;
  if (update !== undefined && feed !== named) {
    const message = `The executables look for later versions at ${feed}, and this one goes to ${named}.`;
    onEvent({ type: 'notice', level: 'warning', message });
  }
  return place;
}

async function upload(
  staged: StagedVersion,
  project: string,
  place: GitHubPlace,
  { draft, clobber, signal, onEvent }: PublishOptions,
): Promise<void> {
  await publishToGitHub(staged, {
    place,
    token: gitHubToken(place, process.env),
    tag: pushedTag(place, process.env) ?? staged.feed.tag,
    notes: staged.feed.notes,
    draft,
    clobber,
    commit: await builtCommit(place, project, process.env),
    signal,
    onEvent,
  });
}

async function stageRelease(
  release: Release,
  { to, github }: Destination,
  options: PublishOptions,
): Promise<StagedVersion> {
  const { dryRun, clobber, signal, onEvent } = options;
  const { name, version, output } = release;
  const { publish: settings, targets } = release.options;
  const trust = updateTrust(release);
  const key = await readSigningKey(process.env);
  requireTrusted(key, trust?.publicKeys ?? []);
  const matrix = await loadTargets(release.project);
  const executables = findExecutables({
    folder: output,
    programs: programsOf(release),
    targets: namedTargets(matrix, options, targets, process.env),
    known: [...matrix.values()],
  });
  const about = publishedRelease(release);
  const place = placeOf({ ...settings, github }, version);
  const staged = await stage({
    release: about,
    executables,
    beside: await filesBeside(release.project, settings.include),
    folder: to === undefined ? path.join(output, 'publish', `${name}-${version}`) : path.join(to, version),
    tag: github === undefined ? version : tagOf(version, settings.tag),
    place,
    trust,
    publicKeys: trust?.publicKeys ?? (key === undefined ? [] : [key.publicKey]),
    notes: await notesOf(release, options),
    date: dateOf(process.env),
    key,
    replace: to === undefined || clobber,
    dryRun,
    signal,
    onEvent: (event) => {
      if (event.type === 'written') onEvent({ type: 'written', ...event.file });
      else onEvent({ type: 'checked', ...event.executable });
    },
  });
  if (key !== undefined) onEvent({ type: 'signed', key: keyId(key) });
  if (dryRun || place === undefined) return staged;
  // Not in the version's folder, which may be served.
  const folder = path.join(output, 'publish', 'packagers');
  const files = await writePackagers({ release: about, staged, place }, settings.packagers, folder);
  onEvent({ type: 'packagers', folder, files });
  return staged;
}

/** What was staged before, as it is; where it goes to a folder, a copy. */
async function takeStaged(
  release: Release,
  from: string,
  to: string | undefined,
  { dryRun, clobber }: PublishOptions,
): Promise<StagedVersion> {
  const { name, version } = release;
  const staged = await readStaged(from, { name, version, trust: updateTrust(release) });
  if (to === undefined) return staged;
  return await copyStaged(staged, path.join(to, version), { replace: clobber, dryRun });
}

function tellStaged({ folder, files, feed }: StagedVersion, { dryRun, onEvent }: PublishOptions): void {
  if (!files.some(({ name }) => name === SIGNATURE)) {
    const message = `${feed.name} ${feed.version} is not signed: SARMA_SIGNING_KEY is not set. \`sarma keygen\` makes a key.`;
    onEvent({ type: 'notice', level: 'warning', message });
  }
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  onEvent({ type: 'staged', folder, version: feed.version, tag: feed.tag, files, bytes, dryRun });
}

/** As `wrap` names executables. */
function programsOf({ kind, name, entries }: Release): readonly string[] {
  return kind === 'service' ? [name] : Object.keys(entries);
}

function publishedRelease({ name, version, project, manifest, kind }: Release): PublishedRelease {
  return { name, version, project, about: aboutOf(manifest), isService: kind === 'service' };
}

async function notesOf(release: Release, { notes }: PublishOptions): Promise<string | undefined> {
  const { changelog } = release.options.publish;
  if (notes !== undefined) return await readNotesFile(notes);
  return changelog ? await readNotes(changelog, release.version) : undefined;
}

/** https://reproducible-builds.org/specs/source-date-epoch/ */
function dateOf({ SOURCE_DATE_EPOCH }: NodeJS.ProcessEnv): string | undefined {
  if (SOURCE_DATE_EPOCH === undefined || !/^\d{1,11}$/.test(SOURCE_DATE_EPOCH)) return undefined;
  return new Date(Number(SOURCE_DATE_EPOCH) * 1000).toISOString().replace('.000Z', 'Z');
}
