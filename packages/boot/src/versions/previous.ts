import type { CommandContext } from '../context.ts';
import { notRunning } from '../control/client.ts';
import { BootError } from '../error.ts';
import { nodeInfo } from '../node-info.ts';
import { listVersions } from './list.ts';
import { versionPlaces } from './places.ts';
import { readStartRecord } from './start-record.ts';

/**
 * What `downgrade` goes back to: from a provisional version to the permanent one, from that to the one before it.
 * Rejects with BootError NO_PREVIOUS_VERSION, NOT_RUNNING.
 */
export async function previousVersion({ boot, environment }: CommandContext): Promise<string> {
  const running = await nodeInfo(boot, environment);
  if (running === undefined) throw notRunning(environment);
  const places = versionPlaces(environment, running);
  const versions = await listVersions(places);
  const permanent = versions.find(({ isPermanent }) => isPermanent)?.version;
  if (permanent !== undefined && permanent !== running.version) return permanent;
  const isThere = (name: string) =>
    name !== running.version && versions.some(({ version }) => version === name);
  const found = readStartRecord(places.record)?.before?.findLast(isThere);
  if (found !== undefined) return found;
  throw new BootError(
    'NO_PREVIOUS_VERSION',
    `There is no version from before ${running.version}. Those that are there: ${versions.map(({ version }) => version).join(', ')}.`,
  );
}
