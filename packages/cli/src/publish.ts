import { statSync } from 'node:fs';
import path from 'node:path';
import {
  builtCommit,
  channelOf,
  checkGitHub,
  copyStaged,
  filesBeside,
  findExecutables,
  type GitHubDestination,
  type GitHubPlace,
  gitHubToken,
  keyId,
  leadTo,
  leftBehind,
  type PublishedRelease,
  type PublishPlace,
  placeOf,
  publishToGitHub,
  readNotes,
  readNotesFile,
  readSigningKey,
  readStaged,
  refuseLarge,
  refuseOtherTag,
  refuseSharedFolder,
  requireTrusted,
  SIGNATURE,
  type StagedVersion,
  stage,
  tagOf,
  writePackagers,
} from '@sarma/publish';
import {
  executableNames,
  loadRelease,
  type Release,
  type ReleaseOptions,
  repositoryOf,
  updateTrust,
} from '@sarma/release';
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
  const { from, draft, clobber, dryRun, signal, onEvent } = options;
  const release = await loadRelease({ sarma: OWN_MODULE, ...options });
  const { name, version, project, notes } = release;
  onEvent({ type: 'release', name, version, project, programs: executableNames(release), notes });
  const destination = destinationOf(release, options);
  // What is wrong is said before minutes of work.
  const { to } = destination;
  if (to !== undefined) await refuseSharedFolder(to, name, version);
  const github = await gitHubDestination(release, destination, options);
  const staged =
    from === undefined
      ? await stageRelease(release, destination, options)
      : await takeStaged(release, path.resolve(from), destination, options);
  if (!dryRun) await writeForPackagers(release, staged, destination, onEvent);
  tellStaged(staged, destination, options);
  if (dryRun) return;
  if (to !== undefined) {
    onEvent({ type: 'published', version, channel: channelOf(version), ...(await leadTo(staged, to)) });
  }
  if (github !== undefined) {
    await publishToGitHub(staged, { ...github, draft, clobber, signal, onEvent });
  }
  // The scripts take the newest version of that channel.
  const isPublic = (to !== undefined || github !== undefined) && !draft && channelOf(version) === 'latest';
  if (isPublic && destination.place !== undefined) tellInstall(staged, destination.place, onEvent);
}

