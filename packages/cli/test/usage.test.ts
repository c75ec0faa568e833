import { expect, test } from 'vitest';
import { folder, hello, sarma } from './support/sarma.ts';

test.each([
  [['wrpa'], /no command "wrpa".*Did you mean `sarma wrap`/],
  [['verfy', 'x'], /no command "verfy".*`sarma verify`/],
  [['frobnicate'], /no command "frobnicate"\.\n/],
  [['wrap', '--taget', 'x'], /no flag --taget\. Did you mean --target/],
  [['wrap', '--compresion=fast'], /no flag --compresion\. Did you mean --compression/],
  [['wrap', '-x'], /no flag -x\.\n/],
  [['inspect', '--target', 'x', 'file'], /no flag --target/],
  [['wrap', '-t'], /-t needs a value/],
  [['wrap', '--out'], /--out needs a value/],
  [['wrap', '--code', 'zip'], /--code "zip"; it is one of "copy", "bundle"/],
  [['wrap', '--jobs', 'many'], /--jobs needs a whole number/],
  [['wrap', '--jobs', '0'], /--jobs needs a whole number/],
  [['wrap', '--current', '-t', 'linux-x64'], /--current and --target cannot be given together/],
  [['wrap', '-o', 'a', '-o', 'b'], /--out was given 2 times \(a, b\)/],
  [['wrap', '.', '--project', 'b'], /project was given twice: \. and --project b/],
  [['wrap', 'a', 'b'], /"b" is one argument too many/],
  [['inspect'], /No file was given/],
  [['wrap', '-o', ''], /--out was given nothing/],
  [['wrap', '-t', ''], /--target was given nothing/],
  [['wrap', '--runtime='], /--runtime/],
  [['wrap', ''], /"" is no path/],
  [[], /No command was given\.\s+sarma \[command\]/],
])('%j is wrong usage: exit code 2, a sentence, nothing on stdout', async (argv, sentence) => {
  const { exitCode, stdout, stderr } = await sarma(argv);
  expect(stderr).toMatch(sentence);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(stderr).not.toMatch(/^ {4}at /m);
});

test('an unknown target is wrong usage and names the nearest', async () => {
  const directory = await folder(hello);
  const { exitCode, stderr } = await sarma(['wrap', '-t', 'linux-x46'], { directory });
  expect(stderr).toMatch(/Unknown target "linux-x46"\. Did you mean linux-x64\?/);
  expect(exitCode).toBe(2);
});

test('a project that is none is a failure: exit code 1, and a stack only with --verbose', async () => {
  const directory = await folder();
  const plain = await sarma(['assemble'], { directory });
  expect(plain.stderr).toMatch(/^error: There is no package\.json in /);
  expect(plain.stderr).not.toMatch(/^ {4}at /m);
  expect(plain.exitCode).toBe(1);
  const verbose = await sarma(['assemble', '--verbose'], { directory });
  expect(verbose.stderr).toMatch(/^ {4}at /m);
});

test('warnings go to stderr, and are failures with --warnings-as-errors', async () => {
  const manifest = { name: 'hello', version: '1.0.0', main: 'main.ts' };
  const directory = await folder({
    'package.json': JSON.stringify(manifest),
    // A computed path cannot be rewritten to the transpiled file, and the release warns of it.
    'main.ts': 'const name = "./other" + ".ts";\nimport(name);\n',
    'other.ts': 'export const other: number = 1;\n',
  });
  const { exitCode, stdout, stderr } = await sarma(['assemble', '--warnings-as-errors'], { directory });
  expect(stderr).toMatch(/^warning: /m);
  expect(stdout).not.toMatch(/warning/);
  expect(exitCode).toBe(1);
  const json = await sarma(['assemble', '--json', '--warnings-as-errors'], { directory });
  expect(JSON.parse(json.stdout.trimEnd().split('\n').at(-1)!)).toMatchObject({
    type: 'failure',
    code: 'WARNINGS',
  });
  expect(json.exitCode).toBe(1);
});
