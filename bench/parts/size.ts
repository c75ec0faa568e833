import { readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { inspect } from '@sarma/wrapper';
import type { Bench, Part } from '../bench.ts';
import { megabytes, reason, type Section } from '../report.ts';
import { type Compression, wrap } from '../sarma.ts';

const COMPRESSIONS: readonly Compression[] = ['fast', 'balanced', 'best', 'none'];

/** What hello world weighs, for every target and compression. */
export const size: Part = {
  name: 'size',
  run: async (bench): Promise<Section> => {
    const rows: string[][] = [];
    const failures: string[] = [];
    for (const [target, line] of await targetLines(bench)) {
      const sizes: string[] = [];
      let version = '';
      for (const compression of COMPRESSIONS) {
        try {
          const weighed = await weigh(bench, target, line, compression);
          sizes.push(megabytes(weighed.bytes));
          version = weighed.version;
        } catch (error) {
          sizes.push('—');
          failures.push(`* ${target}, ${compression}: ${reason(error)}`);
        }
      }
      rows.push([target, version, ...sizes]);
    }
    return {
      title: 'Size of hello world',
      blocks: [
        'In MB (10^6 bytes). Aims for linux-x64: `balanced` at most 36, `best` at most 30.',
        { columns: ['target', 'Node', ...COMPRESSIONS.map((name) => `\`${name}\``)], rows },
        ...(failures.length > 0 ? [failures.join('\n')] : []),
      ],
    };
  },
};

/** The targets and the line of Node that each is built with: the bench's own, or the newest that a target has. */
async function targetLines(bench: Bench): Promise<readonly (readonly [string, string])[]> {
  const file = path.join(import.meta.dirname, '../../targets.json');
  const matrix = JSON.parse(await readFile(file, 'utf8')) as Readonly<
    Record<string, { readonly newest?: number }>
  >;
  const own = process.versions.node.split('.')[0]!;
  const lines = Object.entries(matrix).map(([name, { newest }]) => [name, String(newest ?? own)] as const);
  const host = `${process.platform}-${process.arch}`;
  return bench.quick ? lines.filter(([name]) => name === host) : lines;
}

async function weigh(bench: Bench, target: string, runtime: string, compression: Compression) {
  const hello = bench.programs[0]!;
  const out = path.join(bench.disk, 'size/');
  const [file] = await wrap(hello, { targets: [target], compression, runtime, out });
  const { manifest } = await inspect(file!);
  const { size: bytes } = await stat(file!);
  await rm(out, { recursive: true });
  return { bytes, version: manifest.runtime.version };
}
