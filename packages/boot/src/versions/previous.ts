import { existsSync } from 'node:fs';
import path from 'node:path';
import type { ReleaseEnvironment } from '../environment.ts';
import { BootError } from '../error.ts';
import type { NodeInfo } from '../node-info.ts';
import { listVersions } from './list.ts';
import { type VersionPlaces, versionPlaces } from './places.ts';
import { readStartRecord, versionsBefore } from './start-record.ts';

/**
 * What `downgrade` goes back to: from a provisional version to the permanent one, from that to the one before it.
 * Rejects with BootError NO_PREVIOUS_VERSION.
 */
export async function previousVersion(environment: ReleaseEnvironment, running: NodeInfo): Promise<string> {
  const places = versionPlaces(environment, running);
  const versions = await listVersions(places);
  const permanent = versions.find(({ isPermanent }) => isPermanent)?.version;
  if (permanent !== undefined && permanent !== running.version) return permanent;
  const isThere = (name: string) =>
    name !== running.version && versions.some(({ version }) => version === name);
  const record = readStartRecord(places.record);
  // Where somebody has put another file there by hand, the record is that of the one before.
  const found = record && versionsBefore(record, running.version).findLast(isThere);
  if (found !== undefined) return found;
  const { prog } = environment;
  const remedy = isUpdated(places)
    ? `\`${prog} maintenance rollback\` brings back the executable from before its last update; then ${prog} downgrade.`
    : `One can be named: ${prog} downgrade VERSION`;
  throw new BootError(
    'NO_PREVIOUS_VERSION',
    `There is no version from before ${running.version}. Those that are there: ${versions.map(({ version }) => version).join(', ')}. ${remedy}`,
  );
}

/** Whether `maintenance update` has kept what was there before it (docs/publishing.md). */
function isUpdated({ form, program }: VersionPlaces): boolean {
  const kept = path.join(path.dirname(program), `.${path.basename(program)}.previous`);
  return form === 'executable' && existsSync(kept);
}
