import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readDataPackage } from '../src/icu/data-package.ts';
import { IcuDataError } from '../src/icu/errors.ts';
import { keepLanguages } from '../src/icu/keep-languages.ts';
import { languagesOf } from '../src/icu/languages.ts';
import { filterIndex } from '../src/icu/resource-bundle.ts';
import { intlProbe } from './support/intl-probe.ts';

const node = readFileSync(process.execPath);
const languages = languagesOf(['de-AT', 'zh-Hant', 'hi', 'nb']);
const slim = keepLanguages(node, languages);

let directory: string;
let slimNode: string;

beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'sarma-icu-'));
  slimNode = path.join(directory, 'node');
  writeFileSync(slimNode, slim, { mode: 0o755 });
});

afterAll(() => rmSync(directory, { recursive: true }));

/** What a Node says of locales, all it can say of each. LANG decides what unknown ones fall back to. */
function ask(program: string, locales: readonly string[], lang = 'C'): Record<string, string> {
  const args = ['-e', intlProbe, ...locales];
  return JSON.parse(execFileSync(program, args, { encoding: 'utf8', env: { LC_ALL: lang } }));
}

describe('a Node with the data of a few languages', () => {
  test.each([
    ['en'],
    ['en-GB'],
    ['en-IN'],
    ['de'],
    ['de-CH'],
    ['zh'],
    ['zh-TW'],
    ['zh-HK'],
    ['hi'],
    ['hi-Latn'],
    ['nb'],
    ['no'],
    ['nn'],
  ])('says in %s what it said before', (locale) => {
    expect(ask(slimNode, [locale])).toEqual(ask(process.execPath, [locale]));
  });

  test('knows everything that is of no language, encodings and normal forms among it', () => {
    const { collations, ...rest } = ask(slimNode, []);
    const { collations: all, ...before } = ask(process.execPath, []);
    expect(Object.keys(rest)).toEqual(
      expect.arrayContaining(['decode euc-jp', 'normalize NFKD', 'timeZones']),
    );
    expect(rest).toEqual(before);
    // Only those that a kept language sorts by.
    expect(all).toContain('searchjl');
    expect(collations).not.toContain('searchjl');
    expect(collations).toContain('pinyin');
  });

  test('answers in its default language where it is asked for another', () => {
    const english = ask(slimNode, ['en-US']);
    const french = ask(slimNode, ['fr']);
    expect(french['fr date full']).toBe(english['en-US date full']);
    expect(french['fr resolved']).toContain('en-US');
    expect(ask(process.execPath, ['fr'])['fr date full']).not.toBe(french['fr date full']);
    expect(ask(process.execPath, ['fr'])['fr supported']).toBe('1,1,1,1,1,1');
    expect(french['fr supported']).toBe('0,0,0,0,0,0');
    expect(ask(slimNode, ['de'])['de supported']).toBe('1,1,1,1,1,1');
  });

  test('answers by the root of all locales where its user has another language', () => {
    const said = ask(slimNode, ['fr'], 'fr_FR.UTF-8');
    expect(said['fr date full']).toBe('2024 M03 5, Tue 09:07:09 GMT-05:00');
    expect(said['fr number plain']).toBe('-1,234,567.891');
  });
});

test('nothing outside of the data package is changed, and zeros follow in it', () => {
  const { offset, length } = readDataPackage(node);
  expect(slim.length).toBe(node.length);
  expect(slim.subarray(0, offset).equals(node.subarray(0, offset))).toBe(true);
  expect(slim.subarray(offset + length).equals(node.subarray(offset + length))).toBe(true);
  const kept = readDataPackage(slim);
  expect(kept.offset).toBe(offset);
  expect(kept.length).toBeLessThan(length * 0.7);
  // The last item is padded to 16 bytes, with what is no zero.
  const end = offset + Math.ceil(kept.length / 16) * 16;
  expect(slim.subarray(end, offset + length).every((byte) => byte === 0)).toBe(true);
});

