import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { compile, readCode } from '../src/control/expression.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'sarma-expression-'));
afterAll(() => rmSync(directory, { recursive: true }));

const evaluate = (code: string) =>
  compile({ ...readCode(code, 'rpc'), directory }, ['f', 'log'])(
    async (value: unknown) => value,
    () => {},
  );

describe('the value is that of the last expression', () => {
  test.each<readonly [string, unknown]>([
    ['1 + 1', 2],
    ['1 + 1; // a remark', 2],
    ['1 + 1;;\n', 2],
    ['{ a: 1 }', { a: 1 }],
    ['{ let a = 1; a + 1 }', 2],
    ['if (true) 1; else 2', 1],
    ['let x = 0; for (const i of [1, 2]) x += i', 3],
    ['const a = 1; a', 1],
    ['function g() { return 4 } g()', 4],
    ['`a\nb`', 'a\nb'],
    ['await f(1)', 1],
    ['(await f(1)) + 1', 2],
    ['await (async () => 5)()', 5],
    ['const x = await f(2); x * 2', 4],
    ['const x = await f(2);\nx * 2;\n', 4],
    ['const x = await f(2)\nx * 2', 4],
    ['const x = await f(2); x // done', 2],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the code holds a template.
    ['const x = await f("a;b"); `${x};\nc`', 'a;b;\nc'],
    ['const x = 1 // one; await f(2)\nawait f(x)', 1],
    ['const x = 1\n+ await f(2)\nx', 3],
    ['const x = /;/.test(";"); await f(x)', true],
    ['let n = 0\nfor (const x of [1, 2]) { n += await f(x) }\nn', 3],
    ['let n = 0\nfor await (const x of [1, 2]) {\n  n += x\n}\nlog(n)\nn', 3],
    ['const g = function () { return 1 }\nawait f(g())', 1],
    ['const x = await f(2)\nx\n// done', 2],
    ['const x = await f(2)\n;[x, 1].length', 2],
    ['if (await f(true)) { 1 }', undefined],
    ['await f(1); const y = 2', undefined],
    ['[1, 2].map(async (x) => await x).length', 2],
    ['"await"', 'await'],
    ['Promise.resolve(3)', 3],
    ['let n = 0; for (; n < 3; n++);', undefined],
    ['let n = await f(0); for (; n < 3; n++);\n', undefined],
    ['', undefined],
  ])('%j', async (code, value) => {
    expect(await evaluate(code)).toEqual(value);
  });
});

test('what one evaluation declares is not seen by the next', async () => {
  expect(await evaluate('const once = 1; var twice = 2; once')).toBe(1);
  await expect(evaluate('once')).rejects.toThrow('once is not defined');
  await expect(evaluate('twice')).rejects.toThrow('twice is not defined');
});

test('import() resolves from the directory, in every form that code takes', async () => {
  writeFileSync(path.join(directory, 'own.mjs'), 'export const own = 1;');
  expect(await evaluate('(await import("./own.mjs")).own')).toBe(1);
  expect(await evaluate('const { own } = await import("./own.mjs"); own')).toBe(1);
  expect(await evaluate('let m = import("./own.mjs"); m.then(({ own }) => own)')).toBe(1);
});

test('a long script is looked through in no time', () => {
  const line = 'n += await f(1); // and so on\n';
  const before = performance.now();
  const { code, last } = readCode(`let n = 0\n${line.repeat(4000)}for (;;) {\n n += 1;\n break;\n}`, 'rpc');
  expect(last).toBe(code.length);
  expect(performance.now() - before).toBeLessThan(1000);
});

test('a SyntaxError says what is wrong with the code itself', () => {
  const parse = (code: string) => compile({ ...readCode(code, 'rpc'), directory }, []);
  expect(() => parse('1 +')).toThrow(SyntaxError);
  expect(() => parse('const x = await y z')).toThrow(SyntaxError);
  expect(() => parse(') + (')).toThrow(SyntaxError);
});

test('a stack names the place in the code', async () => {
  const error = await evaluate('\n\nnull.x').catch((thrown: Error) => thrown);
  expect((error as Error).stack).toContain(`${path.join(directory, 'rpc')}:3:6`);
  const same = await evaluate('  null.x').catch((thrown: Error) => thrown);
  expect((same as Error).stack).toContain(`${path.join(directory, 'rpc')}:1:8`);
});
