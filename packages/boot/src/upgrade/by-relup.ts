import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { CommandContext } from '../context.ts';
import { ask } from '../control/client.ts';
import { FORMAT } from '../control/request.ts';
import { BootError } from '../error.ts';
import type { NodeInfo } from '../node-info.ts';
import { foundVersion } from '../reload/find-version.ts';
import type { ReloadPlan } from '../reload/plan.ts';
import type { ReloadRequest, ReloadResult } from '../reload/request.ts';
import { type RelupFile, relupInstructions, type UpgradeInstruction } from '../relup.ts';
import type { PreparedVersion } from '../versions/prepare.ts';

/**
 * Takes the new version's code into the running node where relup.json says that it can be done so; undefined where it
 * says nothing, or something else: then the new version has to be started beside the old one. Rejects as `reload` does.
 */
export async function reloadByRelup(
  { boot, environment, stdout }: CommandContext,
  running: NodeInfo,
  prepared: PreparedVersion,
  { isPermanent, isNow }: { readonly isPermanent: boolean; readonly isNow: boolean },
): Promise<ReloadResult | undefined> {
  const roots = new Map([
    [running.version, running.root],
    [prepared.version, prepared.root],
  ]);
  const instructions = relupInstructions(running.version, prepared.version, (version) =>
    readRelup(roots.get(version)!, version),
  );
  if (instructions === undefined || instructions.includes('restart_node')) return undefined;
  const request: ReloadRequest = {
    ...(await foundVersion(running, prepared, environment)),
    restartChanged: instructions.some((one) => typeof one === 'object' && 'restart' in one),
    isPermanent,
    dryRun: true,
  };
  const say = ({ progress }: { readonly progress?: unknown }) => void stdout.write(`${progress}.\n`);
  const reload = async (dryRun: boolean) => {
    const params = { ...request, dryRun, isNow, format: FORMAT };
    return (await ask(boot, environment, 'reload', params, say)) as ReloadResult;
  };
  try {
    const reason = contradiction((await reload(true)).plan, instructions);
    if (reason === undefined) return await reload(false);
    stdout.write(`relup.json is not followed: ${reason} The new version is started beside the old one.\n`);
    return undefined;
  } catch (error) {
    if (!(error instanceof BootError) || !NOT_IN_PROCESS.includes(error.code)) throw error;
    stdout.write(`${error.message}\nThe new version is started beside the old one.\n`);
    return undefined;
  }
}

/** What a reload is refused with that an upgrade can do all the same. */
const NOT_IN_PROCESS = ['RELOAD_LIMIT', 'NO_HOOKS', 'LOADED_OTHERWISE', 'NO_CODE_CHANGE'];

function readRelup(root: string, version: string): RelupFile | undefined {
  const file = path.join(root, 'releases', version, 'relup.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as RelupFile) : undefined;
}

/** Why what is written cannot be what is done: a file was written for other code, or by somebody who left something out. */
export function contradiction(
  { obstacles, applications }: ReloadPlan,
  instructions: readonly UpgradeInstruction[],
): string | undefined {
  if (obstacles.length > 0) return obstacles[0]!.message;
  const said = new Map(
    instructions
      .flatMap((one) => (typeof one === 'object' ? Object.entries(one) : []))
      .map(([word, name]) => [name, word] as const),
  );
  for (const { name, change } of applications) {
    if (change === 'none' || change === 'load' || said.get(name) === change) continue;
    const found = said.get(name);
    return found === undefined
      ? `${name} has changed, and no instruction names it.`
      : `it wants to ${found} ${name}, and what can be done is to ${change} it.`;
  }
  return undefined;
}
