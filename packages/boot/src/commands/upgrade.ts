import { statSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { endOfLog } from '../coming-up.ts';
import type { CommandContext } from '../context.ts';
import { connect } from '../control/client.ts';
import { FORMAT } from '../control/request.ts';
import { BootError } from '../error.ts';
import { logFile } from '../log/settings.ts';
import type { NodeInfo } from '../node-info.ts';
import { reloadByRelup } from '../upgrade/by-relup.ts';
import type { UpgradeRequest, UpgradeResult } from '../upgrade/protocol.ts';
import { upgradeTimeout } from '../upgrade/time-limit.ts';
import { listVersions } from '../versions/list.ts';
import { asOwner, otherOwner } from '../versions/owner.ts';
import { isPermanentIn, makePermanent, makePermanentAsRoot } from '../versions/permanent.ts';
import { type VersionPlaces, versionPlaces } from '../versions/places.ts';
import { discard, prepareVersion } from '../versions/prepare.ts';
import { nodeHere } from '../versions/running.ts';
import { showReloaded } from './reload.ts';

/** Has the node hand over to another version, which it starts beside itself, and returns when that one is the node. */
export async function run(context: CommandContext): Promise<number> {
  const { what, ...options } = readArguments(context);
  return await upgrade(context, await runningNode(context), what, options);
}

/** Rejects as `nodeHere` does, and says what to do where none runs. */
export async function runningNode(context: CommandContext): Promise<NodeInfo> {
  return await nodeHere(context).catch((error) => {
    if (!(error instanceof BootError) || error.code !== 'NOT_RUNNING') throw error;
    throw new BootError(error.code, `${error.message} ${insteadOf(context)}`);
  });
}

/** The first version of a directory starts all others; an executable is one version. */
function insteadOf({ environment: { executable, prog } }: CommandContext): string {
  return executable === undefined
    ? `Without it there is nothing to hand over: put the other version there by \`${prog} unpack PATH\`, and start that with RELEASE_VSN=VERSION ${prog} start.`
    : 'Without it there is nothing to hand over: start the executable of the other version instead.';
}

interface UpgradeOptions {
  readonly isPermanent: boolean;
  /** Whatever relup.json says. */
  readonly isBeside: boolean;
  /** The version before that still ends what it has begun is to stop at once. */
  readonly isNow: boolean;
}

export function readArguments({
  args,
}: CommandContext): UpgradeOptions & { readonly what: string | undefined } {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { 'no-permanent': { type: 'boolean' }, beside: { type: 'boolean' }, now: { type: 'boolean' } },
  });
  const [what, ...more] = positionals;
  if (more.length > 0)
    throw new BootError(
      'USAGE',
      `One version at a time: ${positionals.join(' ')} are ${positionals.length}.`,
    );
  return {
    what,
    isPermanent: values['no-permanent'] !== true,
    isBeside: values.beside === true,
    isNow: values.now === true,
  };
}

/** `what`: as prepareVersion() takes it. */
export async function upgrade(
  context: CommandContext,
  running: NodeInfo,
  what: string | undefined,
  { isPermanent, isBeside, isNow }: UpgradeOptions,
): Promise<number> {
  const { boot, environment, stdout, stderr } = context;
  const timeout = upgradeTimeout(process.env);
  if (isPermanent && (await keepProvisional(context, running, what))) return 0;
  const found = await prepareVersion(context, running, what);
  const reloaded = isBeside
    ? undefined
    : await reloadByRelup(context, running, found, { isPermanent, isNow });
  if (reloaded !== undefined) return showReloaded(context, reloaded);
  const { version, program, places } = found;
  const logBefore = statSync(logFile(environment), { throwIfNoEntry: false })?.size ?? 0;
  const isToStay = isPermanent || found.isPermanent;
  const request: UpgradeRequest = { version, program, isPermanent: isToStay, isNow, timeout };
  const say = ({ progress }: { readonly progress?: unknown }) => void stdout.write(`${progress}.\n`);
  const client = await connect(boot, environment);
  const upgrading = client.stream('upgrade', { ...request, format: FORMAT }, say);
  // The node does it, and would go on.
  const interrupt = () => upgrading.send({ interrupt: true });
  process.on('SIGINT', interrupt);
  let result: UpgradeResult;
  try {
    result = (await upgrading.result) as UpgradeResult;
  } catch (error) {
    if (hasFailed(error)) await discard(found);
    throw withLog(error, endOfLog(context, logBefore));
  } finally {
    process.off('SIGINT', interrupt);
    client.close();
  }
  const { notPermanent } = result;
  const stays =
    result.isPermanent ||
    (notPermanent !== undefined && (await makePermanentAsRoot(places, version, found.from)));
  const provisional = stays ? '' : ` It is provisional: ${await nextStart(places)}`;
  stdout.write(`${environment.node} is ${result.to} now (PID ${result.pid}).${provisional}\n`);
  // The upgrade itself has not failed.
  if (!stays && notPermanent !== undefined) stderr.write(`${boot.name}: ${notPermanent}\n`);
  if (result.problem === undefined) return 0;
  stderr.write(`${boot.name}: ${result.problem}\n`);
  return 1;
}

/** What runs provisionally is to stay: nothing has to be started for that. False where it is something else. */
async function keepProvisional(
  { environment, stdout }: CommandContext,
  { version, root, executable, pid }: NodeInfo,
  what: string | undefined,
): Promise<boolean> {
  const places = versionPlaces(environment, { root, executable });
  if (what !== version || (await isPermanentIn(places, version))) return false;
  const from = { version, executable: executable ?? undefined };
  await asOwner(otherOwner(places.root), () =>
    makePermanent({ version }, { ...environment, root }, { from }),
  );
  stdout.write(`${environment.node} is ${version} (PID ${pid}), and the next start gives it, too.\n`);
  return true;
}

async function nextStart(places: VersionPlaces): Promise<string> {
  const versions = await listVersions(places);
  const permanent = versions.find((one) => one.isPermanent)?.version;
  return `the next start gives ${permanent ?? 'another version'}.`;
}

/** What a daemon's successor has printed says more than its exit code. */
function withLog(error: unknown, said: string | undefined): unknown {
  return hasFailed(error) && said !== undefined
    ? new BootError(error.code, `${error.message}\n${said}`)
    : error;
}

/** The old version runs on, and nothing is left of the new one. */
function hasFailed(error: unknown): error is BootError {
  return error instanceof BootError && error.code === 'UPGRADE_FAILED';
}
