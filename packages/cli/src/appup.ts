import { loadRelease, ReleaseError, type ReleaseOptions } from '@sarma/release';
import { type Draft, draftAppups, type FoundVersion, findVersion, writeAppups } from '@sarma/release/appup';
import type { OnBuildEvent } from './events.ts';
import { OWN_MODULE } from './own-module.ts';

export interface AppupOptions extends ReleaseOptions {
  /** A version, an assembled directory or a tar. */
  readonly from: string;
  /** The same. Default: what lies where the release is assembled. */
  readonly to?: string | undefined;
  /** Applications. Default: all that have changed. */
  readonly apps?: readonly string[] | undefined;
  readonly onEvent: OnBuildEvent;
}

/**
 * Writes what an upgrade from one version to another does, a file per changed application, into the project's
 * `rel/appups`. Throws ReleaseError.
 */
export async function appup({ from, to, apps, onEvent, ...options }: AppupOptions): Promise<void> {
  const release = await loadRelease({ sarma: OWN_MODULE, ...options });
  const { name, path, output, project } = release;
  const places = { name, path, output, directory: process.cwd() };
  const before = await findVersion(from, places);
  const after = await findVersion(to ?? path, places).catch((error: unknown) => {
    throw to === undefined ? nothingAssembled(name, path, error) : error;
  });
  await writeTold(project, before, after, onEvent, apps);
}

/** Writes the appups from one version to another, and tells of each. Throws ReleaseError. */
export async function writeTold(
  project: string,
  before: FoundVersion,
  after: FoundVersion,
  onEvent: OnBuildEvent,
  apps?: readonly string[] | undefined,
): Promise<void> {
  const draft = chosen(draftAppups(before, after), after, apps);
  for (const { appup: said, ...result } of await writeAppups(project, draft))
    onEvent({ type: 'appup', ...said, ...result, packages: Object.fromEntries(draft.packages) });
  for (const message of remarks(draft)) onEvent({ type: 'notice', level: 'info', message });
}

/** Throws ReleaseError UNKNOWN_APPLICATION. */
function chosen(draft: Draft, { boot }: FoundVersion, apps: readonly string[] | undefined): Draft {
  if (apps === undefined) return draft;
  const changed = draft.appups.map(({ app }) => app);
  const known = new Set([...changed, ...boot.applications.map(({ name }) => name)]);
  const unknown = apps.find((app) => !known.has(app));
  if (unknown !== undefined)
    throw new ReleaseError(
      'UNKNOWN_APPLICATION',
      `--app ${unknown}: ${draft.name} ${draft.to} has no such application; it has ${[...known].join(', ')}.`,
    );
  return { ...draft, appups: draft.appups.filter(({ app }) => apps.includes(app)) };
}

/** What a reader of the files should know besides. */
function remarks({ name, from, to, appups, obstacles, withoutCodeChange }: Draft): readonly string[] {
  if (appups.length === 0) {
    const nothing = `No application of ${name} changed between ${from} and ${to}, so there is nothing to write.`;
    return [nothing, ...obstacles];
  }
  if (obstacles.length > 0) return [`It cannot be done in the running process: ${obstacles.join(' ')}`];
  return withoutCodeChange.map(
    (app) =>
      `${app} exports no codeChange, so that its state cannot be carried over: the new version is started beside the old one. ` +
      `{ "restart": "${app}" } would stop and start it in the same process instead.`,
  );
}

function nothingAssembled(name: string, path: string, cause: unknown): ReleaseError {
  return new ReleaseError(
    'VERSION_NOT_FOUND',
    `No TO was given, and ${name} is not assembled in ${path}. Assemble it (sarma assemble), or name a directory, a tar or a version.`,
    { cause },
  );
}
