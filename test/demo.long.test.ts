// The session that the README shows, as a browser shows it.
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Browser, openBrowser } from './support/browser.ts';
import { lacks } from './support/requirements.ts';
import { serveFolder } from './support/site.ts';

const DOCS = path.resolve(import.meta.dirname, '../docs');

describe.skipIf(lacks('chromium'))('the recorded session', () => {
  test('grows line by line, stands still in the end, and is whole at once for who wants nothing to move', async () => {
    const browser = await openBrowser();
    const address = `${await serveFolder(DOCS)}demo.svg`;
    await browser.open(address);
    const ends = `document.getAnimations().map((one) => one.effect.getComputedTiming().endTime)`;
    const end = (await browser.evaluate(`Math.max(...${ends})`)) as number;
    expect(end).toBeGreaterThan(5_000);
    const lines: string[][] = [];
    for (const share of [0, 0.25, 0.5, 0.75, 1]) lines.push(await shownAt(browser, share * end));
    expect(lines[0]).toEqual(['~/hello $']);
    expect(lines.map(({ length }) => length)).toEqual(
      lines.map(({ length }) => length).toSorted((one, other) => one - other),
    );
    expect(lines[4]).toContainEqual(expect.stringContaining('hello_linux-x64 again'));
    expect(lines[4]!.at(-1)).toBe('~/hello $');
    expect(await shownAt(browser, 10 * end)).toEqual(lines[4]);
    // No two texts are on one line, and none goes beyond the frame.
    expect(
      await browser.evaluate(
        `${VISIBLE}.length === new Set(${VISIBLE}.map((one) => one.getAttribute('y'))).size`,
      ),
    ).toBe(true);
    const widest = `Math.max(...${VISIBLE}.map((one) => one.getBBox().x + one.getBBox().width))`;
    expect(await browser.evaluate(`${widest} <= document.documentElement.viewBox.baseVal.width`)).toBe(true);
    await browser.show({ width: 800, height: 800, scheme: 'dark', motion: 'reduce' });
    await browser.open(`${address}?anew`);
    expect(await browser.evaluate('document.getAnimations().length')).toBe(0);
    expect(await browser.evaluate(TEXTS)).toEqual(lines[4]);
  });

  test('has light colors for who prefers them, and dark ones, also within another page', async () => {
    const browser = await openBrowser();
    const address = await serveFolder(DOCS);
    await browser.open(`${address}demo.svg`);
    const paper = `getComputedStyle(document.querySelector('rect')).fill`;
    for (const [scheme, color] of [
      ['light', 'rgb(246, 248, 250)'],
      ['dark', 'rgb(13, 17, 23)'],
    ] as const) {
      await browser.show({ width: 800, height: 800, scheme });
      expect(await browser.evaluate(paper)).toBe(color);
    }
    await browser.open(`${address}cli.md`);
    await browser.evaluate(`document.body.append(Object.assign(new Image(), { src: 'demo.svg' }))`);
    await browser.until('document.images[0].naturalWidth > 500');
    expect(browser.requests.filter((one) => !one.startsWith(address))).toEqual([]);
  });
});

const VISIBLE = `[...document.querySelectorAll('text')].filter((one) => getComputedStyle(one).visibility === 'visible')`;
const TEXTS = `${VISIBLE}.map((one) => one.textContent)`;

async function shownAt(browser: Browser, milliseconds: number): Promise<string[]> {
  await browser.evaluate(
    `document.getAnimations().forEach((one) => { one.pause(); one.currentTime = ${milliseconds}; })`,
  );
  return (await browser.evaluate(TEXTS)) as string[];
}
