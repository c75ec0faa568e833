import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Cost } from './measure.ts';
import { drawPlot, mergePlots } from './plots.ts';
import { type Section, showSection } from './report.ts';

/** What one part has measured, with what somebody needs to judge it: one file of JSON. */
export interface Result {
  readonly part: string;
  /** When it began. */
  readonly date: string;
  /** What repeats it. */
  readonly command: string;
  /** How long it took. */
  readonly seconds: number;
  /** Average number of processes that wanted to run during the minute before, and at the end. */
  readonly load: { readonly before: number; readonly after: number };
  /** The machine and the versions of everything. */
  readonly machine: readonly string[];
  readonly section: Section;
  /** Every comparison, in the order in which they were made: what was run in turns. Times in ms, memory in bytes. */
  readonly measurements: readonly (readonly Measurement[])[];
}

/** The cost of a command, without its single runs. */
export type Measurement = Omit<Cost, 'runs'> & { readonly rounds: number };

/** Writes the result of one part to `<directory>/results/<part>.json`. */
export async function writeResult(directory: string, result: Result): Promise<void> {
  const results = path.join(directory, 'results');
  await mkdir(results, { recursive: true });
  await writeFile(path.join(results, `${result.part}.json`), `${JSON.stringify(result, null, 1)}\n`);
}

/** Makes RESULTS.md and its plots of all the results that are in `directory`, the parts in the order given. */
export async function publishResults(directory: string, parts: readonly string[]): Promise<void> {
  const results: Result[] = [];
  for (const part of parts) {
    const file = path.join(directory, 'results', `${part}.json`);
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text !== undefined) results.push(JSON.parse(text) as Result);
  }
  await drawAll(path.join(directory, 'plots'), results);
  await writeFile(path.join(directory, 'RESULTS.md'), showResults(results));
}

async function drawAll(directory: string, results: readonly Result[]): Promise<void> {
  await mkdir(directory, { recursive: true });
  const plots = mergePlots(results.flatMap(({ section }) => section.plots ?? []));
  const names = new Set(plots.map(({ name }) => `${name}.svg`));
  for (const file of await readdir(directory)) if (!names.has(file)) await rm(path.join(directory, file));
  for (const plot of plots) await writeFile(path.join(directory, `${plot.name}.svg`), drawPlot(plot));
}

function showResults(results: readonly Result[]): string {
  const machines = new Set(results.map(({ machine }) => machine.join('\n')));
  const one = machines.size === 1;
  const shown = new Set<string>();
  const sections = results.flatMap((result) => [
    showSection(result.section),
    ...(result.section.plots ?? [])
      .filter(({ name }) => !shown.has(name))
      .map(({ name, title }) => {
        shown.add(name);
        return `![${title}](plots/${name}.svg)`;
      }),
    showOrigin(result),
    ...(one ? [] : [showMachine(result.machine)]),
  ]);
  return [INTRODUCTION, ...(one ? [showMachine(results[0]!.machine)] : []), ...sections, ''].join('\n\n');
}

const INTRODUCTION = `# Results of the bench

Made by \`npm run bench\`; [README.md](README.md) says what each part does. Times depend on the machine and on what else ran on it. What was run in turns may be compared, so look at the ratios; what stands in brackets behind a ratio are bounds from drawing the same rounds again (README.md), which say little where there are fewer than a dozen rounds. The load average before a part is for the most part the work of the part before it. A figure that falls short of its aim stays as it is. The files in \`results/\` hold more than is shown here.`;

function showMachine(machine: readonly string[]): string {
  return machine.map((one) => `* ${one}`).join('\n');
}

function showOrigin({ date, command, seconds, load }: Result): string {
  const { before, after } = load;
  return `\`${command}\`, ${date.slice(0, 16).replace('T', ' ')} UTC, ${Math.round(seconds)} s; load average ${before.toFixed(1)} before, ${after.toFixed(1)} after.`;
}
