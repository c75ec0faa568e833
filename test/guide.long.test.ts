import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { configSchema, releaseSchema } from '../packages/release/src/definition/schema.ts';
import { blocksOf, deadLinks, endLeftovers, follow, openScratch, type Scratch } from './support/guide.ts';

const GUIDE = path.resolve(import.meta.dirname, '../docs/guide');
const pages = (await readdir(GUIDE)).filter((name) => name.endsWith('.md')).sort();

let scratch: Scratch | undefined;
afterEach(async () => {
  if (scratch !== undefined) await endLeftovers(scratch);
});

describe('the guide can be followed from an empty folder:', () => {
  test.each(pages)('%s', async (page) => {
    const blocks = await blocksOf(path.join(GUIDE, page));
    expect(blocks.some(({ info }) => info !== 'text')).toBe(true);
    scratch = await openScratch();
    for (const block of blocks) await follow(block, `docs/guide/${page}`, scratch);
    expect(await endLeftovers(scratch), 'processes that the page has left running').toEqual([]);
  });
});

test.each([...pages.map((page) => `guide/${page}`), 'release.md', 'executable.md', 'reliability.md'])(
  'links of docs/%s lead somewhere',
  async (page) => {
    const file = path.join(GUIDE, '..', page);
    expect(await deadLinks(file)).toEqual([]);
  },
);

describe('docs/release.md has', async () => {
  const reference = await readFile(path.join(GUIDE, '../release.md'), 'utf8');
  const tables = reference.split('\n').filter((line) => line.startsWith('|'));
  const has = (name: string) => tables.some((line) => line.split('|')[1]!.includes(`\`${name}\``));

  test('every key of the configuration', () => {
    const keys = Object.keys({ ...configSchema.shape, ...releaseSchema.shape });
    const within = ['runtime', 'envScript', 'wrap', 'upgrade'] as const;
    const inner = within.flatMap((key) =>
      Object.keys(configSchema.shape[key].unwrap().shape).map((name) => `${key}.${name}`),
    );
    const deep = ['addons', 'macos', 'windows'] as const;
    const innermost = deep.flatMap((key) =>
      Object.keys(configSchema.shape.wrap.unwrap().shape[key].unwrap().shape).map(
        (name) => `wrap.${key}.${name}`,
      ),
    );
    const parents: readonly string[] = [...within, ...deep.map((key) => `wrap.${key}`)];
    const wanted = [...keys, ...inner, ...innermost].filter((key) => !parents.includes(key));
    expect(wanted).toContain('wrap.windows.icon');
    expect(wanted.filter((key) => !has(key))).toEqual([]);
  });

  test('every variable of a release', async () => {
    const folders = ['boot/src', 'release/src/scripts'].map((folder) => path.resolve('packages', folder));
    const variables = new Set<string>();
    for (const folder of folders) {
      for (const name of await readdir(folder, { recursive: true })) {
        if (!/\.(ts|sh)$/.test(name)) continue;
        const text = await readFile(path.join(folder, name), 'utf8');
        for (const [variable] of text.matchAll(/\bRELEASE_[A-Z_]*[A-Z]\b/g)) variables.add(variable);
      }
    }
    expect(variables.size).toBeGreaterThan(20);
    expect([...variables].filter((name) => !reference.includes(`\`${name}\``))).toEqual([]);
  });
});
