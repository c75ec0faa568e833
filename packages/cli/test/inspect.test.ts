// What an executable tells of itself without being run: its bill of materials, and a page (promise P21).
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { hostTarget } from './support/host.ts';
import { folder, hello, quickly, sarma } from './support/sarma.ts';

const HOSTILE = '</script><script>document.title="taken"<!-- &amp; \u2028 \'".js';

async function wrapped(): Promise<string> {
  const directory = await folder(hello);
  const name = path.join(directory, HOSTILE);
  await mkdir(path.dirname(name), { recursive: true });
  await writeFile(name, 'hostile');
  await sarma(['wrap', '-q', ...quickly], { directory });
  return path.join(directory, 'burrito_out', `hello_${hostTarget}`);
}

test('`inspect --sbom` prints what lies beside the executable, and nothing else', async () => {
  const file = await wrapped();
  const { exitCode, stdout, stderr } = await sarma(['inspect', file, '--sbom']);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(stdout).toBe(await readFile(`${file}.cdx.json`, 'utf8'));
  expect(JSON.parse(stdout)).toMatchObject({
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    metadata: { component: { name: 'hello', version: '1.2.3' } },
  });
});

describe('`inspect --html` writes a page', () => {
  test('that loads nothing from anywhere, and that no name of a file can break out of', async () => {
    const file = await wrapped();
    const page = path.join(await folder(), 'page.html');
    const { exitCode, stdout } = await sarma(['inspect', file, '--html', page]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: expect.stringContaining(page) });
    const html = await readFile(page, 'utf8');
    expect(html).toContain("default-src 'none'");
    expect(html.match(/\b(?:src|href|url)\s*[=(]/g)).toBeNull();
    // The data, and our script.
    expect(html.match(/<script/g)).toHaveLength(2);
    expect(html.match(/<\/script>/g)).toHaveLength(2);
    const data = JSON.parse(/<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html)![1]!);
    expect(JSON.stringify(data.tree)).toContain('script><script>document.title=');
    expect(data).toMatchObject({ title: 'hello', version: '1.2.3', targets: [hostTarget] });
    const sum = (parts: readonly { stored: number }[]) => parts.reduce((all, { stored }) => all + stored, 0);
    expect(sum(data.tree.parts)).toBe(data.tree.stored);
    // Shares of a frame are rounded.
    expect(Math.abs(data.tree.stored - data.bytes)).toBeLessThan(100);
  });

  test('or says that it cannot be written there', async () => {
    const file = await wrapped();
    const { exitCode, stderr } = await sarma(['inspect', file, '--html', path.join(file, 'page.html')]);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/page\.html could not be written: .*Name another file with --html\./);
  });

  test('and a newer one in its place, but not in place of any other file', async () => {
    const file = await wrapped();
    const directory = await folder();
    const page = path.join(directory, 'page.html');
    await sarma(['inspect', file, '--html', page]);
    expect(await sarma(['inspect', file, '--html', page])).toMatchObject({ exitCode: 0 });
    const other = path.join(directory, 'package.json');
    await writeFile(other, '{}');
    const { exitCode, stderr } = await sarma(['inspect', file, '--html', other]);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr: expect.stringContaining('package.json exists and is no page of `sarma inspect`.'),
    });
    expect(await readFile(other, 'utf8')).toBe('{}');
  });

  test('but not in place of the executable, whatever it is called', async () => {
    const file = await wrapped();
    const before = await readFile(file);
    const link = path.join(await folder(), 'link');
    await symlink(file, link);
    for (const place of [file, link]) {
      const { exitCode, stderr } = await sarma(['inspect', file, '--html', place]);
      expect({ exitCode, stderr }).toMatchObject({
        exitCode: 2,
        stderr: expect.stringContaining('is the executable itself'),
      });
    }
    expect((await readFile(file)).equals(before)).toBe(true);
  });
});
