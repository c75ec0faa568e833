// What stands between the bench's measurements and what is read of them.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { environment } from '../bench/bench.ts';
import { type Command, type Measure, openMeasure } from '../bench/measure.ts';
import { type Bars, drawPlot, mergePlots } from '../bench/plots.ts';
import { freePort } from '../bench/programs.ts';
import { publishResults, type Result, writeResult } from '../bench/results.ts';
import { differenceOf, ratioOf, spread } from '../bench/statistics.ts';
import { temporaryDirectory } from './support/run.ts';

const bars = (group: string): Bars => ({
  kind: 'bars',
  name: 'sizes',
  title: 'Sizes <all>',
  axis: 'MB',
  groups: [{ name: group, bars: [{ name: 'Sarma', value: 30, low: 29, high: 31 }] }],
});

const result = (part: string): Result => ({
  part,
  date: '2026-01-02T03:04:05.000Z',
  command: `npm run bench -- --only ${part}`,
  seconds: 60,
  load: { before: 0.5, after: 1.5 },
  machine: ['CPU: one'],
  section: { title: `About ${part}`, blocks: ['Text.'], plots: [bars(part)] },
  measurements: [],
});

test('medians and quartiles lie between the values, whatever their order', () => {
  expect(spread([4, 1, 3, 2])).toEqual({ median: 2.5, minimum: 1, lowerQuartile: 1.75, upperQuartile: 3.25 });
});

test('what disturbs both commands of a round does not widen the bounds of their ratio, what disturbs one does', () => {
  const node = [10, 20, 11, 30, 12, 13, 14];
  const both = ratioOf(
    node.map((time) => time / 2),
    node,
  );
  expect(both).toEqual({ value: 0.5, low: 0.5, high: 0.5 });
  const one = ratioOf([5, 5, 30, 5, 30, 30, 5], node);
  expect(one.high - one.low).toBeGreaterThan(0.5);
  expect(one.low).toBeLessThanOrEqual(one.value);
  const more = differenceOf(
    node.map((time) => time + 3),
    node,
  );
  expect(more).toEqual({ value: 3, low: 3, high: 3 });
});

test('a part that is measured alone leaves the results of the others, and no plot of a part that is gone', async () => {
  const directory = await temporaryDirectory();
  await mkdir(path.join(directory, 'plots'));
  await writeFile(path.join(directory, 'plots/old.svg'), '');
  await writeResult(directory, result('first'));
  await writeResult(directory, { ...result('second'), seconds: 1 });
  await writeResult(directory, result('second'));
  await publishResults(directory, ['second', 'first', 'never-measured']);

  const text = await readFile(path.join(directory, 'RESULTS.md'), 'utf8');
  expect(text.match(/^## .*/gm)).toEqual(['## About second', '## About first']);
  expect(text).toContain(
    '`npm run bench -- --only first`, 2026-01-02 03:04 UTC, 60 s; load average 0.5 before, 1.5 after.',
  );
  // What both have drawn is one picture.
  expect(text.match(/!\[.*/g)).toHaveLength(1);
  expect(await readdir(path.join(directory, 'plots'))).toEqual(['sizes.svg']);
  const plot = await readFile(path.join(directory, 'plots/sizes.svg'), 'utf8');
  expect(plot.indexOf('>first<')).toBeGreaterThan(plot.indexOf('>second<'));
});

test('a plot needs no script, says its unit, and is readable on a dark ground', () => {
  const [plot] = mergePlots([bars('a'), bars('b')]);
  const drawn = drawPlot(plot!);
  expect(drawn).toContain('Sizes &lt;all>');
  expect(drawn).toContain('>MB<');
  expect(drawn).toContain('prefers-color-scheme: dark');
  expect(drawn).not.toContain('<script');
  expect(drawn.match(/<rect x=/g)).toHaveLength(2);
});

test('what grows by a power of the size is a straight line', () => {
  const points = [10, 100, 1000, 100_000].map((x) => ({ x, y: x ** 2 / 5 }));
  const drawn = drawPlot({
    kind: 'lines',
    name: 'growth',
    title: 'Growth',
    x: 'files',
    y: 'ms',
    series: [{ name: 'wrap', points }],
  });
  const line = /<polyline points="([^"]*)"/.exec(drawn)![1]!;
  const places = line.split(' ').map((pair) => pair.split(',').map(Number) as [number, number]);
  const slopes = places.slice(1).map(([x, y], index) => (y - places[index]![1]) / (x - places[index]![0]));
  for (const slope of slopes) expect(slope).toBeCloseTo(slopes[0]!, 2);
});

let measure: Measure;
// Compiles it the first time.
beforeAll(async () => {
  measure = await openMeasure(await temporaryDirectory());
});

/** What a server costs that is written in a file of its own. */
async function measureServer(text: string, limit: number) {
  const directory = await temporaryDirectory();
  const file = path.join(directory, 'server.cjs');
  await writeFile(file, text);
  const port = await freePort();
  const command: Command = {
    name: 'server',
    argv: [process.execPath, file],
    env: { ...environment(directory), PORT: String(port) },
    directory,
    answer: { port, stay: 100, limit },
  };
  return (await measure([command], { warmups: 1, least: 1, most: 1, seconds: 0 }))[0]!;
}

const BUSY = 'do for (let i = 0; i < 1e7; i++); while (process.cpuUsage().user < 600_000);';
const SERVER =
  "require('node:http').createServer((_, out) => out.end('yes')).listen(process.env.PORT, '127.0.0.1');";

test('a server that a launcher leaves behind costs what both have used', async () => {
  const cost = await measureServer(
    `const { spawn } = require('node:child_process');
    if (process.argv[2] === 'server') setTimeout(() => { ${SERVER} }, 1000);
    else {
      ${BUSY}
      spawn(process.execPath, [__filename, 'server'], { stdio: 'ignore' }).unref();
    }`,
    60_000,
  );
  // The launcher has ended long before the answer.
  expect(cost.wall.median).toBeGreaterThan(1000);
  expect(cost.cpu.median).toBeGreaterThan(400);
});

test('a server that accepts a connection and says nothing is one that does not answer', async () => {
  const silent = "require('node:net').createServer(() => {}).listen(process.env.PORT, '127.0.0.1');";
  await expect(measureServer(silent, 2000)).rejects.toThrow(/NoAnswer/);
});
