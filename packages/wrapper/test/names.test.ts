import { expect, test } from 'vitest';
import { checkNames } from '../src/names.ts';
import type { Target } from '../src/targets.ts';

const target = (os: Target['os']): Target => ({ name: `${os}-x64`, os, cpu: 'x64', zig: '', npm: [] });
const tree = (...paths: string[]) => ({
  directories: [],
  links: [],
  files: paths.map((path) => ({ path, mode: 0o644, size: 0, content: '' })),
});

test('names that differ only in case fail for macOS and Windows, naming both', () => {
  for (const os of ['darwin', 'win'] as const) {
    expect(() => checkNames(tree('lib/Readme', 'lib/README'), target(os))).toThrow(
      /"lib\/Readme" and "lib\/README"/,
    );
  }
  checkNames(tree('lib/Readme', 'lib/README'), target('linux'));
});

test('names that differ only in Unicode normalisation fail for macOS', () => {
  expect(() => checkNames(tree('\u00e9.js', 'e\u0301.js'), target('darwin'))).toThrow(/are one name/);
});

test.each([
  'aux',
  'lib/nul.js',
  'aux .txt',
  'a/COM1',
  'CONIN$',
  'lib/x.',
  'x ',
  'a:b',
  'what?.txt',
  'lib/a|b/c',
])('Windows cannot hold %j', (name) => {
  expect(() => checkNames(tree(name), target('win'))).toThrow(/Windows has no file called/);
  checkNames(tree(name), target('linux'));
});

test('names that merely look like devices pass', () => {
  checkNames(tree('console.js', 'auxiliary/nullable.js', 'com10x', '.npmignore'), target('win'));
});
