// The session that the README shows, as scripts/record-demo.ts makes it.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import xterm from '@xterm/headless';
import { expect, test } from 'vitest';
import { type Frame, paced, rowsOf } from '../scripts/demo/recording.ts';
import { svgOf } from '../scripts/demo/svg.ts';

const ROOT = path.resolve(import.meta.dirname, '..');

test('a recording shows each row for as long as the terminal did, and ends with what it showed last', async () => {
  const frames = await framesOf([
    [0, '$ '],
    [100, 'wrap\r\n'],
    [200, '\u001b[33m|\u001b[39m fetch'],
    [300, '\r\u001b[2K\u001b[32mok\u001b[39m  <1> & done\r\n'],
    [400, '$'],
  ]);
  expect(shownIn(svgOf({ columns: 20, frames }, 'a test'))).toEqual([
    { text: '$', from: 0, until: 100 },
    { text: '$ wrap', from: 100, until: undefined },
    { text: '| fetch', from: 200, until: 300 },
    { text: 'ok <1> & done', from: 300, until: undefined },
    { text: '$', from: 400, until: undefined },
  ]);
});

test('a recording has no long pauses, and shows as one what changed at once', async () => {
  const typed = await framesOf([
    [0, 'a'],
    [50, 'b'],
    [60, 'c'],
    [70, 'd'],
    [9_000, 'e'],
  ]);
  const frames = paced(typed, 40, 2_000).map(({ at, rows }) => [at, rows[0]![0]!.text]);
  expect(frames).toEqual([
    [0, 'a'],
    [50, 'abcd'],
    [2_070, 'abcde'],
  ]);
});

test('the recorded session of the README is small, asks nobody for anything, and says nothing of who recorded it', async () => {
  expect(await readFile(path.join(ROOT, 'README.md'), 'utf8')).toContain('](docs/demo.svg)');
  const picture = await readFile(path.join(ROOT, 'docs/demo.svg'), 'utf8');
  expect(picture.length).toBeLessThan(100_000);
  expect(picture.replace('http://www.w3.org/2000/svg', '')).not.toMatch(
    /\w+:\/\/|url\(|@import|<script|href|\son\w+=/,
  );
  const shown = shownIn(picture);
  const paths = shown.flatMap(({ text }) => text.match(/(?<![\w.~])\/\w[^\s]*/g) ?? []);
  expect(paths.filter((one) => !one.startsWith('/tmp/demo'))).toEqual([]);
  const last = shown.filter(({ until }) => until === undefined).map(({ text }) => text);
  expect(last).toContainEqual(expect.stringMatching(/^Hello, you! I am Node v\d+\.\d+\.\d+\.$/));
  expect(last.at(-1)).toBe('~/hello $');
});

/** What a terminal of 20 × 5 has shown after each of these, with the milliseconds of it. */
async function framesOf(
  written: readonly (readonly [at: number, text: string])[],
): Promise<readonly Frame[]> {
  const terminal = new xterm.Terminal({ cols: 20, rows: 5, allowProposedApi: true });
  const frames: Frame[] = [];
  for (const [at, text] of written) {
    await new Promise<void>((resolve) => terminal.write(text, resolve));
    frames.push({ at, rows: rowsOf(terminal) });
  }
  return frames;
}

/** The texts of a picture, from the top, with the milliseconds from and until which they are to be seen. */
function shownIn(picture: string) {
  return [...picture.matchAll(/<text([^>]*)>(.*)<\/text>/g)].map(([, attributes, spans]) => {
    const delay = Number(/delay:(\d+)ms/.exec(attributes!)?.[1] ?? 0);
    const duration = Number(/duration:(\d+)ms/.exec(attributes!)![1]);
    const text = spans!
      .replaceAll(/<\/tspan><tspan[^>]*>/g, ' ')
      .replaceAll(/<[^>]*>/g, '')
      .replaceAll('&lt;', '<')
      .replaceAll('&quot;', '"')
      .replaceAll('&amp;', '&');
    return attributes!.includes('class="s"')
      ? { text, from: duration, until: undefined }
      : { text, from: delay, until: delay + duration };
  });
}
