import { parseArgs } from 'node:util';
import type { CommandContext } from '../context.ts';
import { BootError } from '../error.ts';
import { type InstalledVersion, listVersions } from '../versions/list.ts';
import { asOwner, otherOwner } from '../versions/owner.ts';
import { removeVersion } from '../versions/remove.ts';
import { type VersionsInUse, versionsInUse } from '../versions/running.ts';
import { refusal } from '../versions/staging.ts';
import { readStartRecord } from '../versions/start-record.ts';

/**
 * Removes versions: those that are named, or all that nobody has a use for. Throws BootError USAGE, NO_SUCH_VERSION,
 * VERSION_IN_USE, NO_PERMISSION; then those before it are gone.
 */
export async function run(context: CommandContext): Promise<number> {
  const { boot, environment, args, stdout } = context;
  const options = { old: { type: 'boolean', default: false } } as const;
  const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options });
  if (values.old === positionals.length > 0)
    throw new BootError(
      'USAGE',
      `remove wants versions, or --old; \`${environment.prog} versions\` lists them.`,
    );
  const inUse = await versionsInUse(context);
  const { places } = inUse;
  const versions = await listVersions(places);
  const chosen = values.old ? oldVersions(versions, inUse) : positionals.map((name) => find(versions, name));
  for (const one of chosen) {
    refuseUsed(one, inUse);
    try {
      await asOwner(otherOwner(places.root), async () => removeVersion(places, one.version));
    } catch (error) {
      throw refusal(places, error);
    }
    stdout.write(`${boot.name} ${one.version} is removed.\n`);
  }
  if (chosen.length === 0) stdout.write('There is no old version.\n');
  return 0;
}

function find(versions: readonly InstalledVersion[], name: string): InstalledVersion {
  const found = versions.find(({ version }) => version === name);
  if (found !== undefined) return found;
  const there = versions.map(({ version }) => version).join(', ');
  throw new BootError('NO_SUCH_VERSION', `${name} is not there. Those that are: ${there}.`);
}

/** All but what runs, what a start starts, and what was permanent before that, which `downgrade` goes back to. */
function oldVersions(
  versions: readonly InstalledVersion[],
  inUse: VersionsInUse,
): readonly InstalledVersion[] {
  const permanent = versions.find(({ isPermanent }) => isPermanent)?.version;
  const before = readStartRecord(inUse.places.record)?.before?.findLast(
    (name) => name !== permanent && versions.some(({ version }) => version === name),
  );
  return versions.filter((one) => one.version !== before && useOf(one, inUse) === undefined);
}

function refuseUsed(one: InstalledVersion, inUse: VersionsInUse): void {
  const use = useOf(one, inUse);
  if (use !== undefined)
    throw new BootError('VERSION_IN_USE', `${one.version} stays: ${use}. Upgrade to another version first.`);
}

function useOf(
  { version, isPermanent }: InstalledVersion,
  { nodes, info }: VersionsInUse,
): string | undefined {
  if (isPermanent) return 'it is permanent, so a start starts it';
  const node = nodes.find((one) => one.version === version);
  if (node !== undefined) return `${node.node} runs it (PID ${node.pid})`;
  if (info?.upgrade && [info.upgrade.from, info.upgrade.to].includes(version))
    return `an upgrade of ${info.node} is under way`;
  // A node that was reloaded reads files of the versions before.
  return info?.versions?.includes(version) ? `${info.node} runs some of it (PID ${info.pid})` : undefined;
}
