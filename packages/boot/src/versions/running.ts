import { readdirSync } from 'node:fs';
import path from 'node:path';
import type { CommandContext } from '../context.ts';
import { isListening, type NodeRecord, nodesDirectory, readRecord } from '../control/node-record.ts';
import type { ReleaseEnvironment } from '../environment.ts';
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

export async function versionsInUse({ boot, environment }: CommandContext): Promise<VersionsInUse> {
  // One that does not answer is known by its record.
  const info = await nodeInfo(boot, environment).catch(() => undefined);
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
