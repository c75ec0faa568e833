import type { Recording, Row, Run } from './recording.ts';

/** Pixels at the picture's own size. A character's width is that of most fonts of 14 px; text is fitted to it. */
const CHARACTER = 8.4;
const LINE = 19;
const MARGIN = 16;

/** GitHub's colors; of the sixteen those that programs use here, `[light, dark]`. */
const COLORS = {
  paper: ['#f6f8fa', '#0d1117'],
  frame: ['#d1d9e0', '#3d444d'],
  ink: ['#1f2328', '#e6edf3'],
  c1: ['#cf222e', '#ff7b72'],
  c2: ['#116329', '#3fb950'],
  c3: ['#7d4e00', '#d29922'],
  c4: ['#0969da', '#58a6ff'],
  c5: ['#8250df', '#bc8cff'],
  c6: ['#1b7c83', '#39c5cf'],
} as const;

/**
 * A recording as an SVG that moves by CSS alone, so that it does so within `<img>`. It ends with the last frame, which is also
 * all that is seen where nothing moves: a reader may prefer that, and not everything that shows an SVG knows animations.
 */
export function svgOf({ columns, frames }: Recording, title: string): string {
  const rows = Math.max(...frames.map((frame) => frame.rows.length));
  const [width, height] = [columns * CHARACTER + 2 * MARGIN, rows * LINE + 2 * MARGIN].map(Math.ceil) as [
    number,
    number,
  ];
  const texts = Array.from({ length: rows }, (_, y) => textsOf({ columns, frames }, y)).flat();
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(title)}">
<style>${style()}</style>
<rect x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="8"/>
${texts.join('\n')}
</svg>
`;
}

function style(): string {
  const rules = Object.entries(COLORS).slice(3);
  const colors = (at: 0 | 1) =>
    `rect{fill:${COLORS.paper[at]};stroke:${COLORS.frame[at]}}text{fill:${COLORS.ink[at]}}${rules
      .map(([name, pair]) => `.${name}{fill:${pair[at]}}`)
      .join('')}`;
  return [
    `text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;white-space:pre;visibility:hidden}`,
    // One that stays is only hidden until then, others are only shown from then on for their time.
    'text{animation:v 1ms}.s{visibility:visible;animation:h 1ms}',
    '@keyframes h{from,to{visibility:hidden}}@keyframes v{from,to{visibility:visible}}',
    '.b{font-weight:bold}.d{fill-opacity:.6}',
    colors(0),
    `@media(prefers-color-scheme:dark){${colors(1)}}`,
    '@media(prefers-reduced-motion:reduce){text{animation:none!important}}',
  ].join('\n');
}

/** One for each that a row has shown. */
function textsOf({ frames }: Recording, y: number): readonly string[] {
  const texts: string[] = [];
  for (let at = 0; at < frames.length; ) {
    const row = frames[at]!.rows[y] ?? [];
    let until = at + 1;
    while (until < frames.length && isSame(frames[until]!.rows[y] ?? [], row)) until++;
    if (row.length > 0) texts.push(textOf(row, y, frames[at]!.at, frames[until]?.at));
    at = until;
  }
  return texts;
}

const isSame = (one: Row, other: Row) => JSON.stringify(one) === JSON.stringify(other);

function textOf(row: Row, y: number, from: number, until: number | undefined): string {
  const stays = until === undefined;
  const times = stays
    ? `animation-duration:${from}ms`
    : `animation-delay:${from}ms;animation-duration:${until - from}ms`;
  const top = MARGIN + LINE * (y + 0.75);
  return `<text${stays ? ' class="s"' : ''} y="${top}" style="${times}">${row.map(spanOf).join('')}</text>`;
}

function spanOf({ column, text, color, bold, dim }: Run): string {
  const name = `c${color}`;
  const looks = [...(name in COLORS ? [name] : []), ...(bold ? ['b'] : []), ...(dim ? ['d'] : [])].join(' ');
  const place = `x="${rounded(MARGIN + column * CHARACTER)}" textLength="${rounded(text.length * CHARACTER)}"`;
  return `<tspan ${place}${looks === '' ? '' : ` class="${looks}"`}>${escaped(text)}</tspan>`;
}

const rounded = (pixels: number) => Number(pixels.toFixed(1));

const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
