import { readdirSync } from 'node:fs';
import path from 'node:path';
import type { CommandContext } from '../context.ts';
import { notRunning } from '../control/client.ts';
import {
  isListening,
  type NodeRecord,
  nodesDirectory,
  readNodeRecord,
  readRecord,
} from '../control/node-record.ts';
import type { ReleaseEnvironment } from '../environment.ts';
import { BootError } from '../error.ts';
import { type NodeInfo, nodeInfo } from '../node-info.ts';
import { type VersionPlaces, versionPlaces } from './places.ts';

/** The versions of a release, and who runs one. */
export interface VersionsInUse {
  readonly places: VersionPlaces;
  /** All that run from this state directory, whatever their names. */
  readonly nodes: readonly NodeRecord[];
  /** What the node of this name says, if it answers. */
  readonly info: NodeInfo | undefined;
}

/**
 * The node that this command is for. Its versions are files, so it has to be one of this machine. Rejects with a BootError
 * NOT_RUNNING or OTHER_MACHINE, and as `ask` does.
 */
export async function nodeHere({ boot, environment }: CommandContext): Promise<NodeInfo> {
  if (!isHere(environment)) throw otherMachine(environment);
  const info = await nodeInfo(boot, environment);
  if (info === undefined) throw notRunning(environment);
  return info;
}

/** Where there is no record, it is looked for on another machine (control/client.ts), if it may be there. */
export function isHere(environment: ReleaseEnvironment): boolean {
  return environment.distribution !== 'name' || readNodeRecord(environment) !== undefined;
}

function otherMachine({ node, mutableDirectory, command }: ReleaseEnvironment): BootError {
  return new BootError(
    'OTHER_MACHINE',
    `${node} does not run on this machine, as far as ${mutableDirectory} knows, and its versions are files: run ${command} on the machine that it runs on.`,
  );
}

export async function versionsInUse({ boot, environment }: CommandContext): Promise<VersionsInUse> {
  // One that does not answer is known by its record, and the files of one elsewhere are no business of this machine.
  const info = isHere(environment) ? await nodeInfo(boot, environment).catch(() => undefined) : undefined;
  return {
    places: versionPlaces(environment, info ?? environment),
    nodes: await runningNodes(environment),
    info,
  };
}

async function runningNodes(environment: ReleaseEnvironment): Promise<readonly NodeRecord[]> {
  const running: NodeRecord[] = [];
  const nodes = nodesDirectory(environment);
  for (const name of namesIn(nodes)) {
    const record = readRecord(path.join(nodes, name));
    if (record !== undefined && (await isListening(record))) running.push(record);
  }
  return running;
}

function namesIn(folder: string): readonly string[] {
  try {
    // Others are on their way, or remains.
    return readdirSync(folder).filter((name) => name.endsWith('.json'));
  } catch {
    return [];
  }
}
