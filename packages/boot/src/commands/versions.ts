import { parseArgs } from 'node:util';
import type { CommandContext } from '../context.ts';
import type { NodeRecord } from '../control/node-record.ts';
import { type InstalledVersion, listVersions } from '../versions/list.ts';
import { versionsInUse } from '../versions/running.ts';

/** Every version that is there, a line each. */
export async function run(context: CommandContext): Promise<number> {
  const { args, stdout } = context;
  const { values } = parseArgs({ args: [...args], options: { json: { type: 'boolean' } } });
  const { places, nodes } = await versionsInUse(context);
  const versions = await listVersions(places);
  const listed = versions.map((one) => ({
    ...one,
    nodes: nodes.filter(({ version }) => version === one.version).map(({ node, pid }) => ({ node, pid })),
  }));
  stdout.write(values.json ? `${JSON.stringify(listed, null, 2)}\n` : text(listed));
  return 0;
}

type Listed = InstalledVersion & { readonly nodes: readonly Pick<NodeRecord, 'node' | 'pid'>[] };

function text(versions: readonly Listed[]): string {
  const width = Math.max(...versions.map(({ version }) => version.length));
  const lines = versions.map((one) =>
    [one.version.padEnd(width), `${Math.ceil(one.bytes / 1e6)} MB`.padStart(7), said(one)]
      .join('  ')
      .trimEnd(),
  );
  return lines.map((line) => `${line}\n`).join('');
}

function said({ isPermanent, nodes }: Listed): string {
  const runs = nodes.map(({ node, pid }) => `${node} runs (PID ${pid})`);
  const kind = isPermanent ? ['permanent'] : runs.length > 0 ? ['provisional'] : [];
  return [...kind, ...runs].join(', ');
}
