// The site that `npm run site` builds, as it lies in its folder and as a browser shows it.
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { readGroups } from '../scripts/site/pages.ts';
import { type Browser, openBrowser } from './support/browser.ts';
import { lacks } from './support/requirements.ts';
import { builtPages, deadLinksOf, serveFolder } from './support/site.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const SITE = path.join(ROOT, '_build/site');
const pages = readGroups(ROOT).flatMap((group) => group.pages);

beforeAll(async () => {
  await promisify(execFile)('npm', ['run', 'site'], { cwd: ROOT });
});

test('the site has every page of the documentation, and a way to it on each of them', async () => {
  const places = pages.map(({ place }) => place.replace(/\.md$/, '.html')).sort();
  const built = (await builtPages(SITE)).filter(({ place }) => place !== '404.html');
  expect(built.map(({ place }) => place)).toEqual(places);
  const links = places.map((place) => `href="/${place.replace(/(?<=^|\/)index\.html$/, '')}"`);
  for (const { place, html } of built)
    expect({ place, without: links.filter((link) => !html.includes(link)) }).toEqual({ place, without: [] });
});

test('no link of the site is dead', async () => {
  expect(await deadLinksOf(SITE)).toEqual([]);
});

test('code that belongs into a file shows its name', async () => {
  const page = (await builtPages(SITE)).find(({ place }) => place === 'guide/2-configuration.html')!;
  const names = [...page.html.matchAll(/<span class="lang">([^<]*)</g)].map(([, name]) => name);
  expect(names.slice(0, 2)).toEqual(['package.json', 'application.ts']);
});

describe.skipIf(lacks('chromium'))('in a browser', () => {
  test('search leads from a word to the heading that has it', async () => {
    const { browser, address } = await opened('');
    await browser.evaluate(`document.querySelector('.DocSearch-Button').click()`);
    await browser.until(`document.querySelector('.VPLocalSearchBox input') !== null`);
    await browser.evaluate(
      `(() => { const field = document.querySelector('.VPLocalSearchBox input'); field.value = 'drainTimeout'; field.dispatchEvent(new Event('input')); })()`,
    );
    await browser.until(`document.querySelectorAll('.VPLocalSearchBox .result').length > 1`);
    await keep(browser, 'search');
    const results = `[...document.querySelectorAll('.VPLocalSearchBox .result')].map((one) => one.textContent)`;
    expect(await browser.evaluate(`${results}.join()`)).toContain('Releases');
    await browser.evaluate(`document.querySelector('.VPLocalSearchBox .result').click()`);
    await browser.until(`document.querySelector('.vp-doc').textContent.includes('drainTimeout')`);
    expect(
      await browser.evaluate(`document.getElementById(decodeURIComponent(location.hash.slice(1))).tagName`),
    ).toMatch(/^H[1-6]$/);
    expect(browser.requests.filter((one) => !one.startsWith(address) && !one.startsWith('data:'))).toEqual(
      [],
    );
    expect(browser.complaints).toEqual([]);
  });

  const windows = [
    { name: 'phone', width: 390, height: 844 },
    { name: 'desk', width: 1440, height: 900 },
  ];
  test.each(
    windows.flatMap((window) => (['light', 'dark'] as const).map((scheme) => ({ ...window, scheme }))),
  )(
    'pages fit a $name, $scheme, and ask nobody else for anything',
    async ({ name, width, height, scheme }) => {
      const { browser, address } = await opened('', { width, height, scheme });
      expect(await browser.evaluate('document.title')).toBe('Sarma');
      await browser.until(`document.querySelector('.vp-doc img').naturalWidth > 500`);
      // The pages with the longest code and the widest tables, and at last the one that is looked at.
      for (const place of [
        '',
        'guide/5-deployment.html',
        'format.html',
        'decisions/0038-conform.html',
        'cli.html',
      ]) {
        await browser.open(`${address}${place}`);
        const widest = await browser.evaluate('document.documentElement.scrollWidth');
        expect({ place, widest }).toEqual({ place, widest: expect.toSatisfy((it: number) => it <= width) });
      }
      await keep(browser, `${name}-${scheme}`);
      const color = (selector: string, property: string) =>
        browser.evaluate(`getComputedStyle(document.querySelector('${selector}')).${property}`);
      expect(await color('body', 'backgroundColor')).toBe(
        scheme === 'dark' ? 'rgb(27, 27, 31)' : 'rgb(255, 255, 255)',
      );
      expect(await browser.evaluate(`document.title`)).toBe('The command line | Sarma');
      expect(await browser.evaluate(`document.querySelectorAll('.vp-doc table tr').length`)).toBeGreaterThan(
        50,
      );
      expect(await browser.evaluate(`document.querySelector('.vp-doc pre code').textContent`)).toMatch(
        /sarma|wrap/,
      );
      const menu = `document.querySelector('.VPSidebar').getBoundingClientRect().right > 0`;
      expect(await browser.evaluate(menu)).toBe(name === 'desk');
      expect(browser.requests.filter((one) => !one.startsWith(address) && !one.startsWith('data:'))).toEqual(
        [],
      );
      expect(browser.complaints).toEqual([]);
    },
  );
});

async function opened(
  place: string,
  as: Parameters<Browser['show']>[0] = { width: 1440, height: 900, scheme: 'light' },
) {
  const address = await serveFolder(SITE);
  const browser = await openBrowser();
  await browser.show(as);
  await browser.open(`${address}${place}`);
  return { browser, address };
}

/** For a person to look at: in the folder that SARMA_SCREENSHOTS names. */
async function keep(browser: Browser, name: string): Promise<void> {
  const folder = process.env.SARMA_SCREENSHOTS;
  if (folder !== undefined) await browser.screenshot(path.join(folder, `${name}.png`));
}
