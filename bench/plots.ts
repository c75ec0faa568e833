import type { Estimate, Spread } from './statistics.ts';

/** A picture of some of the results. */
export type Plot = Bars | Lines;

/** Groups of bars, which begin at zero. */
export interface Bars {
  readonly kind: 'bars';
  /** The name of the file. */
  readonly name: string;
  readonly title: string;
  /** What the bars are as long as, with its unit. */
  readonly axis: string;
  readonly groups: readonly BarGroup[];
  /** A value to compare with. */
  readonly mark?: { readonly value: number; readonly name: string };
}

export interface BarGroup {
  readonly name: string;
  readonly bars: readonly Bar[];
}

export interface Bar {
  readonly name: string;
  readonly value: number;
  /** The bounds of the uncertainty. */
  readonly low?: number;
  readonly high?: number;
}

/** Lines over two logarithmic axes: what grows with the size is a straight one that rises by a decade per decade. */
export interface Lines {
  readonly kind: 'lines';
  readonly name: string;
  readonly title: string;
  /** Each with its unit. */
  readonly x: string;
  readonly y: string;
  readonly series: readonly Series[];
}

export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
}

export interface Point {
  readonly x: number;
  readonly y: number;
  readonly low?: number;
  readonly high?: number;
}

/** A bar for an estimate. */
export function estimateBar(name: string, { value, low, high }: Estimate): Bar {
  return { name, value, low, high };
}

/** A bar for the median of a spread, with its quartiles. */
export function spreadBar(name: string, { median, lowerQuartile, upperQuartile }: Spread): Bar {
  return { name, value: median, low: lowerQuartile, high: upperQuartile };
}

const WIDTH = 820;

/** Readable on a light ground and on a dark one, whichever the reader's system prefers. */
const STYLE = `
text { font: 12px system-ui, sans-serif; fill: #24292f }
.title { font-size: 15px; font-weight: 600 }
.group { font-weight: 600 }
.quiet { fill: #57606a }
.grid { stroke: #d0d7de; stroke-width: 1 }
.error { stroke: #24292f; stroke-width: 1.2 }
.mark { stroke: #57606a; stroke-width: 1.5; stroke-dasharray: 4 3 }
.ground { fill: #ffffff }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .quiet { fill: #9198a1 }
  .grid { stroke: #3d444d }
  .error { stroke: #e6edf3 }
  .mark { stroke: #9198a1 }
  .ground { fill: #0d1117 }
}`;

/** Colours that differ from both grounds, and from each other for most who see some colours alike. */
const COLOURS = [
  ...['#0969da', '#d4760a', '#1a7f5a', '#c93c6b', '#8250df', '#4b9fb5', '#9a7d0a', '#7d8590'],
  ...['#b0542f', '#5b8c3a', '#a05ab5'],
];

/** The picture as an SVG. */
export function drawPlot(plot: Plot): string {
  return plot.kind === 'bars' ? drawBars(plot) : drawLines(plot);
}

/** The plots of several parts: bars with the same name become one picture with all their groups. */
export function mergePlots(plots: readonly Plot[]): readonly Plot[] {
  const merged = new Map<string, Plot>();
  for (const plot of plots) {
    const before = merged.get(plot.name);
    const joins = before?.kind === 'bars' && plot.kind === 'bars';
    merged.set(plot.name, joins ? { ...before, groups: [...before.groups, ...plot.groups] } : plot);
  }
  return [...merged.values()];
}

const ROW = 18;
const LABELS = 250;
const TOP = 56;

function drawBars({ title, axis, groups, mark }: Bars): string {
  const most = Math.max(...groups.flatMap(({ bars }) => bars.map(({ value }) => value)), mark?.value ?? 0);
  const ticks = roundTicks(most);
  const end = ticks.at(-1)!;
  const across = (value: number) => LABELS + (Math.min(value, end) / end) * (WIDTH - LABELS - 70);
  const names = [...new Set(groups.flatMap(({ bars }) => bars.map(({ name }) => name)))];
  const parts: string[] = [];
  let y = TOP;
  for (const group of groups) {
    parts.push(text(12, y + 13, group.name, 'class="group"'));
    y += ROW + 2;
    for (const bar of group.bars) {
      parts.push(drawBar(bar, { y, across, colour: COLOURS[names.indexOf(bar.name) % COLOURS.length]! }));
      y += ROW;
    }
    y += 8;
  }
  const grid = ticks.map(
    (tick) =>
      line('grid', across(tick), TOP - 8, across(tick), y) +
      text(across(tick), y + 15, shortNumber(tick), 'class="quiet" text-anchor="middle"'),
  );
  const reference = mark && [
    line('mark', across(mark.value), TOP - 8, across(mark.value), y),
    text(across(mark.value), TOP - 12, mark.name, 'class="quiet" text-anchor="middle"'),
  ];
  const below = text((LABELS + WIDTH) / 2, y + 33, axis, 'class="quiet" text-anchor="middle"');
  return picture(title, y + 44, [...grid, ...parts, ...(reference ?? []), below]);
}

interface BarPlace {
  readonly y: number;
  readonly across: (value: number) => number;
  readonly colour: string;
}

