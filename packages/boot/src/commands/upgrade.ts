import { statSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { endOfLog } from '../coming-up.ts';
import type { CommandContext } from '../context.ts';
import { ask } from '../control/client.ts';
import { BootError } from '../error.ts';
import { logFile } from '../log/settings.ts';
import { reloadByRelup } from '../upgrade/by-relup.ts';
import type { UpgradeRequest, UpgradeResult } from '../upgrade/protocol.ts';
import { prepareVersion } from '../versions/prepare.ts';
import { SECONDS, wholeNumber } from '../whole-number.ts';
import { showReloaded } from './reload.ts';

/** Has the node hand over to another version, which it starts beside itself, and returns when that one is the node. */
export async function run(context: CommandContext): Promise<number> {
  const { what, ...options } = readArguments(context);
  return await upgrade(context, what, options);
}

interface UpgradeOptions {
  readonly isPermanent: boolean;
  /** Whatever relup.json says. */
  readonly isBeside: boolean;
}

export function readArguments({
  args,
}: CommandContext): UpgradeOptions & { readonly what: string | undefined } {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { 'no-permanent': { type: 'boolean' }, beside: { type: 'boolean' } },
  });
  const [what, ...more] = positionals;
  if (more.length > 0)
    throw new BootError(
      'USAGE',
      `One version at a time: ${positionals.join(' ')} are ${positionals.length}.`,
    );
  return { what, isPermanent: values['no-permanent'] !== true, isBeside: values.beside === true };
}

/** `what`: as prepareVersion() takes it. */
export async function upgrade(
  context: CommandContext,
  what: string | undefined,
  { isPermanent, isBeside }: UpgradeOptions,
): Promise<number> {
  const { boot, environment, stdout, stderr } = context;
  const timeout = (wholeNumber(process.env, 'RELEASE_UPGRADE_TIMEOUT', SECONDS) ?? 60) * 1000;
  const found = await prepareVersion(context, what);
  const reloaded = isBeside ? undefined : await reloadByRelup(context, found, isPermanent);
  if (reloaded !== undefined) return showReloaded(context, reloaded);
  const { version, program, ...prepared } = found;
  const logBefore = statSync(logFile(environment), { throwIfNoEntry: false })?.size ?? 0;
  const isToStay = isPermanent || prepared.isPermanent;
  const request: UpgradeRequest = { version, program, isPermanent: isToStay, timeout };
  const say = ({ progress }: { readonly progress?: unknown }) => void stdout.write(`${progress}.\n`);
  let result: UpgradeResult;
  try {
    result = (await ask(boot, environment, 'upgrade', request, say)) as UpgradeResult;
  } catch (error) {
    throw withLog(error, endOfLog(context, logBefore));
  }
  const provisional = result.isPermanent ? '' : ` It is provisional: the next start gives ${result.from}.`;
  stdout.write(`${environment.node} is ${result.to} now (PID ${result.pid}).${provisional}\n`);
  if (result.problem === undefined) return 0;
  stderr.write(`${boot.name}: ${result.problem}\n`);
  return 1;
}

/** What a daemon's successor has printed says more than its exit code. */
function withLog(error: unknown, said: string | undefined): unknown {
  const hasFailed = error instanceof BootError && error.code === 'UPGRADE_FAILED';
  return hasFailed && said !== undefined ? new BootError(error.code, `${error.message}\n${said}`) : error;
}
