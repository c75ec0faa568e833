import { mkdir, rm, stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import { type Bench, environment, freshHome, type Part } from '../bench.ts';
import { type Filling, makeProject, makeTinyRuntime } from '../generated.ts';
import type { Command, Cost } from '../measure.ts';
import type { Lines, Point, Series } from '../plots.ts';
import { megabytes, milliseconds, type Section } from '../report.ts';
import { wrapArguments, wrapEnvironment } from '../sarma.ts';

const FILES = [10, 100, 1000, 10_000, 100_000];
const MEGABYTES = [1, 10, 100, 1000, 4400];

/** How everything grows with the number of files and with their bytes. */
export const scale: readonly Part[] = [
  {
    name: 'scale-files',
    run: async (bench): Promise<Section> => {
      const counts = bench.quick ? FILES.slice(0, 3) : FILES;
      const fillings = counts.map((files): Filling => {
        return { files, directories: Math.max(2, files / 5), bytes: files * 2000, content: 'noise' };
      });
      return await grow(bench, fillings, {
        title: 'Growth with the number of files',
        unit: 'files',
        of: ({ files }) => files,
        about: 'files of 2 kB, five in each directory, on a file system in memory if there is one',
        // Of a disk, the deleting of so many files in between would be measured as well: freshHome.
        directory: bench.memory ?? bench.disk,
      });
    },
  },
  {
    name: 'scale-bytes',
    run: async (bench): Promise<Section> => {
      const sizes = bench.quick ? MEGABYTES.slice(0, 3) : MEGABYTES;
      const fillings = sizes.map((size): Filling => {
        return { files: Math.max(10, size / 10), directories: 2, bytes: size * 1e6, content: 'noise' };
      });
      return await grow(bench, fillings, {
        title: 'Growth with the bytes of the payload',
        unit: 'MB',
        of: ({ bytes }) => bytes / 1e6,
        about: 'files of at most 10 MB, that no compression makes smaller',
        directory: bench.disk,
      });
    },
  },
];

interface Growth {
  readonly title: string;
  readonly unit: string;
  readonly of: (filling: Filling) => number;
  readonly about: string;
  /** Where everything lies. */
  readonly directory: string;
}

interface Grown {
  readonly at: number;
  readonly bytes: number;
  readonly wrap: Cost;
  readonly first: Cost;
  readonly warm: Cost;
}

async function grow(bench: Bench, fillings: readonly Filling[], growth: Growth): Promise<Section> {
  const runtime = await makeTinyRuntime(growth.directory);
  const grown: Grown[] = [];
  const refusals: string[] = [];
  for (const filling of fillings) {
    const at = growth.of(filling);
    const place = path.join(growth.directory, String(at));
    const full = await describeFullDisk(growth.directory, filling);
    try {
      if (full !== undefined) refusals.push(`* ${at.toLocaleString('en')} ${growth.unit}: ${full}`);
      else grown.push({ at, ...(await tryOut(bench, filling, place, runtime)) });
    } catch (error) {
      refusals.push(`* ${at.toLocaleString('en')} ${growth.unit}: ${bench.fail(error)}`);
    }
    await rm(place, { recursive: true, force: true });
  }
  return {
    title: growth.title,
    blocks: [
      `Projects of ${growth.about}, wrapped uncompressed with an empty build cache around a runtime that ends at once, so ` +
        'that all time is Sarma’s own. Wall time as the median (first runs are few, wrapping is done once), memory as the ' +
        'peak of the largest process.',
      {
        columns: [
          growth.unit,
          'executable, MB',
          ...['wrap, s', 'wrap: memory, MB', 'first run, ms', 'first run: memory, MB'],
          ...['warm run, ms', 'warm run: memory, MB'],
        ],
        rows: grown.map(showRow),
      },
      ...(refusals.length > 0 ? [refusals.join('\n')] : []),
    ],
    plots: grown.length < 2 ? [] : plots(growth, grown),
  };
}

function showRow({ at, bytes, wrap, first, warm }: Grown): string[] {
  return [
    at.toLocaleString('en'),
    megabytes(bytes),
    (wrap.wall.median / 1000).toFixed(2),
    megabytes(wrap.peak),
    milliseconds(first.wall.median),
    megabytes(first.peak),
    warm.wall.median.toFixed(2),
    megabytes(warm.peak),
  ];
}

function plots({ title, unit }: Growth, grown: readonly Grown[]): readonly Lines[] {
  const name = `scale-${unit === 'files' ? 'files' : 'bytes'}`;
  const series = (value: (cost: Cost) => Omit<Point, 'x'>): readonly Series[] =>
    (['wrap', 'first', 'warm'] as const).map((what) => ({
      name: { wrap: 'wrap', first: 'first run', warm: 'warm run' }[what],
      points: grown.map((one) => ({ x: one.at, ...value(one[what]) })),
    }));
  return [
    {
      kind: 'lines',
      name: `${name}-time`,
      title: `${title}: time`,
      x: unit,
      y: 'wall time, ms: median and quartiles',
      series: series(({ wall }) => ({ y: wall.median, low: wall.lowerQuartile, high: wall.upperQuartile })),
    },
    {
      kind: 'lines',
      name: `${name}-memory`,
      title: `${title}: memory`,
      x: unit,
      y: 'peak memory, MB',
      series: series(({ peak }) => ({ y: peak / 1e6 })),
    },
  ];
}

const ONCE = { most: 1, least: 1, seconds: 0, warmups: 0 };

async function tryOut(bench: Bench, filling: Filling, place: string, runtime: string) {
  await mkdir(place);
  const program = await makeProject('scale', path.join(place, 'project'), filling);
  const file = path.join(place, 'scale');
  const build: Command = {
    name: 'wrap',
    argv: [...wrapArguments(program, { compression: 'none', runtime, out: file }), '--quiet'],
    env: wrapEnvironment(path.join(place, 'cache')),
    directory: place,
  };
  const [wrap] = await bench.measure([build], ONCE);
  // The assembled release and the cache are as large as the project.
  for (const made of ['project', 'cache']) await rm(path.join(place, made), { recursive: true, force: true });
  const home = path.join(place, 'home');
  const run = { argv: [file], env: environment(home), directory: place };
  const large = filling.bytes > 500e6 || filling.files > 20_000;
  const rounds = large ? ONCE : { ...bench.rounds(5, 15), warmups: 0 };
  const [first] = await bench.measure([{ ...run, name: 'first run', prepare: freshHome(home) }], rounds);
  const [warm] = await bench.measure([{ ...run, name: 'warm run' }], bench.rounds(5, 300));
  return { bytes: (await stat(file)).size, wrap: wrap!, first: first!, warm: warm! };
}

/** Four copies are there at once: the project, the assembled release, what the build cache keeps, the executable. */
async function describeFullDisk(directory: string, { bytes, files }: Filling): Promise<string | undefined> {
  const { bavail, bsize } = await statfs(directory);
  const needed = 4 * (bytes + files * 4096) + 2e9;
  if (bavail * bsize < needed) return `not tried: ${(needed / 1e9).toFixed(0)} GB of disk are needed`;
}
