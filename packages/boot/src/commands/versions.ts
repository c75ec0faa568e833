import { parseArgs } from 'node:util';
import type { CommandContext } from '../context.ts';
import type { NodeRecord } from '../control/node-record.ts';
import { type InstalledVersion, listVersions } from '../versions/list.ts';
import { versionsInUse } from '../versions/running.ts';

/** Every version that is there or runs, a line each. */
export async function run(context: CommandContext): Promise<number> {
  const { args, stdout } = context;
  const { values } = parseArgs({ args: [...args], options: { json: { type: 'boolean' } } });
  const { places, nodes } = await versionsInUse(context);
  const versions = await listVersions(places);
  const isThere = new Set(versions.map(({ version }) => version));
  // What runs from an executable that another one has taken the place of, as after `maintenance update`.
  const gone = new Set(nodes.map(({ version }) => version).filter((version) => !isThere.has(version)));
  const replaced = [...gone].map((version) => ({ version, path: null, isPermanent: false, bytes: null }));
  const listed = [...versions, ...replaced].map((one) => ({
    ...one,
    nodes: nodes.filter(({ version }) => version === one.version).map(({ node, pid }) => ({ node, pid })),
  }));
  stdout.write(values.json ? `${JSON.stringify(listed, null, 2)}\n` : text(listed));
  return 0;
}

/** Without path and size where its file is gone. */
type Listed = Pick<InstalledVersion, 'version' | 'isPermanent'> & {
  readonly path: string | null;
  readonly bytes: number | null;
  readonly nodes: readonly Pick<NodeRecord, 'node' | 'pid'>[];
};

function text(versions: readonly Listed[]): string {
  const width = Math.max(...versions.map(({ version }) => version.length));
  const lines = versions.map((one) =>
    [one.version.padEnd(width), sizeOf(one).padStart(7), said(one)].join('  ').trimEnd(),
  );
  return lines.map((line) => `${line}\n`).join('');
}

const sizeOf = ({ bytes }: Listed) => (bytes === null ? '' : `${Math.ceil(bytes / 1e6)} MB`);

function said({ isPermanent, nodes }: Listed): string {
  const runs = nodes.map(({ node, pid }) => `${node} runs (PID ${pid})`);
  const kind = isPermanent ? ['permanent'] : runs.length > 0 ? ['provisional'] : [];
  return [...kind, ...runs].join(', ');
}