function drawBar({ name, value, low, high }: Bar, { y, across, colour }: BarPlace): string {
  const start = across(0);
  const tip = across(Math.max(value, high ?? value));
  const width = Math.max(across(value) - start, 1);
  const middle = y + 8;
  return [
    text(LABELS - 8, y + 12, name, 'text-anchor="end"'),
    `<rect x="${round(start)}" y="${y + 2}" width="${round(width)}" height="${ROW - 5}" rx="2" fill="${colour}"/>`,
    ...(low === undefined || high === undefined
      ? []
      : [
          line('error', across(low), middle, across(high), middle),
          line('error', across(low), middle - 3, across(low), middle + 3),
          line('error', across(high), middle - 3, across(high), middle + 3),
        ]),
    text(tip + 6, y + 12, shortNumber(value), 'class="quiet"'),
  ].join('');
}

const HEIGHT = 430;
const LEFT = 70;
const RIGHT = 200;

function drawLines({ title, x, y, series }: Lines): string {
  const points = series.flatMap((one) => one.points);
  const [left, right] = decades(points.map((point) => point.x));
  const [bottom, top] = decades(points.flatMap((point) => [point.y, point.low ?? point.y]));
  const across = (value: number) => scale(value, left, right, LEFT, WIDTH - RIGHT);
  const up = (value: number) => scale(value, bottom, top, HEIGHT - 60, TOP);
  const grid: string[] = [];
  for (let decade = left; decade <= right; decade++) {
    const at = across(10 ** decade);
    grid.push(line('grid', at, TOP, at, HEIGHT - 60));
    grid.push(text(at, HEIGHT - 44, shortNumber(10 ** decade), 'class="quiet" text-anchor="middle"'));
  }
  for (let decade = bottom; decade <= top; decade++) {
    const at = up(10 ** decade);
    grid.push(line('grid', LEFT, at, WIDTH - RIGHT, at));
    grid.push(text(LEFT - 8, at + 4, shortNumber(10 ** decade), 'class="quiet" text-anchor="end"'));
  }
  const labels = spreadLabels(series.map((one) => up(one.points.at(-1)!.y)));
  const drawn = series.map((one, index) => {
    const colour = COLOURS[index % COLOURS.length]!;
    const path = one.points.map((point) => `${round(across(point.x))},${round(up(point.y))}`).join(' ');
    const dots = one.points.map((point) => drawPoint(point, across(point.x), up, colour));
    const label = text(WIDTH - RIGHT + 12, labels[index]! + 4, one.name, `style="fill:${colour}"`);
    return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>${dots.join('')}${label}`;
  });
  const middle = (TOP + HEIGHT - 60) / 2;
  return picture(title, HEIGHT, [
    ...grid,
    ...drawn,
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 20, x, 'class="quiet" text-anchor="middle"'),
    text(16, middle, y, `class="quiet" text-anchor="middle" transform="rotate(-90 16 ${middle})"`),
  ]);
}

function drawPoint({ y, low, high }: Point, at: number, up: (value: number) => number, colour: string) {
  const bounds = low === undefined || high === undefined ? '' : line('error', at, up(low), at, up(high));
  return `${bounds}<circle cx="${round(at)}" cy="${round(up(y))}" r="3.5" fill="${colour}"/>`;
}

/** Labels at the heights of their lines, but below one another. */
function spreadLabels(heights: readonly number[]): readonly number[] {
  const places = [...heights];
  const order = heights.map((_, index) => index).toSorted((a, b) => heights[a]! - heights[b]!);
  let last = -Infinity;
  for (const index of order) {
    last = Math.max(places[index]!, last + 16);
    places[index] = last;
  }
  return places;
}

/** The exponents of the powers of ten around values above zero. */
function decades(values: readonly number[]): [number, number] {
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.ceil(Math.log10(Math.max(...values)));
  return [low, Math.max(high, low + 1)];
}

function scale(value: number, low: number, high: number, from: number, to: number): number {
  return from + ((Math.log10(value) - low) / (high - low)) * (to - from);
}

/** Four to eight round values from zero to one that is not below `most`. */
function roundTicks(most: number): readonly number[] {
  const decade = 10 ** Math.floor(Math.log10(most / 4));
  const step = [1, 2, 5, 10].map((factor) => factor * decade).find((candidate) => most / candidate <= 8)!;
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, index) => index * step);
}

function shortNumber(value: number): string {
  if (value >= 1e9) return `${Number((value / 1e9).toPrecision(3))}G`;
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
  if (value >= 1e4) return `${Number((value / 1e3).toPrecision(3))}k`;
  return String(Number(value.toPrecision(3)));
}

function picture(title: string, height: number, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(title)}">`,
    `<style>${STYLE}</style>`,
    `<rect class="ground" width="${WIDTH}" height="${height}"/>`,
    text(12, 20, title, 'class="title"'),
    ...parts,
    '</svg>\n',
  ].join('\n');
}

function text(x: number, y: number, content: string, attributes: string): string {
  return `<text x="${round(x)}" y="${round(y)}" ${attributes}>${escaped(content)}</text>`;
}

function line(kind: string, x1: number, y1: number, x2: number, y2: number): string {
  return `<line class="${kind}" x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}"/>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