/** Throws UsageError for an address. */
function folderAt(to: string): string {
  if (!/^[a-z][a-z+.-]+:\/\//i.test(to)) return path.resolve(to);
  throw new UsageError(
    `--to ${to} is an address: name the folder that is served there, or that you copy there (publish.url has the address).`,
  );
}

/** Not in the version's folder, which may be served. Nothing where nobody has said where the version will be had from. */
async function writeForPackagers(
  release: Release,
  staged: StagedVersion,
  { place }: Destination,
  onEvent: OnPublishEvent,
): Promise<void> {
  if (place === undefined) return;
  const folder = path.join(release.output, 'publish', 'packagers', release.name);
  const packaged = { release: publishedRelease(release), staged, place };
  const files = await writePackagers(packaged, release.options.publish.packagers, folder);
  onEvent({ type: 'packagers', folder, files });
}

/** Where a version goes, and how whoever has it finds the next one. */
interface Destination {
  /** Absolute. With neither this nor GitHub it is only staged. */
  readonly to: string | undefined;
  readonly github: GitHubPlace | undefined;
  /** Where it will be had from, as far as somebody has said so. */
  readonly place: PublishPlace | undefined;
  /** Undefined: the executables do not update themselves. */
  readonly trust: ReturnType<typeof updateTrust>;
}

function destinationOf(release: Release, options: PublishOptions): Destination {
  const to = options.to === undefined ? undefined : folderAt(options.to);
  const github = repositoryFor(release, options);
  if (options.draft && github === undefined) {
    throw new UsageError(
      '--draft is for a release on GitHub, and this is none: say --github OWNER/NAME, or publish.github and no --to.',
    );
  }
  const place = placeOf({ ...release.options.publish, github }, release.version);
  return { to, github, place, trust: updateTrust(release) };
}

function repositoryFor(
  { options: { publish: settings, update } }: Release,
  { github: named, to, onEvent }: PublishOptions,
): GitHubPlace | undefined {
  if (named === undefined) return to === undefined ? settings.github : undefined;
  if (!/^[\w.-]+\/[\w.-]+$/.test(named)) {
    throw new UsageError(`--github ${named} is no repository: expected OWNER/NAME.`);
  }
  const place = { ...(settings.github ?? repositoryOf(onServer(named, process.env))), repository: named };
  const feed = settings.github?.repository ?? settings.url;
  if (update !== undefined && feed !== named) {
    const message = `The executables look for later versions at ${feed}, and this one goes to ${named}.`;
    onEvent({ type: 'notice', level: 'warning', message });
  }
  return place;
}

/** That whose workflow this is, as every workflow is told; else github.com. */
function onServer(repository: string, { GITHUB_SERVER_URL: url, GITHUB_API_URL: api }: NodeJS.ProcessEnv) {
  return { repository, ...(url && { url }), ...(url && api && { api }) };
}

/** What GitHub says is held to what is published, but for `--dry-run`, which asks nobody. */
async function gitHubDestination(
  { version, name, project, options: { publish: settings } }: Release,
  { github: place }: Destination,
  { dryRun, signal, onEvent }: PublishOptions,
): Promise<GitHubDestination | undefined> {
  if (place === undefined) return undefined;
  const { tag, isMain } = settings;
  refuseOtherTag({ name, version, tag: tagOf(version, tag) }, place, process.env);
  if (dryRun) return undefined;
  const token = gitHubToken(place, process.env);
  const commit = await builtCommit(place, project, process.env, onEvent);
  const destination = { place, token, tag, isMain, commit };
  await checkGitHub(version, { ...destination, signal, onEvent });
  return destination;
}

async function stageRelease(
  release: Release,
  { to, github, place, trust }: Destination,
  options: PublishOptions,
): Promise<StagedVersion> {
  const { dryRun, clobber, signal, onEvent } = options;
  const { name, version, output } = release;
  const { publish: settings, targets } = release.options;
  const key = await readSigningKey(process.env);
  requireTrusted(key, trust?.publicKeys ?? []);
  if (to !== undefined && key !== undefined) {
    const message = await leftBehind(to, version, key);
    if (message !== undefined) onEvent({ type: 'notice', level: 'warning', message });
  }
  const programs = executableNames(release);
  const matrix = await loadTargets(release.project);
  const executables = findExecutables({
    folder: output,
    programs,
    targets: namedTargets(matrix, options, targets, process.env),
    known: [...matrix.values()],
  });
  if (github !== undefined)
    refuseLarge(executables.map(({ file }) => ({ name: file, size: statSync(file).size })));
  const staged = await stage({
    release: publishedRelease(release),
    executables,
    beside: await filesBeside(release.project, settings.include, programs),
    folder: to === undefined ? path.join(output, 'publish', `${name}-${version}`) : path.join(to, version),
    tag: tagOf(version, settings.tag),
    place,
    trust,
    publicKeys: trust?.publicKeys ?? (key === undefined ? [] : [key.publicKey]),
    notes: await notesOf(release, options),
    date: dateOf(process.env),
    key,
    replace: to === undefined || clobber,
    dryRun,
    signal,
    onEvent,
  });
  if (key !== undefined) onEvent({ type: 'signed', key: keyId(key) });
  return staged;
}

/** What was staged before, as it is; where it goes to a folder, a copy. */
async function takeStaged(
  { name, version, options: { publish: settings } }: Release,
  from: string,
  { to, github, trust }: Destination,
  { dryRun, clobber }: PublishOptions,
): Promise<StagedVersion> {
  // In a folder no address has the tag in it.
  const tag = github && tagOf(version, settings.tag);
  const staged = await readStaged(from, { name, version, tag, trust });
  if (to === undefined) return staged;
  return await copyStaged(staged, path.join(to, version), { replace: clobber, dryRun });
}

function tellStaged(
  { folder, files, feed }: StagedVersion,
  { to, github }: Destination,
  { from, dryRun, onEvent }: PublishOptions,
): void {
  if (!files.some(({ name }) => name === SIGNATURE)) {
    const why = `${from === undefined ? 'SARMA_SIGNING_KEY is not set' : 'it was staged without a key'}. \`sarma keygen\` makes one.`;
    const message = `${feed.name} ${feed.version} is not signed: ${why}`;
    onEvent({ type: 'notice', level: 'warning', message });
  }
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  onEvent({ type: 'staged', folder, version: feed.version, tag: feed.tag, files, bytes, dryRun });
  if (dryRun || to !== undefined || github !== undefined) return;
  const message =
    'It is published nowhere yet: say where to with --to DIR, --github OWNER/NAME or publish.github.';
  onEvent({ type: 'notice', level: 'info', message });
}

/** What the author hands on. A line for each kind of system that there is something for. */
function tellInstall({ feed }: StagedVersion, { latest }: PublishPlace, onEvent: OnPublishEvent): void {
  const isForWindows = ({ target }: { readonly target: string }) => target.startsWith('win-');
  const commands = [
    ...(feed.executables.every(isForWindows) ? [] : [`curl -fsSL ${new URL('install.sh', latest)} | sh`]),
    ...(feed.executables.some(isForWindows) ? [`irm ${new URL('install.ps1', latest)} | iex`] : []),
  ];
  for (const command of commands)
    onEvent({ type: 'notice', level: 'info', message: `Users install it by: ${command}` });
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
