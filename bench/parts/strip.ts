import { stat } from 'node:fs/promises';
import path from 'node:path';
import { inspect } from '@sarma/wrapper';
import type { Bench, Part } from '../bench.ts';
import type { BarGroup } from '../plots.ts';
import { type Program, withSettings } from '../programs.ts';
import { megabytes, reason, type Section } from '../report.ts';
import { wrap } from '../sarma.ts';

const NAMES = ['prettier', 'tsc', 'eslint', 'claude-code', 'fastify'] as const;

/** What leaving out files that no program reads saves. */
export const strip: Part = {
  name: 'strip',
  run: async (bench): Promise<Section> => {
    const rows: string[][] = [];
    const groups: BarGroup[] = [];
    for (const name of NAMES) {
      try {
        const program = await bench.program(name);
        const stripped = await weigh(bench, program, `${name}-stripped`);
        const project = path.join(bench.disk, `${name}-project`);
        const whole = await weigh(
          bench,
          await withSettings(program, project, { strip: false }),
          `${name}-whole`,
        );
        rows.push([
          name,
          ...[whole, stripped].flatMap(({ bytes, unpacked, files }) => [
            megabytes(bytes),
            megabytes(unpacked),
            String(files),
          ]),
        ]);
        groups.push({
          name,
          bars: [
            { name: 'strip: false', value: whole.bytes / 1e6 },
            { name: 'stripped', value: stripped.bytes / 1e6 },
          ],
        });
      } catch (error) {
        rows.push([name, reason(error), '', '', '', '', '']);
      }
    }
    return {
      title: 'What strip saves',
      blocks: [
        'The executables of the programs for this machine (`best`), whole (`strip: false`) and as it is by default, in MB ' +
          '(10^6 bytes), and what their releases are unpacked, without the runtime. Aim: claude-code at most 45 MB.',
        {
          columns: [
            'program',
            ...['whole', 'stripped'].flatMap((name) => [name, `${name}, unpacked`, `${name}, files`]),
          ],
          rows,
        },
      ],
      plots: [
        {
          kind: 'bars',
          name: 'strip',
          title: 'Size of the executable without and with strip',
          axis: 'MB (less is better)',
          groups,
        },
      ],
    };
  },
};

async function weigh(bench: Bench, program: Program, name: string) {
  // With --quick only that it works.
  const compression = bench.quick ? 'fast' : 'best';
  const [executable] = await wrap(program, { compression, out: path.join(bench.disk, name) });
  const { manifest } = await inspect(executable!);
  const sizes = manifest.files.map(({ size }) => size);
  const { size: bytes } = await stat(executable!);
  return { bytes, files: sizes.length, unpacked: sizes.reduce((sum, size) => sum + size, 0) };
}
