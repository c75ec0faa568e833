import { rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { inspect } from '@sarma/wrapper';
import type { Bench, Part } from '../bench.ts';
import { checkUse } from '../check.ts';
import type { BarGroup } from '../plots.ts';
import { type Program, type ProgramName, withSettings } from '../programs.ts';
import { megabytes, type Section } from '../report.ts';
import { wrap } from '../sarma.ts';

interface Case {
  readonly name: ProgramName;
  /** What its user may do without besides. */
  readonly without?: {
    readonly name: string;
    readonly packages: readonly string[];
    readonly also: readonly string[];
  };
}

const CASES: readonly Case[] = [
  { name: 'hello' },
  { name: 'prettier' },
  { name: 'tsc' },
  { name: 'eslint' },
  { name: 'claude-code' },
  {
    name: 'claude-code',
    without: { name: 'no optional packages', packages: ['@img'], also: [] },
  },
  {
    name: 'claude-code',
    without: {
      name: 'no optional packages, no plugin for JetBrains',
      packages: ['@img'],
      also: ['@anthropic-ai/claude-code/vendor/claude-code-jetbrains-plugin'],
    },
  },
  { name: 'fastify' },
];

/** What leaving out files that no program reads saves. */
export const strip: Part = {
  name: 'strip',
  run: async (bench): Promise<Section> => {
    const rows: string[][] = [];
    const groups: BarGroup[] = [];
    for (const [index, one] of CASES.entries()) {
      const name = one.without === undefined ? one.name : `${one.name}, ${one.without.name}`;
      try {
        const { whole, stripped } = await compare(bench, one, path.join(bench.disk, String(index)));
        rows.push([name, ...[whole, stripped].flatMap(showWeight)]);
        const bars = [
          { name: 'strip: false', value: whole.bytes / 1e6 },
          { name: 'stripped', value: stripped.bytes / 1e6 },
        ];
        groups.push({ name, bars });
      } catch (error) {
        rows.push([name, bench.fail(error)]);
      }
    }
    return {
      title: 'What strip saves',
      blocks: [INTRODUCTION, { columns: COLUMNS, rows }],
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

const INTRODUCTION =
  'The executables of the programs for this machine (`best`), whole (`strip: false`) and as they are by default, in MB ' +
  '(10^6 bytes), and what their releases are unpacked, without the runtime. "No optional packages" is the project as ' +
  '`npm install --omit=optional` leaves it, "no plugin" with `strip.also` (where something is stripped). Aim: claude-code ' +
  'at most 45 MB.';

const COLUMNS = [
  'program',
  ...['whole', 'stripped'].flatMap((name) => [name, `${name}, unpacked`, `${name}, files`]),
];

interface Weight {
  readonly bytes: number;
  readonly unpacked: number;
  readonly files: number;
}

function showWeight({ bytes, unpacked, files }: Weight): string[] {
  return [megabytes(bytes), megabytes(unpacked), String(files)];
}

async function compare(bench: Bench, { name, without }: Case, place: string) {
  const program = await bench.program(name);
  const { packages = [], also = [] } = without ?? {};
  const make = async (variant: string, strip: unknown) => {
    const own = await withSettings(program, path.join(place, `${variant}-project`), {
      strip,
      // Its optional package would be missed otherwise; its binaries for other targets stay with that, too.
      ...(packages.length > 0 ? { wrap: { addons: { skip: ['@anthropic-ai/claude-code'] } } } : {}),
    });
    for (const one of packages) await rm(path.join(own.project, 'node_modules', one), { recursive: true });
    const file = path.join(place, variant);
    const weight = await weigh(bench, own, file);
    for (const use of program.uses) await checkUse(bench, program, use, file, `${file}-home`);
    return weight;
  };
  return {
    whole: await make('whole', false),
    stripped: await make('stripped', also.length > 0 ? { also } : true),
  };
}

async function weigh(bench: Bench, program: Program, out: string): Promise<Weight> {
  // With --quick only that it works.
  const compression = bench.quick ? 'fast' : 'best';
  const [executable] = await wrap(program, { compression, out });
  const { manifest } = await inspect(executable!);
  const { size: bytes } = await stat(executable!);
  const unpacked = manifest.files.reduce((sum, { size }) => sum + size, 0);
  return { bytes, files: manifest.files.length, unpacked };
}
