// The same inputs give the same bytes (promise P16), on a Linux x64 for three targets of different formats; in
// reproducible.long.test.ts for all of them, with all that a release can have; in reproducible-anew.long.test.ts where the
// build cache has nothing but runtimes.
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { Program } from './support/programs.ts';
import { temporaryDirectory, wrapCommand } from './support/run.ts';
import { argumentsFor, built, copied, hashesIn, makeSameBytes } from './support/same-bytes.ts';

let program: Program;
/** Executables by name, with the hash of their bytes. */
let expected: Readonly<Record<string, string>>;

beforeAll(async () => {
  program = await makeSameBytes();
  expected = await built(program.directory);
  // What proves them has the same bytes too.
  expect(Object.keys(expected).sort()).toEqual([
    'SHA256SUMS',
    'same-bytes_darwin-arm64',
    'same-bytes_darwin-arm64.cdx.json',
    'same-bytes_linux-x64',
    'same-bytes_linux-x64.cdx.json',
    'same-bytes_win-x64.cdx.json',
    'same-bytes_win-x64.exe',
  ]);
});

test('in another directory, at other times, with other modes', async () => {
  const project = await copied(program, path.join(await temporaryDirectory(), 'elsewhere/with spaces'));
  expect(await built(project)).toEqual(expected);
});

test('in another time zone, language and environment', async () => {
  const env = {
    TZ: 'Pacific/Apia',
    LANG: 'tr_TR.UTF-8',
    LC_ALL: 'tr_TR.UTF-8',
    SOURCE_DATE_EPOCH: '1',
    USER: 'x',
  };
  expect(await built(program.directory, env)).toEqual(expected);
});

test('one after the other, or side by side', async () => {
  const out = await temporaryDirectory();
  await wrapCommand([...argumentsFor(program.directory, out), '--jobs', '1']);
  expect(hashesIn(out)).toEqual(expected);
});
