import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import { type ConfFile, ConformError, parse, print } from '../src/index.ts';
import { anyDocument, anyText } from './support/documents.ts';
import { holds, Random, SEED } from './support/random.ts';

const TEXTS = 12_000;

/** Without places in a file. */
function withoutPlaces(conf: ConfFile): unknown {
  return JSON.parse(JSON.stringify(conf.lines, (key, value: unknown) => (key === 'at' ? undefined : value)));
}

/** What was meant: a text may have got quotes, and a pair repeats itself as a text. */
function meaning(conf: ConfFile): unknown {
  return JSON.parse(
    JSON.stringify(conf.lines, function (this: { readonly type?: string }, key, value: unknown) {
      const isForm = ['at', 'isQuoted'].includes(key) || (key === 'text' && this.type === 'pair');
      return isForm ? undefined : value;
    }),
  );
}

function* texts(): Generator<string> {
  const random = new Random(SEED);
  for (let count = 0; count < TEXTS; count++) yield anyText(random);
}

test('any text is read, or refused with the place of each mistake and what was expected there', () => {
  let read = 0;
  const count = holds(texts(), (text) => {
    try {
      parse(text, 'kv.conf');
      read++;
      return undefined;
    } catch (error) {
      if (!(error instanceof ConformError)) return `it threw ${error}`;
      return error.problems.length === 0
        ? 'nothing is said'
        : error.problems.map((one) => misplaced(one, text)).find(Boolean);
    }
  });
  expect(count).toBe(TEXTS);
  // Both happen often, or nothing has been shown.
  expect(read).toBeGreaterThan(TEXTS / 10);
  expect(read).toBeLessThan(TEXTS - TEXTS / 10);
});

function misplaced(
  { file, line, column, expected }: ConformError['problems'][number],
  text: string,
): string | undefined {
  const lines = text.split(/\r?\n/);
  const length = lines[(line ?? 0) - 1]?.length;
  if (file !== 'kv.conf' || length === undefined) return `there is no line ${line} of ${file}`;
  if (column === undefined || column < 1 || column > length + 1)
    return `line ${line} has no column ${column}`;
  return expected ? undefined : `it is not said what is expected in ${line}:${column}`;
}

test('what was read and written is read again as the same', () => {
  let settings = 0;
  holds(texts(), (text) => {
    let conf: ConfFile;
    try {
      conf = parse(text);
    } catch {
      return undefined;
    }
    settings += conf.lines.filter(({ type }) => type === 'setting').length;
    return difference(conf, withoutPlaces);
  });
  expect(settings).toBeGreaterThan(TEXTS / 10);
});

test('what a program makes is read as it was meant, whatever characters are in it', () => {
  const random = new Random(SEED);
  for (let count = 0; count < TEXTS / 4; count++) {
    const conf = anyDocument(random);
    expect(difference(conf, meaning), `${JSON.stringify(conf)} (SARMA_FUZZ_SEED=${SEED})`).toBeUndefined();
  }
});

/** What becomes of a document that is written and read. */
function difference(conf: ConfFile, seen: (conf: ConfFile) => unknown): string | undefined {
  const text = print(conf);
  let again: ConfFile;
  try {
    again = parse(text);
  } catch (error) {
    return `it was written as ${JSON.stringify(text)}, which is refused: ${error}`;
  }
  if (isDeepStrictEqual(seen(again), seen(conf))) return undefined;
  return `it was written as ${JSON.stringify(text)}, which is read as ${JSON.stringify(seen(again))}`;
}
