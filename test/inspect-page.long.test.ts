// The page of `sarma inspect --html`, as a browser shows it.
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { type Browser, openBrowser } from './support/browser.ts';
import { makeProgram } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { runCommand, temporaryDirectory, wrapProgram } from './support/run.ts';

const HOSTILE = '</script><img src=x onerror="document.title=`taken`">.js';
const LONG = `${'long-'.repeat(40)}name.txt`;

describe.skipIf(lacks('chromium'))('the page', () => {
  test('shows names as they are, goes where one clicks or types, and finds things', async () => {
    const files = {
      'main.js': '1',
      [`data/${HOSTILE.replaceAll('/', '\u2215')}`]: 'x'.repeat(90_000),
      [LONG]: 'long',
    };
    const program = await makeProgram(
      { name: 'shown', bin: 'main.js', dependencies: { 'is-odd': '3.0.1' } },
      files,
    );
    const browser = await opened(await pageOf(await wrapProgram(program)));
    await browser.until(`document.querySelectorAll('.tile').length > 3`);
    expect(await browser.evaluate(`document.title`)).toBe('shown 1.0.0');
    expect(await browser.evaluate(`document.images.length`)).toBe(0);
    // By mouse into the code, by keyboard deeper, and back.
    await browser.evaluate(
      `[...document.querySelectorAll('.tile')].find((one) => one.ariaLabel.startsWith('code')).click()`,
    );
    await browser.until(`document.querySelector('#trail b').textContent.startsWith('code')`);
    expect(await browser.evaluate(`document.activeElement.className`)).toMatch(/tile/);
    await browser.evaluate(
      `document.querySelector('.tile').dispatchEvent(new PointerEvent('pointerover', { bubbles: true }))`,
    );
    expect(await browser.evaluate(`document.getElementById('detail').textContent`)).toMatch(/in the file/);
    await browser.evaluate(
      `document.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }))`,
    );
    await browser.until(`document.querySelector('#trail b').textContent.startsWith('shown')`);
    await browser.evaluate(`document.querySelector('[data-measure=unpacked]').click()`);
    await browser.until(
      `document.querySelector('[data-measure=unpacked]').getAttribute('aria-pressed') === 'true'`,
    );
    await search(browser, 'onerror');
    await browser.until(`document.querySelectorAll('#rows tr').length === 1`);
    expect(await browser.evaluate(`document.querySelector('#rows button').textContent`)).toContain(
      'onerror="document.title=`taken`"',
    );
    await search(browser, 'is-odd');
    expect(await browser.evaluate(`document.getElementById('rows').textContent`)).toContain('3.0.1, MIT');
    // No name makes the page wider than the window.
    expect(await browser.evaluate(`document.documentElement.scrollWidth <= innerWidth`)).toBe(true);
    expect(browser.complaints).toEqual([]);
  });

  test('shows both slices of a universal executable', async () => {
    const program = await makeProgram({ name: 'both', bin: 'main.js' }, { 'main.js': '1' });
    const file = await wrapProgram(program, ['-t', 'darwin-universal', '--runtime', '22']);
    const browser = await opened(await pageOf(file));
    await browser.until(`document.querySelectorAll('.tile').length > 3`);
    const labels = `[...document.querySelectorAll('.tile')].map((one) => one.ariaLabel.split(',')[0])`;
    expect(await browser.evaluate(labels)).toEqual(expect.arrayContaining(['darwin-x64', 'darwin-arm64']));
    expect(await browser.evaluate(`document.querySelectorAll('#facts dl').length`)).toBe(2);
    expect(browser.complaints).toEqual([]);
  });

  test('draws no more tiles for 20,000 files than can be seen', async () => {
    const program = await makeProgram({ name: 'many', bin: 'main.js' }, { 'main.js': '1' });
    for (let folder = 0; folder < 100; folder++) {
      const directory = path.join(program.directory, `folder-${folder}`);
      await mkdir(directory, { recursive: true });
      for (let file = 0; file < 200; file++)
        await writeFile(path.join(directory, `file-${file}.js`), `${folder}${file}`.repeat(30));
    }
    const browser = await opened(await pageOf(await wrapProgram(program)));
    await browser.until(`document.querySelectorAll('.tile').length > 3`);
    await browser.evaluate(
      `[...document.querySelectorAll('.tile')].find((one) => one.ariaLabel.startsWith('code')).click()`,
    );
    await browser.until(`document.querySelector('#trail b').textContent.startsWith('code')`);
    expect(await browser.evaluate(`document.querySelectorAll('.tile').length`)).toBeLessThan(5000);
    await search(browser, 'file-');
    await browser.until(`document.getElementById('found').textContent.startsWith('20,000 found')`);
    expect(await browser.evaluate(`document.querySelectorAll('#rows tr').length`)).toBe(200);
    expect(browser.complaints).toEqual([]);
  });
});

async function pageOf(file: string): Promise<string> {
  const page = path.join(await temporaryDirectory(), 'page.html');
  const { exitCode, stderr } = await runCommand(['inspect', file, '--html', page]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return page;
}

async function opened(page: string): Promise<Browser> {
  const browser = await openBrowser();
  await browser.open(pathToFileURL(page).href);
  return browser;
}

const search = (browser: Browser, text: string) =>
  browser.evaluate(
    `(() => { const field = document.getElementById('search'); field.value = ${JSON.stringify(text)}; field.dispatchEvent(new Event('input')); })()`,
  );
