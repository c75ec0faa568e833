import type { Release } from '@sarma/release';
import { type FoundVersion, findVersion, writeRelup } from '@sarma/release/appup';
import { writeTold } from './appup.ts';
import type { OnBuildEvent } from './events.ts';

/** Writes the appups from each earlier version. Throws ReleaseError. */
export async function appupStep(
  release: Release,
  earlier: readonly FoundVersion[],
  onEvent: OnBuildEvent,
): Promise<Release> {
  if (earlier.length === 0) onEvent({ type: 'notice', level: 'info', message: nothingEarlier(release) });
  const after = await assembledVersion(release);
  for (const before of earlier) await writeTold(release.project, before, after, onEvent);
  return release;
}

function nothingEarlier({ name, version, path: root, output }: Release): string {
  return (
    `step appup: ${name} ${version} leads from no earlier version: none lies in ${root} or ${output}. ` +
    'Name one with upgradeFrom or --upgrade-from.'
  );
}

/** Puts what the project's appups say into the assembled release. Throws ReleaseError. */
export async function relupStep(
  release: Release,
  earlier: readonly FoundVersion[],
  onEvent: OnBuildEvent,
): Promise<Release> {
  const result = await writeRelup(release.project, await assembledVersion(release), earlier);
  if (result === undefined) {
    const message = `step relup: nothing in rel/appups leads to ${release.version}, so that the release says nothing of upgrades.`;
    onEvent({ type: 'notice', level: 'info', message });
    return release;
  }
  const from = result.relup.from.map(({ version }) => version);
  onEvent({ type: 'relup', file: result.file, from });
  return release;
}

async function assembledVersion({ name, output, project, assembled }: Release): Promise<FoundVersion> {
  const { path: root } = assembled!;
  return await findVersion(root, { name, output, path: root, directory: project });
}