test('items of other languages are gone, and the indexes say so', () => {
  const names = readDataPackage(slim).items.map(({ name }) => name);
  expect(names).toEqual(
    expect.arrayContaining([
      'de.res',
      'de_AT.res',
      'coll/zh.res',
      'brkitr/cjdict.dict',
      'root.res',
      'pool.res',
    ]),
  );
  expect(names.filter((name) => /(^|\/)(fr|ja|pt)(_|\.)/.test(name) && name !== 'brkitr/ja.res')).toEqual([]);
  expect(names).not.toContain('brkitr/thaidict.dict');
});

test('a slim package can be reduced again, and to the same', () => {
  expect(keepLanguages(slim, languages).equals(slim)).toBe(true);
});

test('a region or script keeps its language, and English always stays', () => {
  expect(languagesOf(['pt-BR', 'zh-Hant', 'zh_TW', 'PT'])).toEqual(['en', 'pt', 'zh']);
});

describe('what cannot be done is said', () => {
  const failure = (work: () => unknown) => {
    try {
      work();
    } catch (error) {
      if (error instanceof IcuDataError) return `${error.code}: ${error.message}`;
      throw error;
    }
    return 'nothing was thrown';
  };

  test('of a language that there is none of', () => {
    expect(failure(() => keepLanguages(node, languagesOf(['dee'])))).toMatch(
      /^UNKNOWN_LOCALE: wrap\.locales has "dee", and the runtime has no data for such a language\. Near it: de, /,
    );
    expect(failure(() => keepLanguages(node, ['en', 'res']))).toMatch(/^UNKNOWN_LOCALE: /);
  });

  test('of a file without data, or with two packages', () => {
    expect(failure(() => keepLanguages(Buffer.alloc(1000), ['en']))).toMatch(
      /^ICU_DATA_UNKNOWN: .* is not in it\./,
    );
    const { offset, length } = readDataPackage(slim);
    const data = slim.subarray(offset, offset + length);
    expect(failure(() => keepLanguages(Buffer.concat([data, data]), ['en']))).toMatch(/more than once/);
  });

  test('of data that is damaged', () => {
    const { offset, length } = readDataPackage(slim);
    const data = Buffer.from(slim.subarray(offset, offset + length));
    const damaged = (at: number, value: number) => {
      const copy = Buffer.from(data);
      copy.writeUInt32LE(value, at);
      return failure(() => keepLanguages(copy, ['en']));
    };
    const contents = data.readUInt16LE(0);
    expect(damaged(contents, 0xffffff)).toMatch(/damaged table of contents/);
    expect(damaged(contents, 0)).toMatch(/damaged table of contents/);
    expect(damaged(contents + 12, 0)).toMatch(/out of order/);
    expect(damaged(contents + 16, 0x7fffffff)).toMatch(/out of order/);
  });

  test('of data that is damaged in any way', () => {
    const { offset, length, numbers, items } = readDataPackage(slim);
    const data = slim.subarray(offset, offset + length);
    const index = items.find(({ name }) => name === 'coll/res_index.res')!.content;
    const undeclared = [
      ...undeclaredOf(index, 3000, (bytes) => filterIndex(bytes, numbers, (locale) => locale > 'k')),
      ...undeclaredOf(data, 100, (bytes) => keepLanguages(bytes, ['en'])),
    ];
    expect(undeclared).toEqual([]);
  });
});

/** What is thrown but IcuDataError when numbers in the first KiB are others, or the end is missing. */
function undeclaredOf(bytes: Buffer, times: number, read: (bytes: Buffer) => unknown): unknown[] {
  let state = 1;
  const roll = (limit: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  return Array.from({ length: times }).flatMap(() => {
    const length = roll(4) === 0 ? 32 + roll(992) : bytes.length;
    const damaged = Buffer.from(bytes.subarray(0, length));
    const at = roll(Math.min(1024, damaged.length) - 3);
    damaged.writeUInt32LE([0, 1, 0xffff, 0x7fffffff, 0xffffffff, roll(2 ** 32)][roll(6)]!, at);
    try {
      read(damaged);
      return [];
    } catch (error) {
      return error instanceof IcuDataError ? [] : [error];
    }
  });
}
