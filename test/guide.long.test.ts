import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { blocksOf, endLeftovers, follow, openScratch, type Scratch } from './support/guide.ts';

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
