import { parseArgs } from 'node:util';
import type { CommandContext } from '../context.ts';
import { BootError } from '../error.ts';
import { type InstalledVersion, listVersions } from '../versions/list.ts';
import { removeVersion } from '../versions/remove.ts';
import { type VersionsInUse, versionsInUse } from '../versions/running.ts';
import { refusal } from '../versions/staging.ts';

/** Removes a version. Throws BootError USAGE, NO_SUCH_VERSION, VERSION_IN_USE, NO_PERMISSION. */
export async function run(context: CommandContext): Promise<number> {
  const { boot, environment, args, stdout } = context;
  const { positionals } = parseArgs({ args: [...args], allowPositionals: true });
  const [version] = positionals;
  if (version === undefined || positionals.length > 1)
    throw new BootError('USAGE', `remove wants one version; \`${environment.prog} versions\` lists them.`);
  const inUse = await versionsInUse(context);
  const { places } = inUse;
  const versions = await listVersions(places);
  const found = versions.find((one) => one.version === version);
  if (found === undefined) {
    const there = versions.map((one) => one.version).join(', ');
    throw new BootError('NO_SUCH_VERSION', `${version} is not there. Those that are: ${there}.`);
  }
  refuseUsed(found, inUse);
  try {
    removeVersion(places, version);
  } catch (error) {
    throw refusal(places, error);
  }
  stdout.write(`${boot.name} ${version} is removed.\n`);
  return 0;
}

function refuseUsed({ version, isPermanent }: InstalledVersion, { nodes, info }: VersionsInUse): void {
  const refuse = (message: string) => {
    throw new BootError('VERSION_IN_USE', `${version} stays: ${message}. Upgrade to another version first.`);
  };
  if (isPermanent) refuse('it is permanent, so a start starts it');
  const node = nodes.find((one) => one.version === version);
  if (node !== undefined) refuse(`${node.node} runs it (PID ${node.pid})`);
  if (info?.upgrade && [info.upgrade.from, info.upgrade.to].includes(version))
    refuse(`an upgrade of ${info.node} is under way`);
  // A node that was reloaded reads files of the versions before.
  if (info?.versions?.includes(version)) refuse(`${info.node} runs some of it (PID ${info.pid})`);
}
