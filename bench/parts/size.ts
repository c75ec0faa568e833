import { readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { type Compression, inspect } from '@sarma/wrapper';
import type { Bench, Part } from '../bench.ts';
import type { BarGroup } from '../plots.ts';
import { megabytes, reason, type Section } from '../report.ts';
import { wrap } from '../sarma.ts';

const COMPRESSIONS: readonly Compression[] = ['fast', 'balanced', 'best', 'smallest', 'none'];

/** The line of Node that the npm registry has for every target. */
const WIDESPREAD = '26';

/** What hello world weighs, for every target and compression. */
export const size: Part = {
  name: 'size',
  run: async (bench): Promise<Section> => {
    const rows: string[][] = [];
    const groups: BarGroup[] = [];
    const failures: string[] = [];
    for (const [target, lines] of await targetLines(bench)) {
      try {
        const [version, ...weights] = await weighTarget(bench, target, lines);
        rows.push([target, version, ...weights.map(megabytes)]);
        const bars = weights.map((bytes, index) => ({ name: COMPRESSIONS[index]!, value: bytes / 1e6 }));
        groups.push({ name: target, bars });
      } catch (error) {
        // No registry has Node for every target.
        const missing = error instanceof Error && error.message.includes('could be had');
        failures.push(`* ${target}: ${missing ? reason(error) : bench.fail(error)}`);
      }
    }
    return {
      title: 'Size of hello world',
      blocks: [
        'In MB (10^6 bytes). Aims for linux-x64: `balanced` at most 36, `best` at most 30, `smallest` at most 26.5.',
        { columns: ['target', 'Node', ...COMPRESSIONS.map((name) => `\`${name}\``)], rows },
        ...(failures.length > 0 ? [failures.join('\n')] : []),
      ],
      plots: [
        {
          kind: 'bars',
          name: 'size',
          title: 'Size of hello world',
          axis: 'MB (less is better)',
          groups,
        },
      ],
    };
  },
};

/** The targets, and the lines of Node to try for each: the bench's own, or the newest that a target has. */
async function targetLines(bench: Bench): Promise<readonly (readonly [string, readonly string[]])[]> {
  const file = path.join(import.meta.dirname, '../../packages/wrapper/src/targets.json');
  const matrix = JSON.parse(await readFile(file, 'utf8')) as Readonly<
    Record<string, { readonly newest?: number; readonly slices?: unknown }>
  >;
  const own = process.versions.node.split('.')[0]!;
  const lines = Object.entries(matrix)
    .filter(([, { slices }]) => slices === undefined)
    .map(
      ([name, { newest }]) => [name, newest === undefined ? [own, WIDESPREAD] : [String(newest)]] as const,
    );
  const host = `${process.platform}-${process.arch}`;
  return bench.quick ? lines.filter(([name]) => name === host) : lines;
}

/** The version of Node and the sizes, with the first line that can be had. */
async function weighTarget(
  bench: Bench,
  target: string,
  lines: readonly string[],
): Promise<readonly [string, ...number[]]> {
  const [line, ...others] = lines;
  try {
    const weights = [];
    for (const compression of COMPRESSIONS) weights.push(await weigh(bench, target, line!, compression));
    return [weights[0]!.version, ...weights.map(({ bytes }) => bytes)];
  } catch (error) {
    if (others.length === 0) throw error;
    return await weighTarget(bench, target, others);
  }
}

async function weigh(bench: Bench, target: string, runtime: string, compression: Compression) {
  const hello = await bench.program('hello');
  const out = path.join(bench.disk, 'size/');
  const [file] = await wrap(hello, { targets: [target], compression, runtime, out });
  const { manifest } = await inspect(file!);
  const { size: bytes } = await stat(file!);
  await rm(out, { recursive: true });
  return { bytes, version: manifest.runtime.version };
}
